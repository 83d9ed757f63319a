import json

import numpy as np
import pytest
from support.flat_options import progan_generator_options
from support.saved_pictures import pixels, text
from support.tiny_run import make_networks, make_run

from msg_stylegan.commands import generate
from msg_stylegan.networks import Generator
from msg_stylegan.sampling.sampler import to_uint8, z_of_seeds
from msg_stylegan.sampling.style_directions import (
    StyleDirections,
    direction_shift,
    find_directions,
    read_direction,
    write_directions,
)


@pytest.fixture(scope="module")
def G():
    return make_networks().G_ema


def styles(G, w, layers):
    """Scales and shifts of some layers, one after another."""
    epilogues = [e for b in G.synthesis.blocks for e in (b.epilogue0, b.epilogue1)]
    return np.concatenate([np.asarray(epilogues[i].style(w)) for i in layers], axis=1)


@pytest.mark.parametrize("layers", [None, [0, 1], [5]])
def test_first_direction_changes_styles_most(G, layers):
    found = find_directions(G, layers)
    chosen = layers or list(range(6))
    assert found.layers == chosen
    np.testing.assert_allclose(found.vectors @ found.vectors.T, np.eye(8), atol=1e-5)
    assert (np.diff(found.eigenvalues) <= 0).all()
    w = np.random.default_rng(0).normal(size=(1, 8)).astype(np.float32)

    def change(steps):
        difference = styles(G, w + steps, chosen) - styles(G, np.repeat(w, len(steps), 0), chosen)
        return np.square(difference).sum(axis=1)

    np.testing.assert_allclose(change(found.vectors), found.eigenvalues, rtol=1e-3, atol=1e-4)
    random = np.random.default_rng(1).normal(size=(5000, 8)).astype(np.float32)
    random /= np.linalg.norm(random, axis=1, keepdims=True)
    strongest = change(random).max()
    assert 0.8 * found.eigenvalues[0] < strongest <= found.eigenvalues[0] * 1.001
    assert change(random).min() >= found.eigenvalues[-1] * 0.999 - 1e-4


def test_directions_do_not_depend_on_chance(G):
    again = make_networks().G_ema
    np.testing.assert_array_equal(find_directions(G).vectors, find_directions(again).vectors)
    largest = np.abs(find_directions(G).vectors).argmax(axis=1)
    assert (find_directions(G).vectors[range(8), largest] > 0).all()


def test_round_trip(G, tmp_path):
    found = find_directions(G, [2, 3])
    path = tmp_path / "with:colon" / "d.json"
    write_directions(path, found, 0.5, {"network": "name"})
    assert json.loads(path.read_text())["network"] == "name"
    step, layers = read_direction(f"{path}:3")
    assert step.dtype == np.float32 and layers == [2, 3]
    np.testing.assert_array_equal(step, found.vectors[3] * np.float32(0.5))
    shift = direction_shift((step, layers), -2.0, 6)
    np.testing.assert_array_equal(shift[[0, 1, 4, 5]], np.zeros((4, 8)))
    np.testing.assert_array_equal(shift[[2, 3]], np.stack([-2 * step] * 2))
    with pytest.raises(ValueError, match="This network has 2 layers"):
        direction_shift((step, layers), 1.0, 2)
    with pytest.raises(ValueError, match="directions 0 to 7"):
        read_direction(f"{path}:8")


def test_other_files_are_refused(tmp_path):
    for content in ("{}", "[]", "no", '{"format": "msg_stylegan directions 1", "vectors": 3}'):
        (tmp_path / "a.json").write_text(content)
        with pytest.raises(ValueError, match="is not a file of directions"):
            read_direction(tmp_path / "a.json:0")
    with pytest.raises(FileNotFoundError):
        read_direction(tmp_path / "none.json:0")
    for place in ("a.json", "a.json:", "a.json:-1", ":1"):
        with pytest.raises(ValueError, match="such as"):
            read_direction(place)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("layers", "[]"),
        ("layers", "[-1]"),
        ("layers", "[1.5]"),
        ("layers", "2"),
        ("scale", "NaN"),
        ("scale", "1e999"),
        ("scale", "1" + 400 * "0"),
        ("vectors", "[[1" + 400 * "0" + "]]"),
    ],
)
def test_files_with_impossible_values_are_refused(G, tmp_path, key, value):
    write_directions(tmp_path / "a.json", find_directions(G), 0.5, {})
    content = json.loads((tmp_path / "a.json").read_text())
    content[key] = "REPLACED"
    (tmp_path / "a.json").write_text(json.dumps(content).replace('"REPLACED"', value))
    with pytest.raises(ValueError, match=r"a\.json is not a file of directions: "):
        read_direction(tmp_path / "a.json:0")


def test_directions_of_another_network_are_refused(tmp_path, capsys):
    make_run(tmp_path, tmp_path, snapshots=[0])
    path = tmp_path / "other.json"
    write_directions(path, StyleDirections([0], np.ones(4), np.eye(4)), 1.0, {})
    options = ["--network=1", f"--result_dir={tmp_path}", "--seeds=4", f"--direction={path}:1"]
    assert generate.main(["images", *options, f"--outdir={tmp_path / 'out'}"]) == 1
    error = capsys.readouterr().err
    assert f"error: {path}:1 is a direction of 4 numbers" in error and "Traceback" not in error


def test_networks_without_styles(G):
    progan = Generator.from_config(progan_generator_options(depth=4, latent_size=8))
    progan.build()
    found = find_directions(progan)
    assert found.layers == [0] and found.vectors.shape == (8, 8)
    assert found.eigenvalues[-1] > 0
    config = {**G.get_config(), "use_styles": False}
    dense, const = (Generator.from_config({**config, "use_const_input": c}) for c in (False, True))
    dense.build()
    const.build()
    assert find_directions(dense).layers == [0]
    with pytest.raises(ValueError, match="no layer reads w"):
        find_directions(const)


def test_missing_layers_are_refused(G):
    with pytest.raises(ValueError, match="layers 0 to 5"):
        find_directions(G, [4, 6])


def test_command_writes_a_sheet_and_a_file(tmp_path):
    make_run(tmp_path, tmp_path, snapshots=[0])
    shared = ["--network=1", f"--result_dir={tmp_path}", "--seeds=4", "--truncation_psi=1"]
    out = ["--layers=2-3", "--count=2", "--strengths=-5,0,5", f"--outdir={tmp_path / 'out'}"]
    assert generate.main(["directions", *shared, *out]) == 0
    path = tmp_path / "out" / "directions-seed0004.png"
    sheet, facts = pixels(path), text(path)
    assert sheet.shape == (2 * 16 + 3, 3 * 16 + 2 * 3)
    assert (facts["seed"], facts["layers"], facts["strengths"]) == ("4", "2,3", "-5,0,5")
    cells = [[sheet[19 * i : 19 * i + 16, 19 * j : 19 * j + 16] for j in range(3)] for i in (0, 1)]
    assert generate.main(["images", *shared, f"--outdir={tmp_path}"]) == 0
    image = pixels(tmp_path / "seed0004.png")
    for row in cells:
        np.testing.assert_array_equal(row[1], image)
        assert not np.array_equal(row[0], image) and not np.array_equal(row[2], image)
    # The written step of strength 5 gives the last cell of the second row.
    G = make_networks().G_ema
    step = read_direction(f"{tmp_path / 'out' / 'directions.json'}:1")
    w = G.mapping(z_of_seeds([4], 8))
    shifted = G.broadcast(w) + direction_shift(step, 5.0, 6)
    expected = to_uint8(G.synthesis(shifted, noise_mode="const")[-1]).numpy()[0, :, :, 0]
    assert np.abs(cells[1][2].astype(int) - expected).max() <= 1
