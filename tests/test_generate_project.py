import io
import json
import pickle
import re

import numpy as np
import pytest
from PIL import Image
from support.saved_pictures import pixels
from support.synthetic_vgg16 import flax_arrays, lpips_arrays, torch_convolutions
from support.tiny_run import make_networks, make_run
from support.torch_writer import tensors, write_zip

from msg_stylegan import projection
from msg_stylegan.commands import generate
from msg_stylegan.projection import generator_with_noise_maps, read_projection
from msg_stylegan.sampling.sampler import to_uint8


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    make_run(folder, folder, snapshots=[0], channels=3)
    return folder


@pytest.fixture(scope="module")
def targets(tmp_path_factory):
    folder = tmp_path_factory.mktemp("targets")
    rng = np.random.default_rng(0)
    for name in ("a.png", "sub/a.png"):
        (folder / name).parent.mkdir(exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (20, 30, 3), np.uint8)).save(folder / name)
    return folder


def call(results, outdir, *arguments):
    return generate.main(
        ["project", "--network=1", f"--result_dir={results}", f"--outdir={outdir}", *arguments]
    )


def weights_file(arrays):
    stream = io.BytesIO()
    write_zip(stream, tensors(arrays))
    return stream.getvalue()


def test_a_folder_is_projected(results, targets, tmp_path, capsys):
    options = ["--steps=6", "--space=w+", "--optimize_noise", "--seed=3"]
    assert call(results, tmp_path, f"--target={targets}", *options) == 0
    listed = json.loads((tmp_path / "projections.json").read_text())
    assert [entry["target"] for entry in listed] == [
        str(targets / name) for name in ("a.png", "sub/a.png")
    ]
    out = capsys.readouterr().out
    for name, entry in zip(("a", "a-2"), listed, strict=True):
        folder = tmp_path / name
        assert sorted(path.name for path in folder.iterdir()) == [
            "0004.png",
            "0008.png",
            "0016.png",
            "comparison.png",
            "optimization.mp4",
            "projection.npz",
        ]
        projection = read_projection(folder / "projection.npz")
        assert projection.facts == entry
        assert entry["network"] == "network-snapshot-000000.keras"
        assert (entry["seed"], entry["space"], entry["steps"]) == (3, "w+", 6)
        assert [error["resolution"] for error in entry["errors"]] == [4, 8, 16]
        assert f"{entry['errors'][-1]['rmse']:.2f}" in out
        G = make_networks(channels=3, seed=0).G_ema
        G = generator_with_noise_maps(G, projection.noise_maps)
        for image in G.synthesis(projection.ws[None], noise_mode="const"):
            stored = pixels(folder / f"{image.shape[1]:04d}.png").astype(int)
            assert np.abs(stored - to_uint8(image).numpy()[0]).max() <= 1
        # Two rows of three scales, each 128 pixels, with gaps of 2 and 6.
        assert pixels(folder / "comparison.png").shape == (2 * 128 + 6, 3 * 128 + 4, 3)


@pytest.mark.slow
def test_projections_are_drawn_again_and_edited(results, targets, tmp_path, capsys):
    target = f"--target={targets / 'a.png'}"
    assert call(results, tmp_path, target, "--steps=3", "--optimize_noise", "--no_video") == 0
    network = ["--network=1", f"--result_dir={results}"]
    w = f"--w={tmp_path / 'a' / 'projection.npz'}"

    def images(*arguments, status=0):
        outdir = f"--outdir={tmp_path / 'out'}"
        assert generate.main(["images", *network, outdir, *arguments]) == status
        return None if status else pixels(tmp_path / "out" / "projection.png")

    np.testing.assert_array_equal(images(w), pixels(tmp_path / "a" / "0016.png"))
    np.testing.assert_array_equal(images(w, "--scale=8"), pixels(tmp_path / "a" / "0008.png"))
    sheet = ["--seeds=0", "--count=1", f"--outdir={tmp_path}"]
    assert generate.main(["directions", *network, *sheet]) == 0
    direction = f"--direction={tmp_path / 'directions.json'}:0"
    np.testing.assert_array_equal(images(w, direction, "--strength=0"), images(w))
    assert np.any(images(w, direction) != images(w))
    capsys.readouterr()
    images(w, "--seeds=1", status=1)
    images(status=1)
    assert capsys.readouterr().err.count("Give either --seeds or --w.") == 2


@pytest.mark.slow
def test_lpips_is_added_where_its_weights_are(results, targets, tmp_path, capsys):
    # The first step is as long whatever the loss is.
    options = [f"--target={targets / 'a.png'}", "--steps=5", "--no_video"]
    cache = f"--cache_dir={tmp_path / 'cache'}"
    assert call(results, tmp_path / "none", *options, cache, "--lpips=on") == 1
    assert "--vgg16_weights" in capsys.readouterr().err

    arrays = flax_arrays(torch_convolutions(), lpips_arrays(np.random.default_rng(1)))
    for folder in ("vgg16", "lpips"):
        (tmp_path / "cache" / folder).mkdir(parents=True, exist_ok=True)
        (tmp_path / "cache" / folder / "vgg16.ckpt").write_bytes(pickle.dumps(arrays, 3))
    found = {}
    for choice in ("auto", "off"):
        outdir = tmp_path / choice
        assert call(results, outdir, *options, cache, f"--lpips={choice}") == 0
        (facts,) = json.loads((outdir / "projections.json").read_text())
        assert facts["lpips"] == (choice == "auto")
        found[choice] = read_projection(outdir / "a" / "projection.npz").ws
    assert np.any(found["auto"] != found["off"])


WRONG_WEIGHTS = {
    "page": (b"<!DOCTYPE html><html>Quota exceeded", r"web page.*Download it again\."),
    "pointer": (b"version https://git-lfs.github.com/spec/v1\n", r"Git LFS.*again\."),
    "half": (weights_file({"features.0.weight": np.ones(99)})[:600], r"damaged.*again\."),
    "missing": (None, r"there is no such file\."),
}


@pytest.mark.parametrize("place", ["vgg16_weights", "cache"])
@pytest.mark.parametrize("content", WRONG_WEIGHTS)
def test_weights_that_do_not_fit_are_not_left_out(
    results, targets, tmp_path, capsys, content, place
):
    data, message = WRONG_WEIGHTS[content]
    path = tmp_path / "cache" / "vgg16" / "mine.pth"
    path.parent.mkdir(parents=True)
    options = [f"--cache_dir={tmp_path / 'cache'}", "--steps=1", "--no_video"]
    if data is not None:
        path.write_bytes(data)
    elif place == "cache":
        assert call(results, tmp_path / "out", f"--target={targets / 'a.png'}", *options) == 0
        return
    options += [] if place == "cache" else [f"--{place}={path}"]
    assert call(results, tmp_path / "out", f"--target={targets}", *options) == 1
    assert not (tmp_path / "out").exists()
    (line,) = [x for x in capsys.readouterr().err.splitlines() if x.startswith("error: ")]
    assert re.fullmatch(f"error: {path} does not fit: .*{message} .*--lpips off.*", line)
    assert line.count(str(path)) == 1 and ".." not in line


def test_weights_that_are_named_are_needed_with_others(results, targets, tmp_path, capsys):
    options = [f"--cache_dir={tmp_path}", f"--lpips_weights={tmp_path / 'vgg.pth'}"]
    assert call(results, tmp_path / "out", f"--target={targets}", *options) == 1
    assert "The weights of VGG16 are missing" in capsys.readouterr().err


def test_a_class_that_is_not_there_is_refused(results, targets, tmp_path, capsys):
    assert call(results, tmp_path / "out", f"--target={targets}", "--class=0") == 1
    assert "trained without labels" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_broken_target_does_not_stop_the_others(results, targets, tmp_path, capsys):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no image")
    out = tmp_path / "out"
    options = ["--steps=2", "--no_video", "--target", str(broken), str(targets / "a.png")]
    assert call(results, out, *options) == 1
    assert "broken.png cannot be used" in capsys.readouterr().err
    assert (out / "a" / "projection.npz").exists()
    assert not (out / "a" / "optimization.mp4").exists()


def test_interruption_keeps_what_is_found(results, targets, tmp_path, monkeypatch, capsys):
    class Interrupted(projection.Projector):
        def search(self, images, **options):
            for step in super().search(images, **options):
                yield step
                if step == 5:
                    raise KeyboardInterrupt

    monkeypatch.setattr(projection, "Projector", Interrupted)
    assert call(results, tmp_path, f"--target={targets}", "--steps=100") == 130
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["a", "projections.json"]
    facts = read_projection(tmp_path / "a" / "projection.npz").facts
    assert (facts["steps"], facts["ended"]) == (5, "interrupted")
    assert (tmp_path / "a" / "optimization.mp4").stat().st_size > 0
    assert "interrupted after 5 steps" in capsys.readouterr().out


def test_interruption_before_the_first_step_keeps_no_result_of_another_target(
    results, targets, tmp_path, monkeypatch
):
    class Interrupted(projection.Projector):
        num_searches = 0

        def _best_starts(self, *args):
            self.num_searches += 1
            if self.num_searches == 2:
                raise KeyboardInterrupt
            return super()._best_starts(*args)

    monkeypatch.setattr(projection, "Projector", Interrupted)
    assert call(results, tmp_path, f"--target={targets}", "--steps=2", "--no_video") == 130
    assert not (tmp_path / "a-2").exists()
    (facts,) = json.loads((tmp_path / "projections.json").read_text())
    assert facts["ended"] == "all steps done"
