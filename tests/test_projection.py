"""Projection on a tiny generator whose scales were made to agree, as those of a trained one do."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from support.flat_options import progan_generator_options
from support.tiny_run import make_networks

from msg_stylegan.networks import Generator, ops
from msg_stylegan.networks.variables import tensorflow_variable
from msg_stylegan.projection import (
    Latents,
    Projection,
    Projector,
    encode_points,
    find_images,
    generator_with_noise_maps,
    noise_maps,
    read_points,
    read_projection,
    read_target,
    scale_errors,
)
from msg_stylegan.sampling.label_table import label_table
from msg_stylegan.sampling.sampler import to_uint8, z_of_seeds

STEPS = 150


@pytest.fixture(scope="module")
def G():
    """A generator of various images, whose small ones are nearly the means of its large ones."""
    G = make_networks(channels=3).G_ema
    variables = [tensorflow_variable(v) for v in G.trainable_variables]
    moments = [tf.Variable(tf.zeros(v.shape)) for v in variables]

    @tf.function
    def step(z):
        with tf.GradientTape() as tape:
            tape.watch(variables)
            images = G(z, noise_mode="const")
            pyramid = ops.image_pyramid(images[-1], len(images))
            pairs = zip(images, pyramid, strict=True)
            loss = tf.add_n([tf.reduce_mean(tf.square(a - b)) for a, b in pairs])
            mean, variance = tf.nn.moments(images[-1], axes=[0])
            loss += tf.reduce_mean(tf.square(mean))
            loss += tf.reduce_mean(tf.square(tf.sqrt(variance + 1e-6) - 0.4))
        gradients = tape.gradient(loss, variables)
        for variable, moment, gradient in zip(variables, moments, gradients, strict=True):
            moment.assign(0.98 * moment + 0.02 * tf.square(gradient))
            variable.assign_sub(0.01 * gradient / (tf.sqrt(moment) + 1e-5))

    # As far as scales contradict each other, no w is the projection of all of them.
    for i in range(300):
        step(tf.constant(z_of_seeds(range(8 * i, 8 * i + 8), G.z_dim)))
    return G


def image_of(G, seed, ws=None):
    """uint8 `[r, r, C]`."""
    if ws is None:
        ws = G.broadcast(G.mapping(z_of_seeds([seed], G.z_dim)))
    return to_uint8(G.synthesis(ws, noise_mode="const")[-1]).numpy()[0]


def project(projector, target):
    for _ in projector.search(target[None]):
        pass
    return top_error([to_uint8(x).numpy() for x in projector.best_images()], projector, target)


def losses_of(projector, target):
    """Least loss after every step."""
    return [projector.best_losses[0] for _ in projector.search(target[None])]


def top_error(images, projector, target):
    return scale_errors(images, projector.loss.target_pyramid(target[None]))[-1]["rmse"]


def test_generated_images_are_recovered(G):
    projector = Projector(G, num_steps=STEPS)
    mean = Latents.of(G, 0).mean[None]
    for seed in (11, 12):
        target = image_of(G, seed)
        error = project(projector, target)
        mean_image = image_of(G, None, G.broadcast(tf.constant(mean)))
        mean_error = top_error([mean_image[None]], projector, target)
        assert error < mean_error / 10
        drawn = image_of(G, None, tf.constant(projector.best_ws))
        np.testing.assert_array_equal(drawn, to_uint8(projector.best_images()[-1]).numpy()[0])
        assert len(np.unique(projector.best_ws[0], axis=0)) == 1


@pytest.mark.slow
def test_more_freedom_comes_closer(G):
    target = np.random.default_rng(0).integers(60, 200, (4, 4, 3)).astype(np.uint8)
    target = target.repeat(4, axis=0).repeat(4, axis=1)
    losses = []
    for options in ({}, {"space": "w+"}, {"space": "w+", "optimize_noise": True}):
        before = [np.array(variable) for variable in G.variables]
        projector = Projector(G, num_steps=60, num_starts=16, **options)
        project(projector, target)
        losses.append(projector.best_losses)
        for variable, value in zip(G.variables, before, strict=True):
            np.testing.assert_array_equal(variable, value)
    assert losses[1] < losses[0] and losses[2] < losses[1]
    maps = projector.best_noise_maps
    assert [array.shape[0] for array in maps] == [4, 4, 8, 8, 16, 16]
    stored = np.asarray(G.synthesis.noise_layers[-1].const)[0, :, :, 0]
    np.testing.assert_allclose(
        [maps[-1].mean(), maps[-1].std()], [stored.mean(), stored.std()], 1e-3
    )
    assert np.abs(maps[-1] - stored).max() > 0.1
    again = generator_with_noise_maps(G, maps)
    drawn = image_of(again, None, tf.constant(projector.best_ws))
    np.testing.assert_array_equal(drawn, to_uint8(projector.best_images()[-1]).numpy()[0])
    with pytest.raises(ValueError, match="noise maps of the shapes"):
        generator_with_noise_maps(G, maps[1:])


def test_search_ends_early_where_nothing_is_left_to_gain():
    # A network whose images do not depend on w.
    options = {"use_styles": False, "use_const_input": True}
    network = Generator.from_config({**make_networks().G_ema.get_config(), **options})
    network.build()
    projector = Projector(network, num_steps=40, num_starts=1)
    steps = list(projector.search(np.full((1, 16, 16, 1), 200, np.uint8)))
    # A fifth of the steps without success, then a quarter to come to rest.
    assert steps == list(range(8 + 10 + 1))
    assert projector.is_converged


def test_result_is_the_best_so_far_and_the_same_every_time(G):
    projector = Projector(G, num_steps=30, num_starts=4)

    def losses(seed):
        return losses_of(projector, image_of(G, seed))

    first = losses(3)
    ws = projector.best_ws
    assert first == sorted(first, reverse=True) and first[-1] < first[0]
    target = projector.loss.target_pyramid(image_of(G, 3)[None])
    images = projector.best_images()
    np.testing.assert_allclose(projector.loss(images, target)[0], first[-1], rtol=1e-4)
    losses(4)
    # The target before leaves nothing behind.
    assert losses(3) == first
    np.testing.assert_array_equal(projector.best_ws, ws)


@pytest.mark.parametrize("space", ["z", "w+"])
def test_targets_at_the_same_time_have_the_results_of_each_alone(G, space):
    projector = Projector(G, space=space, num_steps=8, num_starts=8)
    targets = np.stack([image_of(G, seed) for seed in (3, 4, 5)])
    together, alone = [], []
    for images, results in ((targets, together), *((x[None], alone) for x in targets)):
        for _ in projector.search(images):
            pass
        results.append(projector.best_ws)
    np.testing.assert_allclose(together[0], np.concatenate(alone), atol=1e-3)


def test_a_target_that_is_reached_waits_for_the_others(G, monkeypatch):
    z = z_of_seeds([3, 4], G.z_dim)
    targets = np.stack([image_of(G, 3), image_of(G, 5)])
    options = {"space": "z", "num_steps": 60, "num_starts": 0}
    projector = Projector(G, **options)
    next(projector.search(targets, start=z))
    first = projector.best_losses
    monkeypatch.setattr("msg_stylegan.projection.projector._INVISIBLE_LOSS", first[0] * 1.001)
    projector = Projector(G, **options)
    assert len(list(projector.search(targets, start=z))) > 10
    np.testing.assert_allclose(projector.best_z[0], z[0], rtol=1e-5)
    assert projector.best_losses[1] < first[1]


def test_labels_of_the_targets_are_kept():
    network = make_networks(label_size=3).G_ema
    labels = np.eye(3, dtype=np.float32)
    targets = to_uint8(network(z_of_seeds([1, 2, 3], network.z_dim), labels)[-1]).numpy()
    projector = Projector(network, space="z", num_steps=3, num_starts=4)
    for start in (None, z_of_seeds([4, 5, 6], network.z_dim)):
        first, *_, last = [projector.best_losses for _ in projector.search(targets, labels, start)]
        np.testing.assert_array_equal(projector.best_labels, labels)
        assert (last < first).all()
        ws = network.broadcast(network.mapping(projector.best_z, labels))
        np.testing.assert_allclose(projector.best_ws, ws, atol=1e-5)


def test_loss_is_the_mean_over_the_pixels_of_all_scales(G):
    loss = Projector(G, num_starts=1).loss
    target = loss.target_pyramid(np.full((1, 16, 16, 3), 127, np.uint8))
    images = [level + shift for level, shift in zip(target, (1.0, 2.0, 3.0), strict=True)]
    expected = (16 * 1 + 64 * 4 + 256 * 9) / (16 + 64 + 256)
    np.testing.assert_allclose(loss(images, target), [expected], rtol=1e-6)


def test_perceptual_distance_joins_the_loss(G):
    seen = []

    def distance(a, b):
        seen.append((a.shape, b.shape))
        return tf.reduce_mean(tf.abs(a - b), axis=(1, 2, 3))

    plain, perceptual = (Projector(G, distance=d, num_starts=1).loss for d in (None, distance))
    target = plain.target_pyramid(np.full((1, 16, 16, 3), 100, np.uint8))
    images = [level + 0.2 for level in target]
    difference = perceptual(images, target) - plain(images, target)
    np.testing.assert_allclose(difference, [0.1 * 0.2 * 127.5], rtol=1e-4)
    assert seen == [((1, 16, 16, 3), (1, 16, 16, 3))]
    small = Generator.from_config({**G.get_config(), "resolution": 8})
    small.build()
    with pytest.raises(ValueError, match="at least 16x16"):
        Projector(small, distance=distance)


def test_one_output_and_no_styles():
    options = make_networks().G_ema.get_config()
    single = Generator.from_config({**options, "connect": "none"})
    plain = Generator.from_config({**options, "use_styles": False, "use_const_input": False})
    for network, scales in ((single, [16]), (plain, [4, 8, 16])):
        network.build()
        projector = Projector(network, space="w+", num_steps=20, num_starts=4)
        losses = losses_of(projector, image_of(network, 1))
        assert losses[-1] < losses[0]
        assert [image.shape[1] for image in projector.best_images()] == scales
        assert projector.best_ws.shape == (1, network.num_ws, network.w_dim)


def test_latent_of_progan_stays_on_its_sphere():
    progan = Generator.from_config(progan_generator_options(depth=4, latent_size=8))
    progan.build()
    projector = Projector(progan, num_steps=20, num_starts=4)
    losses = losses_of(projector, image_of(progan, 1))
    assert losses[-1] < losses[0]
    np.testing.assert_allclose(np.linalg.norm(projector.best_ws[0]), np.sqrt(8), rtol=1e-4)
    with pytest.raises(ValueError, match="no noise that could be optimised"):
        Projector(progan, optimize_noise=True)


def test_starts_of_a_conditional_network_are_of_the_class():
    network = make_networks(label_size=3).G_ema
    table = label_table(network, {})
    of_class = [Latents.of(network, 0, table.chosen(str(k))).mean for k in range(3)]
    np.testing.assert_allclose(Latents.of(network, 0).mean, np.mean(of_class, axis=0), atol=0.05)
    assert not np.allclose(of_class[0], of_class[1], atol=0.05)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"space": "x"}, "one of the spaces"),
        ({"optimize_noise": True, "noise_mode": "none"}, "cannot be optimised with the noise mode"),
    ],
)
def test_impossible_settings_are_refused(G, options, message):
    with pytest.raises(ValueError, match=message):
        Projector(G, **options)


def test_wrong_target_is_refused(G):
    with pytest.raises(ValueError, match="Expected targets"):
        next(Projector(G, num_starts=1).search(np.zeros((1, 8, 8, 3), np.uint8)))
    projector = Projector(G, num_starts=1, optimize_noise=True)
    with pytest.raises(ValueError, match="for one target at a time"):
        next(projector.search(np.zeros((2, 16, 16, 3), np.uint8)))


def test_correlation_is_small_for_white_noise_only():
    noise = tf.random.stateless_normal([1, 64, 64, 1], [0, 1])
    smooth = tf.repeat(tf.repeat(ops.downsample(noise), 2, axis=1), 2, axis=2) * 2.0
    assert float(noise_maps.correlation(noise)) < 0.05
    assert float(noise_maps.correlation(smooth)) > 0.4


def test_file_round_trip(tmp_path):
    rng = np.random.default_rng(0)
    ws = rng.normal(size=(6, 8)).astype(np.float32)
    maps = [rng.normal(size=(r, r)).astype(np.float32) for r in (4, 8)]
    Projection(ws, maps, {"seed": 3}).save(tmp_path / "a" / "p.npz")
    read = read_projection(tmp_path / "a" / "p.npz")
    np.testing.assert_array_equal(read.ws, ws)
    for found, expected in zip(read.noise_maps, maps, strict=True):
        np.testing.assert_array_equal(found, expected)
    assert read.facts == {"seed": 3}


def test_a_walk_is_the_w_of_one_or_more_files(tmp_path):
    ws = np.random.default_rng(0).normal(size=(3, 6, 8)).astype(np.float32)
    (tmp_path / "walk.npz").write_bytes(encode_points(ws, {"frames": 3}))
    Projection(ws[0], [], {}).save(tmp_path / "one.npz")
    np.testing.assert_array_equal(read_points(tmp_path / "walk.npz"), ws)
    np.testing.assert_array_equal(read_points(tmp_path / "one.npz"), ws[:1])


def test_other_files_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="no file"):
        read_projection(tmp_path / "none.npz")
    np.savez(tmp_path / "other.npz", ws=np.zeros((2, 3)))
    np.savez(tmp_path / "objects.npz", facts=np.array([{}], object), ws=np.zeros((2, 3)))
    (tmp_path / "text.npz").write_text("text")
    for name in ("other.npz", "objects.npz", "text.npz"):
        with pytest.raises(ValueError, match=f"{name} is not a projection"):
            read_projection(tmp_path / name)


def test_errors_are_those_of_the_levels():
    target = [np.full((1, r, r, 1), 20 / 127.5 - 1.0, np.float32) for r in (4, 8)]
    images = [np.full((1, 4, 4, 1), 20, np.uint8), np.full((1, 8, 8, 1), 25, np.uint8)]
    exact, wrong = scale_errors(images, target)
    assert exact["rmse"] < 1e-4
    np.testing.assert_allclose([wrong["rmse"], wrong["psnr"]], [5, 20 * np.log10(51)], rtol=1e-5)
    assert [exact["resolution"], wrong["resolution"]] == [4, 8]


def test_folders_without_images_say_what_they_hold(tmp_path, capsys):
    (tmp_path / "a.heic").write_bytes(b"x")
    with pytest.raises(ValueError, match="holds no images"):
        find_images([tmp_path])
    assert "1 file was left out: 1 .heic. For .heic: `pip install" in capsys.readouterr().err


def test_targets_are_made_to_fit(tmp_path):
    pixels = np.zeros((40, 80, 3), np.uint8)
    pixels[:, 20:60] = (255, 0, 0)
    Image.fromarray(pixels).save(tmp_path / "wide.png")
    assert (read_target(tmp_path / "wide.png", 16, 3) == (255, 0, 0)).all()
    assert (read_target(tmp_path / "wide.png", 16, 1) == 76).all()
    (tmp_path / "sub").mkdir()
    Image.fromarray(pixels[:, :, 0]).save(tmp_path / "sub" / "gray.png")
    assert read_target(tmp_path / "sub" / "gray.png", 8, 3).shape == (8, 8, 3)
    (tmp_path / "sub" / "notes.txt").write_text("no image")
    wide, gray = tmp_path / "wide.png", tmp_path / "sub" / "gray.png"
    assert find_images([gray, tmp_path]) == [gray, wide]
    (tmp_path / "broken.png").write_bytes(b"x")
    with pytest.raises(ValueError, match=r"broken\.png cannot be used"):
        read_target(tmp_path / "broken.png", 8, 3)
    with pytest.raises(FileNotFoundError, match="no file or folder"):
        find_images([tmp_path / "none"])
