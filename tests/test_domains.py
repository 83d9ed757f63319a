"""Every program that opens networks takes one domain of a pair, as if it had been trained alone."""

import numpy as np
import pytest
from support.network_weights import assert_equal_networks
from support.saved_pictures import pixels, text
from support.slow_cases import first_is_fast
from support.tiny_pair import make_pair_run

from msg_stylegan import load_networks
from msg_stylegan.commands import convert, export, generate
from msg_stylegan.networks import save_networks

CLASSES = {"kind": "classes", "counts": [2, 2, 2]}
OTHERS = {"kind": "classes", "counts": [2, 2, 2], "names": ["ant", "cat", "dog"]}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A pair of gray and colour images, its domains in files of their own, and another folder."""
    folder = tmp_path_factory.mktemp("pairs")
    run_dir = make_pair_run(folder, snapshots=(0,), channels=(1, 3), label_sizes=(3, 3))
    pair = run_dir / "network-snapshot-000000.keras"
    nets = load_networks(pair)
    save_networks(nets, pair, {**nets.info, "labels": CLASSES, "labels_b": OTHERS})
    nets = load_networks(pair)
    paths = {"pair": pair}
    for name in "ab":
        paths[name] = folder / f"{name}.keras"
        save_networks(nets.of_domain(name), paths[name], nets.of_domain(name).info)
    return paths


COMMANDS = {
    "images": ["--seeds=0-1", "--noise_mode=random"],
    "multiscale": ["--seeds=0", "--class=1"],
    "noise": ["--seeds=0", "--repeats=2"],
    "mixing": ["--seeds=0", "--rows=1"],
    "truncation": ["--seeds=0", "--psis=1,0"],
    "uncurated": ["--seeds=0-2"],
    "classes": ["--seeds=0"],
    "directions": ["--seeds=0", "--count=1"],
    "interpolation": ["--seeds=0", "--points=1", "--transition=2", "--format=frames"],
}


@pytest.mark.parametrize("command", first_is_fast(COMMANDS))
def test_a_domain_is_drawn_as_if_it_were_alone(files, tmp_path, command):
    def draw(source, name, *arguments):
        outdir = tmp_path / name
        network = [f"--network={files[source]}", f"--outdir={outdir}", *arguments]
        assert generate.main([command, *network, *COMMANDS[command]]) == 0
        paths = sorted(outdir.rglob("*.png"))
        return {path.relative_to(outdir): (pixels(path), text(path)) for path in paths}

    drawn = {
        name: draw("pair", f"pair-{name}", *options)
        for name, options in (("a", []), ("b", ["--domain=b"]))
    }
    for name in "ab":
        alone = draw(name, f"alone-{name}")
        assert alone.keys() == drawn[name].keys() != set()
        for path, (picture, facts) in drawn[name].items():
            np.testing.assert_array_equal(picture, alone[path][0])
            assert facts.get("domain", name) == name
            assert facts.get("class_name") == alone[path][1].get("class_name")
    assert {picture.ndim for picture, _ in drawn["a"].values()} == {2}
    assert {picture.ndim for picture, _ in drawn["b"].values()} == {3}


def test_scores_are_those_of_the_discriminator_of_the_domain(files, tmp_path, capsys):
    assert generate.main(
        ["images", f"--network={files['pair']}", f"--outdir={tmp_path}", "--seeds=0-1"]
    ) == 0  # fmt: skip
    capsys.readouterr()
    printed = {}
    for source, domain in (("a", "a"), ("b", "b"), ("pair", "a"), ("pair", "b")):
        network = [f"--network={files[source]}", f"--domain={domain}", "--class=0"]
        assert generate.main(["score", str(tmp_path), *network]) == 0
        printed[source, domain] = capsys.readouterr().out
    assert printed["pair", "a"] == printed["a", "a"] != printed["b", "b"]
    assert printed["pair", "b"] == printed["b", "b"]


def test_one_domain_is_exported_or_converted(files, tmp_path, capsys):
    for name, options in (("a", []), ("b", ["--domain=b"])):
        output = tmp_path / f"G{name}.keras"
        source = [f"--network={files['pair']}", f"--output={output}", "--format=keras"]
        assert export.main([*source, *options]) == 0
        assert f"domain {name} of a pair" in capsys.readouterr().out
        expected = load_networks(files[name])
        exported = load_networks(output)
        for ours, theirs in zip(exported.G_ema.variables, expected.G_ema.variables, strict=True):
            np.testing.assert_array_equal(ours, theirs)
        assert exported.info == expected.info
        for suffix in (".npz", ".keras"):
            output = tmp_path / f"{name}{suffix}"
            assert convert.main([str(files["pair"]), str(output), f"--domain={name}"]) == 0
            assert_equal_networks(load_networks(output), expected)
            assert load_networks(output).info == expected.info


def test_a_pair_is_converted_whole_or_not_at_all(files, tmp_path, capsys):
    assert convert.main([str(files["pair"]), str(tmp_path / "a.keras")]) == 0
    pair = load_networks(tmp_path / "a.keras")
    assert_equal_networks(pair, load_networks(files["pair"]))
    assert pair.info == load_networks(files["pair"]).info
    assert convert.main([str(files["pair"]), str(tmp_path / "a.npz")]) == 1
    assert "--domain a or --domain b" in capsys.readouterr().err
    assert not (tmp_path / "a.npz").exists()


def test_a_file_of_one_domain_is_its_domain_a(files, tmp_path, capsys):
    def images(path, domain):
        network = [f"--network={path}", f"--domain={domain}", "--seeds=0"]
        return generate.main(["images", *network, f"--outdir={tmp_path / domain}"])

    assert images(files["a"], "a") == 0
    assert images(files["a"], "b") == 1
    error = capsys.readouterr().err
    assert "no domain B" in error and str(files["a"]) in error
    assert not (tmp_path / "b").exists()
    # It says itself which one it is.
    assert images(files["b"], "b") == 0
    target = tmp_path / "x.keras"
    network = [f"--network={files['a']}", "--format=keras", f"--output={target}"]
    assert export.main([*network, "--domain=b"]) == 1
    assert convert.main([str(files["a"]), str(target), "--domain=b"]) == 1
    assert capsys.readouterr().err.count("no domain B") == 2
    assert not target.exists()
