import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.saved_pictures import pixels, text

from msg_stylegan import load_networks
from msg_stylegan.commands import generate
from msg_stylegan.generation.arguments import MAX_SEED, parse_seeds
from msg_stylegan.sampling.sampler import Sampler, z_of_seeds
from msg_stylegan.sampling.style_directions import find_directions, write_directions


def call(drawn_runs, outdir, command, *arguments):
    return generate.main(
        [command, f"--result_dir={drawn_runs}", f"--outdir={outdir}", "--network=1", *arguments]
    )


ranges = st.lists(
    st.tuples(st.integers(0, 5), st.integers(1, 9), st.booleans()), min_size=1, max_size=9
)


@given(ranges, st.integers(0, MAX_SEED - 200))
def test_written_seeds_are_read_back(steps, start):
    seeds, items = [], []
    for gap, count, as_range in steps:
        first = (seeds[-1] + 1 if seeds else start) + gap
        if as_range:
            items.append(f"{first}-{first + count - 1}")
            seeds += range(first, first + count)
        else:
            items.append(str(first))
            seeds.append(first)
    assert parse_seeds(",".join(items)) == seeds


@given(st.text("0123456789-, x٣", max_size=8))
def test_any_text_is_read_or_refused_with_the_reason(written):
    try:
        seeds = parse_seeds(written)
    except ValueError as error:
        assert "seed" in str(error) or "range" in str(error)
    else:
        assert seeds and len(set(seeds)) == len(seeds)
        assert all(0 <= seed <= MAX_SEED for seed in seeds)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("", "such as 0-31,77"),
        ("1,", "received ''"),
        ("-1", "received '-1'"),
        ("1, 2", "received ' 2'"),
        ("1.5", "received '1.5'"),
        ("5-3", "write 3-5"),
        ("0-3,2", "seed 2 occurs twice"),
        ("4294967296", "seeds go up to 4294967295"),
        ("0-4294967295", "more than 1000000 seeds"),
    ],
)
def test_bad_seeds_are_explained(written, message, capsys):
    with pytest.raises(ValueError, match=message):
        parse_seeds(written)
    with pytest.raises(SystemExit) as exit_info:
        generate.main(["images", "--network=1", "--outdir=x", f"--seeds={written}"])
    assert exit_info.value.code == 2
    assert message in capsys.readouterr().err


def test_order_of_seeds_is_kept():
    assert parse_seeds("7,0-2,5") == [7, 0, 1, 2, 5]


def test_one_picture_per_seed_with_its_facts(drawn_runs, tmp_path, capsys):
    assert call(drawn_runs, tmp_path, "images", "--seeds=0-1,12345") == 0
    names = ["seed0000.png", "seed0001.png", "seed12345.png"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    assert pixels(tmp_path / names[0]).shape == (16, 16)
    snapshot = drawn_runs / "00001-tiny-1gpu" / "network-snapshot-000001.keras"
    assert text(tmp_path / names[2]) == {
        "network": snapshot.name,
        "network_sha256": hashlib.sha256(snapshot.read_bytes()).hexdigest()[:16],
        "seed": "12345",
        "truncation_psi": "0.7",
        "truncation_cutoff": "8",
        "noise_mode": "const",
    }
    assert capsys.readouterr().out.startswith("3 images in")


def test_the_network_file_is_opened_as_often_for_many_pictures_as_for_one(
    drawn_runs, tmp_path, monkeypatch
):
    opened = []
    path_open = Path.open

    def counting_open(path, *arguments, **options):
        opened.append(path.suffix)
        return path_open(path, *arguments, **options)

    monkeypatch.setattr(Path, "open", counting_open)
    counts = []
    for command, seeds in (("images", "0"), ("images", "0-2"), ("directions", "0-1")):
        opened.clear()
        assert call(drawn_runs, tmp_path, command, f"--seeds={seeds}") == 0
        counts.append(opened.count(".keras"))
    assert counts[0] > 0 and len(set(counts)) == 1


@pytest.mark.parametrize("noise_mode", ["const", "random", "none"])
def test_the_image_of_a_seed_does_not_depend_on_other_seeds(drawn_runs, tmp_path, noise_mode):
    options = [f"--noise_mode={noise_mode}", "--truncation_psi=1"]
    call(drawn_runs, tmp_path / "many", "images", "--seeds=5-7", *options)
    call(drawn_runs, tmp_path / "one", "images", "--seeds=6", *options)
    many, one = (pixels(tmp_path / name / "seed0006.png") for name in ("many", "one"))
    np.testing.assert_array_equal(many, one)


def test_options_reach_the_network(drawn_runs, tmp_path):
    found = []
    for i, options in enumerate(
        (
            ["--noise_mode=const"],
            ["--noise_mode=random"],
            ["--noise_mode=none"],
            ["--truncation_psi=1"],
            ["--truncation_psi=1", "--truncation_cutoff=0"],
            [f"--network={drawn_runs / '00001-tiny-1gpu' / 'network-snapshot-000000.keras'}"],
        )
    ):
        assert call(drawn_runs, tmp_path / str(i), "images", "--seeds=3", *options) == 0
        found.append(pixels(tmp_path / str(i) / "seed0003.png").tobytes())
    # Truncating no layer is the same as truncating by nothing; all else makes a difference.
    assert found[3] == found[4]
    assert len(set(found)) == 5


def test_sheet_shows_the_scales_that_images_draws(drawn_runs, tmp_path, capsys):
    assert call(drawn_runs, tmp_path, "multiscale", "--seeds=4,9") == 0
    path = tmp_path / "multiscale.png"
    assert capsys.readouterr().out.strip() == str(path)
    sheet = pixels(path)
    assert sheet.shape == (2 * 16 + 6, 3 * 16 + 2 * 2)
    assert text(path)["seed"] == "4,9"
    for column, scale in ((0, 4), (2, 16)):
        call(drawn_runs, tmp_path / str(scale), "images", "--seeds=4,9", f"--scale={scale}")
        for row, seed in enumerate((4, 9)):
            image = pixels(tmp_path / str(scale) / f"seed{seed:04d}.png")
            assert image.shape == (scale, scale)
            shown = sheet[row * 22 : row * 22 + 16, column * 18 : column * 18 + 16]
            np.testing.assert_array_equal(
                shown, np.kron(image, np.ones((16 // scale, 16 // scale)))
            )


def test_sheet_can_be_wide_and_large(drawn_runs, tmp_path):
    call(drawn_runs, tmp_path, "multiscale", "--seeds=0-2", "--columns=3", "--zoom=2")
    assert pixels(tmp_path / "multiscale.png").shape == (32, 3 * (3 * 32 + 4) + 2 * 6)


def test_scales_can_be_chosen_and_stacked(drawn_runs, tmp_path):
    for i, (options, shape) in enumerate(
        (
            (["--scales=alternate"], (16, 2 * 16 + 2)),
            (["--scales=4,8"], (8, 2 * 8 + 2)),
            (["--layout=tower"], (3 * 16 + 2 * 2, 16)),
            (["--layout=grid"], (2 * 16 + 2, 2 * 16 + 2)),
        )
    ):
        assert call(drawn_runs, tmp_path / str(i), "multiscale", "--seeds=4", *options) == 0
        assert pixels(tmp_path / str(i) / "multiscale.png").shape == shape
    found = text(tmp_path / "0" / "multiscale.png")
    assert (found["scales"], found["layout"]) == ("4,16", "strip")
    assert call(drawn_runs, tmp_path, "images", "--seeds=4") == 0
    image = pixels(tmp_path / "seed0004.png")
    sheets = [pixels(tmp_path / str(i) / "multiscale.png") for i in range(4)]
    # The highest of the scales is last in a strip, first in a tower.
    np.testing.assert_array_equal(sheets[0][:, 18:], image)
    np.testing.assert_array_equal(sheets[2][:16], image)
    np.testing.assert_array_equal(sheets[3][18:, :16], image)


@pytest.mark.parametrize("noise_mode", ["const", "random"])
def test_images_are_those_of_a_sampler(drawn_runs, tmp_path, noise_mode):
    G = load_networks(drawn_runs / "00001-tiny-1gpu").G_ema
    sampler = Sampler(G, 1, truncation_psi=0.6, truncation_cutoff=3, noise_mode=noise_mode)
    options = ["--truncation_psi=0.6", "--truncation_cutoff=3", f"--noise_mode={noise_mode}"]
    assert call(drawn_runs, tmp_path, "images", "--seeds=0-4", *options) == 0
    for seed in range(5):
        expected = sampler(z_of_seeds([seed], G.z_dim), seed=seed)[-1]
        np.testing.assert_array_equal(pixels(tmp_path / f"seed{seed:04d}.png"), expected[0, ..., 0])


def test_a_direction_changes_the_images_back_and_forth(drawn_runs, tmp_path):
    G = load_networks(drawn_runs / "00001-tiny-1gpu").G_ema
    file = tmp_path / "directions.json"
    write_directions(file, find_directions(G), 1.0, {})
    found = []
    for i, options in enumerate(
        ([], ["--strength=0"], ["--strength=2"], ["--strength=-2"], ["--direction"])
    ):
        direction = [f"--direction={file}:1"] if options else []
        if options == ["--direction"]:
            options, direction = [], [f"--direction={file}:0"]
        out = tmp_path / str(i)
        assert call(drawn_runs, out, "images", "--seeds=3", *direction, *options) == 0
        found.append(pixels(out / "seed0003.png").tobytes())
    assert found[0] == found[1]
    assert len(set(found)) == 4
    facts = text(tmp_path / "3" / "seed0003.png")
    assert (facts["direction"], facts["strength"]) == ("directions.json:1", "-2.0")
    assert text(tmp_path / "4" / "seed0003.png")["strength"] == "3.0"


def test_directions_add_up(drawn_runs, tmp_path):
    G = load_networks(drawn_runs / "00001-tiny-1gpu").G_ema
    file = tmp_path / "directions.json"
    write_directions(file, find_directions(G), 1.0, {})

    def draw(name, directions, strengths):
        options = ["--direction", *(f"{file}:{i}" for i in directions), "--strength", *strengths]
        assert call(drawn_runs, tmp_path / name, "images", "--seeds=3", *options) == 0
        return pixels(tmp_path / name / "seed0003.png")

    alone = draw("alone", [1], ["2"])
    np.testing.assert_array_equal(draw("nothing more", [1, 2], ["2", "0"]), alone)
    assert (draw("more", [1, 2], ["2", "-1.5"]) != alone).any()
    there_and_back = draw("there and back", [1, 1, 1], ["2", "4", "-4"])
    # But for rounding.
    np.testing.assert_allclose(there_and_back.astype(int), alone, atol=1)
    np.testing.assert_array_equal(draw("once for all", [1, 2], ["2"]), draw("each", [1, 2], "22"))
    facts = text(tmp_path / "more" / "seed0003.png")
    assert facts["direction"] == "directions.json:1,directions.json:2"
    assert facts["strength"] == "2.0,-1.5"


def test_noise_may_have_a_seed_of_its_own(drawn_runs, tmp_path):
    def draw(name, *options):
        options = ["--noise_mode=random", *options]
        assert call(drawn_runs, tmp_path / name, "images", "--seeds=3", *options) == 0
        return pixels(tmp_path / name / "seed0003.png")

    usual = draw("usual")
    np.testing.assert_array_equal(draw("same", "--noise_seed=3"), usual)
    assert (draw("other", "--noise_seed=4") != usual).any()
    assert text(tmp_path / "other" / "seed0003.png")["noise_seed"] == "4"


def test_classes(drawn_runs, tmp_path):
    options = [f"--result_dir={drawn_runs / 'conditional'}"]
    seeds = "--seeds=0-5"
    assert call(drawn_runs, tmp_path / "free", "images", seeds, *options) == 0
    for k in range(3):
        assert call(drawn_runs, tmp_path / str(k), "images", seeds, f"--class={k}", *options) == 0
    used = set()
    for name in (f"seed{seed:04d}.png" for seed in range(6)):
        drawn = text(tmp_path / "free" / name)["class"]
        used.add(drawn)
        for k in "012":
            same = (pixels(tmp_path / "free" / name) == pixels(tmp_path / k / name)).all()
            assert same == (k == drawn)
    assert len(used) > 1


@pytest.mark.parametrize(
    ("command", "arguments", "message"),
    [
        ("images", ["--class=0"], "trained without labels"),
        ("images", ["--scale=32"], "makes images of [4, 8, 16] pixels. Received [32]"),
        ("images", ["--network=9"], "There is no run '9'"),
        ("images", ["--strength=1"], "--strength needs --direction"),
        ("images", ["--direction=a:0", "--strength", "1", "2"], "once for each of the 1"),
        ("images", ["--noise_seed=1"], "--noise_seed needs --noise_mode random"),
        ("images", ["--direction=no.json:1"], "There is no file no.json"),
        ("multiscale", ["--scales=8,64"], "makes images of [4, 8, 16] pixels. Received [8, 64]"),
        ("multiscale", ["--network=no.keras"], "There is no snapshot"),
        ("mixing", ["--rows=1", "--layers=4-6"], "0 to 5"),
        ("noise", ["--network=SILENT"], "no noise inputs"),
        ("truncation", ["--truncation_psi=0.5"], "--psis has the psi of each row"),
        ("classes", [], "without labels"),
        ("interpolation", ["--path=slerp"], "at least two --seeds"),
        ("interpolation", ["--path=slerp", "--points=2"], "--points is for --path loop and"),
        ("interpolation", ["--path=noise", "--smoothing=2"], "--smoothing is for --path loop"),
        ("interpolation", ["--open"], "--open is for --path slerp and --w"),
        ("interpolation", ["--points=2", "--seconds=1"], "--seconds is instead of --points"),
        ("interpolation", ["--path=noise", "--noise_mode=none"], "--path noise draws new noise"),
        ("interpolation", ["--fps=60", "--format=gif"], "at most 50"),
        ("interpolation", ["--path=noise", "--network=SILENT"], "no noise inputs"),
    ],
)
def test_wrong_requests_give_one_clear_error(
    drawn_runs, tmp_path, capsys, command, arguments, message
):
    arguments = [text.replace("SILENT", str(drawn_runs / "silent.keras")) for text in arguments]
    assert call(drawn_runs, tmp_path / "out", command, "--seeds=0", *arguments) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ") and message in error
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("command", "option", "reason"),
    [
        ("multiscale", "--zoom=0", "at least 1"),
        ("multiscale", "--columns=x", "at least 1"),
        ("multiscale", "--class=-1", "the name of a class"),
        ("multiscale", "--noise_mode=loud", "invalid choice"),
        ("multiscale", "--truncation_psi=inf", "finite number"),
        ("mixing", "--layers=3-1", "layers such as"),
        ("mixing", "--layers=all", "layers such as"),
        ("noise", "--noise_scales=8-4", "resolutions such as"),
        ("truncation", "--psis=1,,2", "numbers such as"),
        ("truncation", "--psis=nan", "numbers such as"),
        ("interpolation", "--scales=some", "sizes such as"),
        ("interpolation", "--fps=0", "above 0"),
        ("interpolation", "--seconds=-1", "above 0"),
        ("interpolation", "--smoothing=inf", "finite number"),
    ],
)
def test_wrong_numbers_are_a_matter_of_usage(drawn_runs, tmp_path, command, option, reason, capsys):
    more = ["--rows=1"] if command == "mixing" else []
    with pytest.raises(SystemExit) as exit_info:
        call(drawn_runs, tmp_path, command, "--seeds=0", option, *more)
    assert exit_info.value.code == 2
    error = capsys.readouterr().err
    assert option.partition("=")[0] in error and reason in error
