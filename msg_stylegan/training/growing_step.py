"""One iteration of a stage of progressive growing: `TrainStep`, with the fade moved on."""

import tensorflow as tf

from msg_stylegan.networks.growing_blend import lerp, upsample
from msg_stylegan.networks.ops import downsample
from msg_stylegan.networks.variables import tensorflow_variable
from msg_stylegan.training.step import TrainStep


class GrowingStep(TrainStep):
    """`TrainStep` of one stage, in which the networks are already.

    Args:
        stage: The `Stage`.
        *args, **options: Those of `TrainStep`.
    """

    def __init__(self, stage, *args, **options):
        super().__init__(*args, **options)
        self.stage = stage

    def update_D(self, batch):
        # The weight average takes it over with everything else that is not trained.
        alpha = alpha_of(self.stage, self.cur_nimg)
        for network in (self.nets.G, self.nets.D):
            self.strategy.extended.update(
                tensorflow_variable(network.alpha),
                lambda variable, value: variable.assign(value, read_value=False),
                args=(alpha,),
            )
        return super().update_D(batch)


def alpha_of(stage, nimg):
    """`Stage.alpha` as a float32 tensor, for an integer tensor or variable."""
    if not stage.is_fading:
        return tf.constant(1.0)
    progress = tf.cast(tf.convert_to_tensor(nimg) - stage.start, tf.float32)
    return tf.clip_by_value(progress / float(stage.end - stage.start), 0.0, 1.0)


def fade_reals(batches, stage, start, parts_per_batch=1):
    """Mixes real images with their half resolution in a fade, as the generator mixes its own.

    Args:
        batches: `tf.data.Dataset` of `data.batches.training_batches`, of the stage's resolution.
        stage: The `Stage`.
        start: Number of the first image.
        parts_per_batch: Successive elements that make up a batch, one for each local replica.

    Returns:
        `batches` where nothing fades; else the same with float32 images in [0, 255].

    Source:
        ProGAN's training loop; PGGAN-PyTorch shows the sharp images from the start.
    """
    if not stage.is_fading:
        return batches

    def fade(index, batch):
        nimg = start + index // parts_per_batch * stage.batch_size
        images = tf.cast(batch["images"], tf.float32)
        blurred = upsample(downsample(images))
        return {**batch, "images": lerp(blurred, images, alpha_of(stage, nimg))}

    return batches.enumerate().map(fade).prefetch(1)
