"""Gradients and training steps as they are recorded."""

import tensorflow as tf

from msg_stylegan.networks.variables import tensorflow_variable
from msg_stylegan.options import LossOptions, ScheduleOptions
from msg_stylegan.training.optimizers import make_optimizer
from msg_stylegan.training.progress import Progress
from msg_stylegan.training.step import TrainStep
from support.original_recording import to_nhwc


def gradients_by_name(tape, loss, table):
    names = [name for name, (variable, _) in table.items() if variable.trainable]
    variables = [tensorflow_variable(table[name][0]) for name in names]
    gradients = tape.gradient(loss, variables, unconnected_gradients="zero")
    return {
        name: table[name][1].to_original(gradient.numpy())
        for name, gradient in zip(names, gradients, strict=True)
    }


def make_step(nets, meta):
    class Options:
        name = "Adam"
        beta1, beta2, epsilon = meta["beta1"], meta["beta2"], meta["epsilon"]

    return TrainStep(
        nets,
        make_optimizer(Options, meta["learning_rate"], 0, nets.G.trainable_variables),
        make_optimizer(Options, meta["learning_rate"], 0, nets.D.trainable_variables),
        Progress().cur_nimg,
        strategy=tf.distribute.get_strategy(),
        loss=LossOptions(r1_gamma=meta["r1_gamma"]),
        schedule=ScheduleOptions(batch_size=meta["batch"], ema_kimg=meta["G_smoothing_kimg"]),
        noise_mode="const",
    )


def train_recorded_step(step, recording, index):
    """D update with the weight average, then G update, on recorded latents and reals."""
    reals = tf.constant(to_nhwc(recording["in/reals_uint8"][index]))
    z_of_D, z_of_G = recording["in/z"][index]
    labels = recording.labels("in/labels")
    labels_of_D, labels_of_G = (None, None) if labels is None else labels[index]
    D_stats = step.updates.apply("D", *step.domains[0].D_gradients(reals, labels_of_D, z_of_D))
    step.update_average()
    G_stats = step.updates.apply("G", *step.G_gradients(z_of_G, [labels_of_G]))
    return D_stats["Loss/D/loss"], G_stats["Loss/G/loss"]
