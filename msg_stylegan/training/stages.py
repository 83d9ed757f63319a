"""Stages of a training: which resolution is trained after so many images, and what fades in.

Ordinary training is a single stage without an end; progressive growing (ProGAN, Karras et al. 2018,
section 2) is a series of them. Everything follows from the number of images shown, so a run can be
resumed anywhere, inside a fade too.
"""

import dataclasses
import math

from msg_stylegan.lazy_tensorflow import tf
from msg_stylegan.resolutions import scales


@dataclasses.dataclass(frozen=True)
class Stage:
    """A stretch of training at one resolution, in which a level is faded in or all is stable.

    Attributes:
        resolution: Side of the largest images.
        is_fading: Whether the level of this resolution is being faded in.
        start, end: First image, and first image of what follows; infinity for the last stage.
        batch_size: Images per discriminator update, over all replicas.
    """

    resolution: int
    is_fading: bool
    start: int
    end: float
    batch_size: int

    def alpha(self, nimg):
        """Weight of the level of this resolution after `nimg` images, from 0 to 1.

        Args:
            nimg: Whole number, or an integer tensor or variable.

        Returns:
            Scalar float32 tensor.
        """
        if not self.is_fading:
            return tf.constant(1.0)
        progress = tf.cast(nimg - self.start, tf.float32)
        return tf.clip_by_value(progress / float(self.end - self.start), 0.0, 1.0)

    @property
    def is_last(self):
        """Whether no stage follows: the full resolution, and nothing fades any more."""
        return self.end == math.inf

    @property
    def name(self):
        """As in `64x64 fade`."""
        return f"{self.resolution}x{self.resolution} {'fade' if self.is_fading else 'stabilize'}"


def stages_of(config, resolution):
    """Returns the `Stage`s of a training, one after the other.

    The start resolution is trained as it is; every other one is faded in and then stabilised.

    Args:
        config: All options. Without `growing.start_resolution` there is one stage only.
        resolution: Side of the images of the data set.
    """
    growing, sides = config.growing, scales(resolution)
    start_resolution = growing.start_resolution or resolution
    batch_sizes = {4: config.schedule.batch_size}
    batch_sizes |= dict(map(int, text.split(":")) for text in growing.batch_sizes)
    lengths = {True: round(growing.fade_kimg * 1000), False: round(growing.stabilize_kimg * 1000)}
    stages, start = [], 0
    for side in sides[sides.index(start_resolution) :]:
        batch_size = batch_sizes[max(least for least in batch_sizes if least <= side)]
        for is_fading in (False,) if side == start_resolution else (True, False):
            end = start + lengths[is_fading]
            stages.append(Stage(side, is_fading, start, end, batch_size))
            start = end
    *others, last = [stage for stage in stages if stage.start < stage.end]
    return [*others, dataclasses.replace(last, end=math.inf)]


def stage_at(stages, nimg):
    """The stage of the next image after `nimg` images."""
    return next(stage for stage in stages if nimg < stage.end)
