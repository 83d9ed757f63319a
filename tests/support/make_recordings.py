"""Writes `tests/recordings/*.npz`: our networks and training steps, to notice if they ever change.

They have settings that the original's recordings lack. Run it only when a change of the numbers is
meant, and only after `test_recordings.py` passes on the recordings of the original system:
`python -m support.make_recordings` in `tests`, installed.
Format and names are those of the original's recordings.
"""

import json
import math

import numpy as np
import tensorflow as tf

from msg_stylegan import losses
from msg_stylegan.legacy import original_variables
from msg_stylegan.networks.ops import image_pyramid
from support.original_recording import OWN, Recording, to_nchw
from support.recorded_steps import RecordedSteps, gradients_by_name

SIZES = {
    "latent_size": 8,
    "dlatent_size": 8,
    "mapping_fmaps": 8,
    "fmap_base": 64,
    "fmap_max": 8,
    "num_channels": 3,
    "label_size": 0,
    "batch": 4,
}
TRUNCATION = {"truncation_psi": 0.6, "truncation_cutoff": 3}
NETWORKS = {
    "networks_16_conditional": {
        **SIZES,
        **TRUNCATION,
        "resolution": 16,
        "num_channels": 1,
        "label_size": 3,
        "G": {"nonlinearity": "relu", "mapping_nonlinearity": "relu", "mapping_layers": 3},
        "D": {"nonlinearity": "relu", "mbstd_group_size": 2, "mbstd_num_features": 2},
    },
    "networks_8_traditional": {
        **SIZES,
        **TRUNCATION,
        "resolution": 8,
        "G": {
            "use_styles": False,
            "const_input_layer": False,
            "use_noise": False,
            "use_pixel_norm": True,
            "use_instance_norm": False,
            "use_wscale": False,
            "normalize_latents": False,
            "blur_filter": None,
        },
        "D": {"mbstd_group_size": 1, "use_wscale": False, "blur_filter": None},
    },
    # w is the normalised pair of z and embedded label.
    "networks_8_without_mapping": {
        **SIZES,
        **TRUNCATION,
        "resolution": 8,
        "label_size": 2,
        "dlatent_size": 16,
        "mapping_layers": 0,
    },
}
TRAJECTORY = {
    **SIZES,
    "resolution": 8,
    "steps": 4,
    "learning_rate": 0.003,
    "beta1": 0.0,
    "beta2": 0.99,
    "epsilon": 1e-8,
    "r1_gamma": 10.0,
    "G_smoothing_kimg": 10.0,
}
TRAJECTORIES = {
    "trajectory_8_conditional": {**TRAJECTORY, "num_channels": 1, "label_size": 3},
    "trajectory_8_without_mapping": {
        **TRAJECTORY,
        "mapping_layers": 0,
        "G": {"dlatent_avg_beta": 0.9},
        "D": {"mbstd_group_size": 2},
    },
}
LOGISTIC = losses.make_loss("logistic")


def make_recorded_networks(recording):
    """Networks with random weights, also where they start as constants."""
    nets = recording.make_networks()
    random = np.random.RandomState(1)
    for network in (nets.G, nets.D, nets.G_ema):
        for variable in network.variables:
            value = variable.numpy()
            # Wide enough for both signs at nonlinearities: else some gradients are only rounding.
            spread = 0.5 if value.std() == 0 else value.std()
            mean = value.mean() if value.std() == 0 else 0.0
            variable.assign(mean + spread * random.standard_normal(value.shape))
    return nets


def record_networks(meta):
    """All that the tests of a network compare."""
    recording = Recording(meta, {})
    nets = make_recorded_networks(recording)
    random = np.random.RandomState(2)
    n, resolution = meta["batch"], meta["resolution"]
    z = random.standard_normal((n, meta["latent_size"])).astype(np.float32)
    one_hot = one_hot_labels(meta, (n,))
    labels = one_hot if meta["label_size"] else None
    shape = (n, resolution, resolution, meta["num_channels"])
    reals = tf.constant(random.uniform(-1, 1, shape).astype(np.float32))
    pyramid = image_pyramid(reals, len(nets.G.resolutions))

    arrays = recording.arrays
    arrays |= {"in/z": z, "in/labels": one_hot}
    for name, table in recording.tables(nets).items():
        arrays |= {f"{name}/{k}": v for k, v in original_variables.export(table).items()}
    arrays["out/w"] = nets.G.broadcast(nets.G.mapping(z, labels)).numpy()
    with tf.GradientTape() as G_tape:
        fakes = nets.G(z, labels, noise_mode="const")
        fake_logits = nets.D(fakes, labels)
        G_loss = LOGISTIC.G(fake_logits)
        G_mean = tf.reduce_mean(G_loss)
    with tf.GradientTape() as D_tape:
        penalty, real_logits = losses.r1_penalty(
            lambda images: nets.D(images, labels), pyramid[-1], lambda _: pyramid
        )
        D_loss = LOGISTIC.D(real_logits, nets.D(fakes, labels))
        with_penalty = D_loss + 5.0 * tf.reduce_mean(penalty)
        D_mean = tf.reduce_mean(with_penalty)
    truncated = nets.G_ema(z, labels, noise_mode="const", **TRUNCATION)
    for res, real, image, cut in zip(nets.G.resolutions, pyramid, fakes, truncated, strict=True):
        arrays[f"in/reals/{res}"] = to_nchw(real)
        arrays[f"out/G/images/{res}"] = to_nchw(image)
        arrays[f"out/Gs_truncated/images/{res}"] = to_nchw(cut)
    arrays["out/D/scores_real"] = real_logits.numpy()
    arrays["out/D/scores_fake"] = fake_logits.numpy()
    arrays["out/loss/G_logistic_nonsaturating"] = G_loss.numpy()
    arrays["out/loss/D_logistic"] = D_loss.numpy()
    arrays["out/loss/D_logistic_r1_gamma10"] = with_penalty.numpy()
    for name, tape, mean in (("G", G_tape, G_mean), ("D", D_tape, D_mean)):
        gradients = gradients_by_name(tape, mean, recording.tables(nets)[name])
        arrays |= {f"out/grad/{name}/{k}": v for k, v in gradients.items()}
    for _ in range(3):
        nets.G(z, labels, training=True)
    arrays["out/dlatent_avg_after"] = nets.G.w_avg.numpy()
    return arrays


def record_trajectory(meta):
    """Weights before and after a few training steps."""
    steps, n, size = meta["steps"], meta["batch"], meta["resolution"]
    random = np.random.RandomState(3)
    z = random.standard_normal((steps, 2, n, meta["latent_size"])).astype(np.float32)
    reals = random.randint(0, 256, (steps, n, meta["num_channels"], size, size)).astype(np.uint8)
    labels = one_hot_labels(meta, (steps, 2, n))
    recording = Recording(meta, {"in/z": z, "in/labels": labels, "in/reals_uint8": reals})
    nets = make_recorded_networks(recording)
    # Where it starts in a training. One step moves it so little that from elsewhere the rounding of
    # its last digit would be a large part of the way.
    nets.G.w_avg.assign(tf.zeros_like(nets.G.w_avg))
    for average, variable in zip(nets.G_ema.variables, nets.G.variables, strict=True):
        average.assign(variable)
    arrays = recording.arrays
    by_network = recording.tables(nets)
    for name in ("G", "D"):
        exported = original_variables.export(by_network[name])
        arrays |= {f"init/{name}/{k}": v for k, v in exported.items()}
    training = RecordedSteps(recording, nets)
    recorded_losses = []
    for index in range(steps):
        recorded_losses.append(training.train(index))
        if index + 1 in (1, 4):
            for name, table in by_network.items():
                exported = original_variables.export(table)
                arrays |= {
                    f"after{index + 1}/{name}/{k}": v
                    for k, v in exported.items()
                    if table[k][0].trainable or k == "dlatent_avg"
                }
    arrays["out/loss/D"], arrays["out/loss/G"] = np.array(recorded_losses, np.float32).T
    return arrays


def one_hot_labels(meta, shape):
    """Labels of the classes in turn, and others in every step; float32 `[*shape, label_size]`."""
    size = meta["label_size"]
    rows = np.eye(size, dtype=np.float32)
    numbers = np.arange(math.prod(shape)).reshape(shape)
    return rows[numbers % size] if size else np.zeros((*shape, 0), np.float32)


def main():
    folder = OWN
    folder.mkdir(exist_ok=True)
    recordings = {name: (record_networks, meta) for name, meta in NETWORKS.items()}
    recordings |= {name: (record_trajectory, meta) for name, meta in TRAJECTORIES.items()}
    for name, (record, meta) in recordings.items():
        arrays = {**record(meta), "meta": json.dumps(meta)}
        np.savez_compressed(folder / f"{name}.npz", **arrays)
        print(f"{name}: {(folder / f'{name}.npz').stat().st_size / 1024:.0f} KiB")


if __name__ == "__main__":
    main()
