"""Pictures of both domains of a pair show what each domain draws alone, side by side."""

import re

import numpy as np
import pytest
from support.saved_pictures import pixels, text
from support.tiny_pair import labels_of_pair, make_pair

from msg_stylegan.commands import generate
from msg_stylegan.networks import save_networks

CLASSES = {"kind": "classes", "counts": [0, 3, 5]}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Pairs of gray and colour images by the sizes of their labels, and one domain alone."""
    folder = tmp_path_factory.mktemp("pairs")
    paths = {}
    for sizes in ((0, 0), (3, 3), (0, 3)):
        paths[sizes] = folder / f"{sizes[0]}{sizes[1]}.keras"
        nets = make_pair(channels=(1, 3), label_sizes=sizes)
        save_networks(nets, paths[sizes], labels_of_pair(sizes, CLASSES))
        if sizes == (0, 0):
            save_networks(nets.of_domain("a"), folder / "single.keras", {})
            paths["single"] = folder / "single.keras"
    return paths


@pytest.fixture
def draw(tmp_path):
    """Runs a command; returns its pictures, all of them in colour, and what they tell."""

    def run(network, command, *arguments):
        outdir = tmp_path / str(len(list(tmp_path.iterdir())))
        options = [f"--network={network}", f"--outdir={outdir}", *arguments]
        assert generate.main([command, *options]) == 0
        return [(in_colour(pixels(path)), text(path)) for path in sorted(outdir.rglob("*.png"))]

    return run


def in_colour(picture):
    return np.repeat(picture[..., None], 3, axis=2) if picture.ndim == 2 else picture


def assert_side_by_side(picture, a, b, gap):
    """Both halves, and nothing but white between them."""
    np.testing.assert_array_equal(picture[:, : a.shape[1]], a)
    np.testing.assert_array_equal(picture[:, -b.shape[1] :], b)
    assert (picture[:, a.shape[1] : -b.shape[1]] == 255).all()
    assert picture.shape[1] == a.shape[1] + gap + b.shape[1]


@pytest.mark.parametrize("sizes", [(0, 0), (3, 3), (0, 3)])
def test_both_images_of_a_seed_are_those_of_its_domains(files, draw, sizes):
    options = ["images", "--seeds=0-2", "--noise_mode=random", "--scale=8"]
    both = draw(files[sizes], *options, "--domain=both")
    a, b = (draw(files[sizes], *options, f"--domain={name}") for name in "ab")
    alone = [item for pair in zip(a, b, strict=True) for item in pair]
    for (picture, facts), (expected, expected_facts) in zip(both, alone, strict=True):
        np.testing.assert_array_equal(picture, expected)
        assert facts == expected_facts
    for (_, of_a), (_, of_b) in zip(both[::2], both[1::2], strict=True):
        assert (of_a["domain"], of_b["domain"]) == ("a", "b")
        assert of_a["seed"] == of_b["seed"]
        assert sizes[0] != sizes[1] or of_a.get("class") == of_b.get("class")


@pytest.mark.slow
def test_the_sheet_of_pairs_has_the_sheets_of_the_domains(files, draw):
    for options in (["--layout=tower"], ["--scales=alternate", "--zoom=2", "--class=2"]):
        network = files[(3, 3)]
        sheets = {}
        for seed in (4, 5):
            a, b = (
                draw(network, "multiscale", f"--seeds={seed}", f"--domain={name}", *options)[0][0]
                for name in "ab"
            )
            ((sheets[seed], facts),) = draw(network, "pairs", f"--seeds={seed}", *options)
            assert_side_by_side(sheets[seed], a, b, gap=6)
            assert facts["domain"] == "both" and facts["seed"] == str(seed)
        ((sheet, _),) = draw(network, "pairs", "--seeds=4-5", "--columns=2", *options)
        # Pairs are further apart than what belongs together.
        assert_side_by_side(sheet, sheets[4], sheets[5], gap=18)


@pytest.mark.parametrize("path", ["loop", "slerp", "noise"])
def test_both_domains_walk_the_same_way(files, draw, path):
    options = [
        *("interpolation", f"--path={path}", "--seeds=0-1", "--transition=2"),
        *("--scales=8,16", "--format=frames"),
    ]
    if path != "slerp":
        options.append("--points=1")
    both = draw(files[(3, 3)], *options, "--domain=both")
    a, b = (draw(files[(3, 3)], *options, f"--domain={name}") for name in "ab")
    assert len(both) == len(a) == len(b) > 1
    height = 16
    for (picture, _), (of_a, _), (of_b, _) in zip(both, a, b, strict=True):
        # With a walk for each seed there are two rows.
        for row in range(1 if path == "slerp" else 2):
            top, top_of_pair = row * (height + 6), row * (height + 18)
            assert_side_by_side(
                picture[top_of_pair : top_of_pair + height],
                of_a[top : top + height],
                of_b[top : top + height],
                gap=6,
            )


@pytest.mark.parametrize(
    ("network", "arguments", "message"),
    [
        ("single", ["pairs"], "not those of a pair"),
        ("single", ["images", "--domain=both"], "not those of a pair"),
        ((0, 3), ["pairs", "--class=1"], "labels that both domains have.* 0 and 3 numbers"),
        ((3, 3), ["pairs", "--class=0"], "class"),
        ((0, 0), ["images", "--domain=both", "--direction=x.json:0"], "belongs to one domain"),
    ],
)
def test_what_is_not_a_pair_is_refused(files, tmp_path, capfd, network, arguments, message):
    command, *rest = arguments
    network = [f"--network={files[network]}", "--seeds=0", f"--outdir={tmp_path / 'out'}"]
    assert generate.main([command, *network, *rest]) == 1
    (error,) = [x for x in capfd.readouterr().err.splitlines() if x.startswith("error: ")]
    assert re.search(message, error)
    assert not (tmp_path / "out").exists()
