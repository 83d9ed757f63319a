"""An image is drawn in the other domain by the latent that was found for it in its own."""

import json

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from support.network_weights import multiply_outputs, randomize_zeros
from support.plain_operations import one_hot
from support.saved_pictures import pixels
from support.tiny_pair import labels_of_pair, make_pair

from msg_stylegan import projection
from msg_stylegan.commands import generate
from msg_stylegan.networks import Generator, Networks, load_snapshot, save_networks
from msg_stylegan.projection import Projector, read_projection
from msg_stylegan.projection.noise_maps import copied_generator
from msg_stylegan.sampling.label_table import label_table
from msg_stylegan.sampling.sampler import latents_of_seeds, to_uint8

CLASSES = {"kind": "classes", "counts": [1, 1, 1]}
KINDS = {
    "unrelated": {"channels": (1, 3)},
    "same": {"relation": "same"},
    "labelled": {"label_sizes": (3, 3)},
    "mixed": {"label_sizes": (0, 3)},
    "encoded": {"channels": (1, 3), "label_sizes": (3, 0), "has_encoder": True},
}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pairs")
    paths = {kind: folder / f"{kind}.keras" for kind in KINDS}
    for kind, path in paths.items():
        sizes = KINDS[kind].get("label_sizes", (0, 0))
        save_networks(make_pair(**KINDS[kind]), path, labels_of_pair(sizes, CLASSES))
    return paths


def moderate(G):
    """A generator of one scale like G, whose images hardly leave [-1, 1].

    Its small images are then the means of its large one, as the search expects of trained ones.
    """
    single = Generator.from_config({**G.get_config(), "connect": "none"})
    single.build()
    randomize_zeros(single, 0)
    images = single(latents_of_seeds(single, range(32)), one_hot_labels(G, 32), noise_mode="const")
    multiply_outputs(single, 0.3 / float(tf.math.reduce_std(images[-1])))
    return single


def one_hot_labels(G, count):
    return one_hot(np.arange(count) % 3, G.label_size) if G.label_size else None


def call(path, outdir, *arguments):
    options = [f"--network={path}", f"--outdir={outdir}", "--lpips=off"]
    return generate.main(["translate", *options, *map(str, arguments)])


def draw(G, z, label=None):
    """Images of one z, which no truncation moves: list of uint8 `[r, r, C]`."""
    return [to_uint8(x).numpy()[0] for x in G(z, label, noise_mode="const")]


def write_image(path, image):
    Image.fromarray(image[:, :, 0] if image.shape[2] == 1 else image).save(path)
    return path


def rmse(a, b):
    return np.sqrt(np.mean(np.square(a.astype(float) - b)))


@pytest.mark.parametrize("domain", ["a", "b"])
def test_an_image_of_a_latent_becomes_that_of_the_other_domain(tmp_path, domain):
    a = moderate(make_pair().G_ema)
    b = copied_generator(a)
    multiply_outputs(b, -1.0)
    nets = Networks(G=None, D=None, G_ema=a, G_ema_b=b, name="networks")
    nets.build()
    network = tmp_path / "pair.keras"
    save_networks(nets, network, {})
    source, target = (a, b) if domain == "a" else (b, a)
    z = latents_of_seeds(source, [5, 6])
    path = write_image(tmp_path / "mine.png", draw(source, z[:1])[-1])
    assert call(network, tmp_path / "out", path, f"--domain={domain}", "--steps=200") == 0
    expected, other = (draw(target, z[i : i + 1])[-1][:, :, 0] for i in (0, 1))
    translated = pixels(tmp_path / "out" / "mine" / "0016.png")
    assert rmse(translated, expected) < 0.1 * rmse(other, expected)


def test_files_hold_what_both_domains_draw_of_the_latent(files, tmp_path):
    nets = load_snapshot(files["labelled"])
    a, b = (nets.of_domain(name).G_ema for name in "ab")
    folder = tmp_path / "images"
    folder.mkdir()
    for name in ("x", "y"):
        pixel = np.random.default_rng(0).integers(0, 256, (16, 16, 1), np.uint8)
        write_image(folder / f"{name}.png", pixel)
    out = tmp_path / "out"
    assert call(files["labelled"], out, folder, "--steps=2", "--class=1") == 0
    listed = json.loads((out / "translations.json").read_text())
    assert [entry["target"] for entry in listed] == [str(folder / f"{x}.png") for x in "xy"]
    for entry in listed:
        assert (entry["domain"], entry["translated_to"], entry["class"]) == ("a", "b", 1)
        assert [error["resolution"] for error in entry["errors"]] == [4, 8, 16]
    found = read_projection(out / "x" / "projection.npz")
    assert found.facts == listed[0]
    np.testing.assert_array_equal(found.label, [0, 1, 0])
    latent = found.z[None], found.label[None]
    names = ["0004.png", "0008.png", "0016.png", "comparison.png", "projection.npz"]
    assert sorted(path.name for path in (out / "x").iterdir()) == names
    for name, image in zip(names, draw(b, *latent), strict=False):
        assert np.abs(pixels(out / "x" / name).astype(int) - image[:, :, 0]).max() <= 1
    # Three rows of scales, each 128 pixels: image, its own domain, the other one.
    rows = pixels(out / "x" / "comparison.png")
    assert rows.shape == (3 * 128 + 2 * 6, 3 * 128 + 2 * 2)
    full = [rows[top : top + 128 : 8, -128::8].astype(int) for top in (0, 134, 268)]
    np.testing.assert_array_equal(full[0], pixels(folder / "x.png"))
    for shown, G in zip(full[1:], (a, b), strict=True):
        assert np.abs(shown - draw(G, *latent)[-1][:, :, 0]).max() <= 1
    # The w of the latent is in the file, for the command `images`.
    np.testing.assert_allclose(found.ws[0], a.mapping(*latent)[0], atol=1e-5)


@pytest.mark.parametrize("z_space", ["normal", "sphere", "uniform"])
@pytest.mark.parametrize("label_size", [0, 3])
def test_images_of_the_search_for_z_are_those_of_z(z_space, label_size):
    G = make_pair(label_sizes=(label_size, label_size)).G_ema
    G = Generator.from_config({**G.get_config(), "z_space": z_space})
    G.build()
    projector = Projector(G, space="z", num_steps=8, num_starts=16)
    target = np.random.default_rng(0).integers(0, 256, (1, 16, 16, 1), np.uint8)
    losses = [projector.best_losses[0] for _ in projector.search(target)]
    assert losses[-1] < losses[0]
    z, label = projector.best_z, projector.best_labels
    for ours, image in zip(projector.best_images(), G(z, label, noise_mode="const"), strict=True):
        np.testing.assert_allclose(ours, image, atol=1e-5)
    if label_size:
        assert sorted(label[0]) == [0, 0, 1]
    if z_space == "sphere":
        np.testing.assert_allclose(G.place_z(z), z, rtol=1e-4)
    if z_space == "uniform":
        assert np.abs(z).max() <= 1


@pytest.mark.slow
def test_the_label_is_that_of_the_best_start():
    G = moderate(make_pair(label_sizes=(3, 3)).G_ema)
    z = latents_of_seeds(G, [3])
    target = draw(G, z, np.eye(3, dtype=np.float32)[[2]])[-1][None]
    projector = Projector(G, space="z", num_steps=0, num_starts=0)
    assert list(projector.search(target, start=z)) == [0]
    np.testing.assert_array_equal(projector.best_labels, [[0, 0, 1]])
    np.testing.assert_allclose(projector.best_z, z, rtol=1e-5)
    only = Projector(G, space="z", num_steps=0, num_starts=0, labels=label_table(G, {}).chosen("1"))
    next(only.search(target, start=z))
    np.testing.assert_array_equal(only.best_labels, [[0, 1, 0]])


@pytest.mark.slow
def test_the_encoder_alone_or_as_one_of_the_starts(files, tmp_path):
    nets = load_snapshot(files["encoded"])
    image = np.random.default_rng(0).integers(0, 256, (16, 16, 1), np.uint8)
    path = write_image(tmp_path / "x.png", image)
    pyramid = tf.repeat(tf.cast(image[None], tf.float32) / 127.5 - 1.0, 3, axis=3)
    pyramid = [tf.nn.avg_pool2d(pyramid, size, size, "VALID") for size in (4, 2, 1)]
    z = nets.E(pyramid).numpy()
    errors = {}
    for start in ("encoder", "samples", "auto"):
        out = tmp_path / start
        assert call(files["encoded"], out, path, f"--start={start}", "--steps=0") == 0
        found = read_projection(out / "x" / "projection.npz")
        errors[start] = found.facts["errors"]
        is_encoded = np.allclose(found.z, z[0], rtol=1e-4)
        assert is_encoded == (start == "encoder") or start == "auto"
        assert found.facts["encoder"] == (start != "samples")
        # Its images have labels, those of the other domain have none.
        drawn = draw(nets.G_ema_b, found.z[None])[-1]
        assert np.abs(pixels(out / "x" / "0016.png").astype(int) - drawn).max() <= 1
    assert errors["auto"] in (errors["encoder"], errors["samples"])


def test_w_is_common_where_the_mapping_is(files, tmp_path):
    nets = load_snapshot(files["same"])
    path = write_image(tmp_path / "x.png", draw(nets.G_ema, latents_of_seeds(nets.G_ema, [1]))[-1])
    for space in ("w", "w+"):
        out = tmp_path / space
        assert call(files["same"], out, path, f"--space={space}", "--steps=3") == 0
        found = read_projection(out / "x" / "projection.npz")
        assert found.z is None
        drawn = to_uint8(nets.G_ema_b.synthesis(found.ws[None], noise_mode="const")[-1])
        shown = pixels(out / "x" / "0016.png").astype(int)
        assert np.abs(shown - drawn.numpy()[0, :, :, 0]).max() <= 1


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("unrelated", ["--space=w"], "share their mapping network"),
        ("unrelated", ["--start=encoder"], "needs a pair that was trained with an encoder"),
        ("encoded", ["--start=encoder", "--space=w"], "needs"),
        ("mixed", [], "Domain b takes labels of 3 numbers"),
        ("labelled", ["--class=7"], "class"),
        ("alone", [], "not those of a pair"),
    ],
)
def test_what_cannot_be_translated_is_refused(files, tmp_path, capsys, kind, options, message):
    network = files.get(kind)
    if network is None:
        network = tmp_path / "alone.keras"
        save_networks(load_snapshot(files["same"]).of_domain("a"), network, {})
    path = write_image(tmp_path / "x.png", np.zeros((16, 16, 1), np.uint8))
    assert call(network, tmp_path / "out", path, *options) == 1
    (error,) = [x for x in capsys.readouterr().err.splitlines() if x.startswith("error: ")]
    assert message in error
    assert not (tmp_path / "out").exists()


def test_a_broken_image_and_an_interruption_keep_what_is_done(files, tmp_path, capsys, monkeypatch):
    for name in ("x", "y", "z"):
        write_image(tmp_path / f"{name}.png", np.full((16, 16, 1), ord(name), np.uint8))
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no image")
    images = [broken, *(tmp_path / f"{name}.png" for name in "xyz")]
    assert call(files["same"], tmp_path / "out", *images[:2], "--steps=1") == 1
    assert "broken.png cannot be used" in capsys.readouterr().err
    assert (tmp_path / "out" / "x" / "0016.png").exists()

    class Interrupted(projection.Projector):
        def search(self, images, **options):
            for step in super().search(images, **options):
                yield step
                if step == 2 and images[0, 0, 0, 0] == ord("y"):
                    raise KeyboardInterrupt

    monkeypatch.setattr(projection, "Projector", Interrupted)
    assert call(files["same"], tmp_path / "rest", *images[1:], "--steps=3") == 130
    listed = json.loads((tmp_path / "rest" / "translations.json").read_text())
    assert [entry["ended"] for entry in listed] == ["all steps done", "interrupted"]
    assert sorted(path.name for path in (tmp_path / "rest").glob("*/0016.png")) == ["0016.png"] * 2
