"""Gradients and training steps as they are recorded."""

import tensorflow as tf

from msg_stylegan.networks.variables import tensorflow_variable
from msg_stylegan.options import LossOptions, ScheduleOptions
from msg_stylegan.training.optimizers import make_optimizer
from msg_stylegan.training.progress import Progress
from msg_stylegan.training.step import TrainStep
from support.double_precision import in_float64
from support.original_recording import to_nhwc


def gradients_by_name(tape, loss, table):
    names = [name for name, (variable, _) in table.items() if variable.trainable]
    variables = [tensorflow_variable(table[name][0]) for name in names]
    gradients = tape.gradient(loss, variables, unconnected_gradients="zero")
    return {
        name: table[name][1].to_original(gradient.numpy())
        for name, gradient in zip(names, gradients, strict=True)
    }


class RecordedSteps:
    """Training steps on recorded latents and reals, whose gradients are computed in float64.

    Adam turns a rounding error of a gradient near zero into a full step. Those of float32, which
    every processor makes in its own way, would move the weights as far within four steps as a small
    mistake does.

    Args:
        recording: `Recording` of a trajectory.
        nets: `Networks` with its initial weights.

    Attributes:
        rounding_error: Largest distance so far between all gradients of an update and those in
            float32, relative to their norm.
    """

    def __init__(self, recording, nets):
        meta = recording.meta

        class Options:
            name = "Adam"
            beta1, beta2, epsilon = meta["beta1"], meta["beta2"], meta["epsilon"]

        self._recording = recording
        self._nets = nets
        self._step = TrainStep(
            nets,
            make_optimizer(Options, meta["learning_rate"], 0, nets.G.trainable_variables),
            make_optimizer(Options, meta["learning_rate"], 0, nets.D.trainable_variables),
            Progress().cur_nimg,
            strategy=tf.distribute.get_strategy(),
            loss=LossOptions(r1_gamma=meta["r1_gamma"]),
            schedule=ScheduleOptions(batch_size=meta["batch"], ema_kimg=meta["G_smoothing_kimg"]),
            noise_mode="const",
        )
        (domain,) = self._step.domains
        # `train` does it: what is computed in float64 changes no variable.
        domain.moves_w = False
        self._gradients = {
            "D": lambda z, labels, reals: domain.D_gradients(reals, labels, z),
            "G": lambda z, labels, reals: self._step.G_gradients(z, [labels]),
        }
        self._exact_gradients = {}
        self.rounding_error = 0.0

    def train(self, index):
        """D update with the weight average, then G update; returns both losses."""
        recording = self._recording
        reals = tf.constant(to_nhwc(recording["in/reals_uint8"][index]))
        z_of_D, z_of_G = recording["in/z"][index]
        labels = recording.labels("in/labels")
        labels_of_D, labels_of_G = (None, None) if labels is None else labels[index]
        D_loss = self._update("D", z_of_D, labels_of_D, reals)
        self._step.update_average()
        return D_loss, self._update("G", z_of_G, labels_of_G, reals)

    def _update(self, name, *inputs):
        z, labels, _ = inputs
        self._nets.G.track_w(z, labels)
        if name not in self._exact_gradients:
            self._exact_gradients[name] = in_float64(self._gradients[name], *inputs)
        exact, stats = self._exact_gradients[name](*inputs)
        rounded, _ = self._gradients[name](*inputs)
        error = tf.linalg.global_norm(
            [one - tf.cast(other, tf.float64) for one, other in zip(exact, rounded, strict=True)]
        )
        self.rounding_error = max(self.rounding_error, error / tf.linalg.global_norm(exact))
        gradients = [tf.cast(gradient, tf.float32) for gradient in exact]
        stats = {name: tf.cast(value, tf.float32) for name, value in stats.items()}
        return self._step.updates.apply(name, gradients, stats)[f"Loss/{name}/loss"]
