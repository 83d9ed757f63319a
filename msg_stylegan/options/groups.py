"""All options, one place for each; `option.py` says what follows from it.

Importable without TensorFlow.
"""

from dataclasses import dataclass, field, fields

from msg_stylegan.augmentation.kinds import GROUPS, KINDS, OPERATIONS
from msg_stylegan.kimg_schedule import KimgSchedule, ScheduledFloat
from msg_stylegan.losses.options import LossOptions
from msg_stylegan.option import (
    NOT_EMPTY,
    ONE_IMAGE_OR_MORE,
    at_least,
    at_least_and_below,
    between,
    greater_than,
    list_of,
    matching,
    option,
    power_of_two_or_zero,
)
from msg_stylegan.options.coupling import CouplingOptions
from msg_stylegan.options.hardware import HardwareOptions
from msg_stylegan.options.networks import DiscriminatorOptions, GeneratorOptions
from msg_stylegan.options.transfer import TransferOptions
from msg_stylegan.resolutions import CONNECTIONS

_SIDES = "|".join(str(2**level) for level in range(2, 11))
_CONNECT = matching(
    rf"{'|'.join(CONNECTIONS)}|(({_SIDES})(,(?!$)|$))+",
    f"be {', '.join(CONNECTIONS)} or powers of two from 4 to 1024 such as 4,32",
)


@dataclass(frozen=True)
class DatasetOptions:
    """Which images to train on."""

    path: str = option(
        "",
        "Folder of a TFRecord data set, relative to `data_dir` or absolute.",
        NOT_EMPTY,
    )
    path_b: str = option(
        "",
        "Folder of a second data set, for a pair of networks: image pairs of two domains from the "
        "same latents, see coupling. Empty = a single domain.",
    )
    resolution: int = option(
        0,
        "Side of the images in pixels, a power of two from 8 to 1024. Below the stored "
        "resolution the images are reduced by 2x2 means. 0 = as stored.",
        power_of_two_or_zero(8, 1024),
        decides_networks=True,
    )
    max_label_size: int = option(
        0,
        "Number of label components that condition the networks. 0 = ignore labels, -1 = all.",
        at_least(-1),
        decides_networks=True,
    )
    num_images: int = option(
        0,
        "Train on that many images of each data set only, which `seed` chooses; metrics compare "
        "with all of them. 0 = all.",
        at_least(0),
    )
    mirror: bool = option(False, "Show every image mirrored left to right half of the time.")


@dataclass(frozen=True)
class AugmentOptions:
    """Random changes of reals and fakes before the discriminator, for small data sets."""

    groups: tuple[str, ...] = option(
        (),
        "What to change: blit, geom, color, all, or single kinds: flip, rot90, translate, "
        "scale, rotate, aniso, brightness, contrast, hue, saturation, cutout. Empty = no "
        "augmentation.",
        list_of(*GROUPS, *KINDS, *OPERATIONS),
    )
    adaptive: bool = option(
        True,
        "Let the probability follow how far the discriminator overfits (ADA).",
    )
    probability: ScheduledFloat = option(
        0.0,
        "Probability of every kind, from 0 to 1; where an adaptive one starts.",
        between(0, 1),
    )
    target: ScheduledFloat = option(
        0.6,
        "Mean sign of the scores of reals that an adaptive probability keeps, from -1 to 1.",
        between(-1, 1),
    )
    kimg: ScheduledFloat = option(
        500.0,
        "Time in which an adaptive probability can rise from 0 to 1, in kimg.",
        greater_than(0),
    )
    interval: int = option(
        4,
        "Discriminator updates between two changes of an adaptive probability.",
        at_least(1),
    )

    def problems(self, loss):
        """What does not go together, also with the `LossOptions`: a list of lines."""
        if not self.groups:
            return []
        if self.adaptive and isinstance(self.probability, KimgSchedule):
            return [
                f"augment.probability={self.probability}: must be a number with "
                "augment.adaptive=True, which starts there; a schedule needs augment.adaptive=False"
            ]
        if not self.adaptive and self.probability == 0:
            return [
                "augment.probability=0.0: must be greater than 0 with augment.adaptive=False, or "
                "augmentation does nothing"
            ]
        if self.adaptive and not loss.loss_class.separates_at_zero:
            return [
                f"augment.adaptive=True: must be False with loss.name={loss.name!r}, whose scores "
                "do not separate reals from fakes at 0"
            ]
        return []


@dataclass(frozen=True)
class GrowingOptions:
    """Progressive growing instead of all scales at once; needs ProGAN's networks."""

    start_resolution: int = option(
        0,
        "Side of the images at the beginning, a power of two from 4. 0 = no growing.",
        power_of_two_or_zero(4, 1024),
        decides_networks=True,
    )
    fade_kimg: float = option(
        600.0,
        "Time in which a new level is faded in, in kimg. 0 = it counts at once.",
        at_least(0),
    )
    stabilize_kimg: float = option(
        600.0,
        "Time for which a resolution is trained after its fade, in kimg. The last one lasts "
        "until schedule.total_kimg.",
        ONE_IMAGE_OR_MORE,
    )
    batch_sizes: tuple[str, ...] = option(
        (),
        "Batch sizes as RESOLUTION:BATCH, each from that resolution on, such as 4:16,64:8. "
        "Below the first, and if empty: schedule.batch_size.",
        matching(r"([4-9]|[1-9]\d+):[1-9]\d*", "be a list of RESOLUTION:BATCH such as 4:16,64:8"),
    )

    def problems(self, config, resolution):
        """Why the networks of a `Config` cannot grow: a list of lines.

        Args:
            config: `Config`.
            resolution: Side of the images, 0 where it is not known yet.
        """
        start = self.start_resolution
        if not start:
            rule = "must be empty without growing.start_resolution, see schedule.batch_size"
            sizes = ",".join(self.batch_sizes)
            return [f"growing.batch_sizes={sizes}: {rule}"] if sizes else []
        problems = [
            f"{name}={value!r}: must be {expected!r} to grow the networks"
            for name, value, expected in (
                ("generator.body", config.generator.body, "progan"),
                ("discriminator.body", config.discriminator.body, "progan"),
                ("discriminator.mbstd_blocks", config.discriminator.mbstd_blocks, "last"),
                ("connect", config.connect, "all"),
            )
            if value != expected
        ]
        if resolution and start > resolution:
            size = f"{resolution}x{resolution}"
            problems.append(f"growing.start_resolution={start}: the images have {size} pixels")
        return problems


@dataclass(frozen=True)
class OptimizerOptions:
    """Optimizer of both networks."""

    name: str = option(
        "Adam",
        "Adam, RMSprop, or tfa.NAME for any optimizer of tensorflow-addons, such as "
        "tfa.RectifiedAdam.",
        matching(r"Adam|RMSprop|tfa\.[A-Za-z]\w*", "be Adam, RMSprop or tfa.NAME"),
    )
    G_learning_rate: ScheduledFloat = option(
        0.003, "Learning rate of the generator.", greater_than(0)
    )
    D_learning_rate: ScheduledFloat = option(
        0.003, "Learning rate of the discriminator.", greater_than(0)
    )
    beta1: ScheduledFloat = option(
        0.0,
        "Decay of the running mean of gradients, at least 0 and below 1. For RMSprop the momentum.",
        at_least_and_below(0, 1),
    )
    beta2: ScheduledFloat = option(
        0.99,
        "Decay of the running mean of squared gradients, at least 0 and below 1.",
        at_least_and_below(0, 1),
    )
    epsilon: ScheduledFloat = option(
        1e-8, "Added to the denominator of an update.", greater_than(0)
    )
    rampup_kimg: float = option(
        0.0,
        "Time over which the learning rates rise linearly from 0, in kimg of the run, whatever "
        "the batch sizes are. 0 = full from the start.",
        at_least(0),
    )

    def problems(self):
        """What the chosen optimizer cannot have: a list of lines."""
        fixed = {"Adam": (), "RMSprop": ("beta1",)}.get(self.name)
        if fixed is not None:
            return [
                f"optimizer.{name}={value}: must be a number with optimizer.name={self.name!r}, "
                "which cannot change it"
                for name in fixed
                if isinstance(value := getattr(self, name), KimgSchedule)
            ]
        return [
            f"optimizer.{name}={value}: must be left out with optimizer.name={self.name!r}, which "
            "has its own"
            for name in ("beta1", "beta2", "epsilon")
            if (value := getattr(self, name)) != getattr(OptimizerOptions, name)
        ]


@dataclass(frozen=True)
class ScheduleOptions:
    """Length of training and what is saved when; kimg = thousands of real images shown."""

    batch_size: int = option(
        16,
        "Images per discriminator update, over all replicas together.",
        at_least(1),
    )
    batch_per_device: int = option(
        0,
        "Images that a device sees at once. Its share of a larger batch is seen in several rounds, "
        "whose gradients are added up: the same result in less memory. 0 = the whole share.",
        at_least(0),
    )
    total_kimg: float = option(25_000.0, "Length of training, in kimg.", ONE_IMAGE_OR_MORE)
    tick_kimg: float = option(
        10.0,
        "Length of a tick, after which statistics are reported, in kimg.",
        ONE_IMAGE_OR_MORE,
    )
    D_steps_per_G_step: int = option(
        1,
        "Discriminator updates before every generator update.",
        at_least(1),
    )
    ema_kimg: ScheduledFloat = option(
        10.0,
        "Half-life of the weight average G_ema, in kimg. 0 = G_ema is a copy of G.",
        at_least(0),
    )
    ema_decay: ScheduledFloat = option(
        0.0,
        "Instead of a half-life: what is left of G_ema after an update, such as 0.999. 0 = "
        "ema_kimg.",
        at_least_and_below(0, 1),
    )
    ema_rampup: ScheduledFloat = option(
        0.0,
        "Lets the half-life of G_ema begin at 0 and grow with the training: at most this share of "
        "the images shown so far. 0 = ema_kimg from the start.",
        at_least(0),
    )
    same_z: bool = option(
        False,
        "Draw the latents of an iteration once, for the updates of both networks.",
    )
    style_mixing_prob: float = option(
        0.0,
        "Probability that the layers of the fakes of an update, from a random one on, take other "
        "latents than those below. 0 = never.",
        between(0, 1),
    )
    image_snapshot_ticks: int = option(
        1,
        "Ticks between two sample grids. 0 = only at the start and at the end.",
        at_least(0),
    )
    network_snapshot_ticks: int = option(
        10,
        "Ticks between two network snapshots with their metrics. 0 = only at the start and at "
        "the end.",
        at_least(0),
    )
    checkpoint_ticks: int = option(
        1,
        "Ticks between two checkpoints. 0 = only at the start, at the end and when interrupted.",
        at_least(0),
    )
    keep_snapshots: int = option(
        0,
        "Newest network snapshots to keep; the best one is kept besides. 0 = all.",
        at_least(0),
    )
    keep_checkpoints: int = option(2, "Newest checkpoints to keep, at least 1.", at_least(1))
    image_grid: str = option(
        "1080p",
        "Size of the sample grids: 1080p, 4k, or columns and rows such as 16x8.",
        matching(
            r"1080p|4k|[1-9]\d?x[1-9]\d?",
            "be 1080p, 4k or columns and rows such as 16x8, each from 1 to 99",
        ),
    )
    max_skipped_updates: int = option(
        100,
        "Consecutive updates with non-finite gradients that are skipped before training stops.",
        at_least(1),
    )

    def problems(self, config, data):
        """What does not go together: a list of lines.

        Args:
            config: `Config`.
            data: `Interface`.
        """
        problems = []
        if self.ema_decay and self.ema_rampup:
            problems.append(
                f"schedule.ema_rampup={self.ema_rampup}: must be 0 with "
                f"schedule.ema_decay={self.ema_decay}, which has no half-life"
            )
        rule = None
        if not config.generator.resolved(data).use_styles:
            rule = "must be 0 with generator.use_styles=False, where all layers share a latent"
        elif config.coupling.cycle:
            rule = "must be 0 with coupling.cycle, whose encoder looks for the one latent"
        if self.style_mixing_prob and rule:
            problems.append(f"schedule.style_mixing_prob={self.style_mixing_prob}: {rule}")
        return problems


@dataclass(frozen=True)
class MetricsOptions:
    """Metrics that are computed at every network snapshot."""

    names: tuple[str, ...] = option(
        (), "Of every snapshot, such as fid50k; the command for metrics lists them. Empty = none."
    )
    num_images: int = option(
        0,
        "Generated images per metric. 0 = what the metric's name says.",
        at_least(0),
    )
    inception_weights: str = option(
        "",
        "File with the weights of Inception. Empty = looked for in `cache_dir`/inception.",
    )
    vgg16_weights: str = option(
        "",
        "File with the weights of VGG16. Empty = looked for in `cache_dir`/vgg16.",
    )
    lpips_weights: str = option(
        "",
        "File with the weights of LPIPS. Empty = looked for in `cache_dir`/lpips.",
    )
    efficientnet_weights: str = option(
        "",
        "File with the weights of EfficientNet-Lite0. Empty = looked for in "
        "`cache_dir`/efficientnet.",
    )
    classifier: str = option(
        "",
        "File of the classifier that label_agreement1k asks, which the command for classifiers "
        "trains on images of both domains.",
    )

    @classmethod
    def weights(cls):
        """Names of the options for files of weights: dict of network -> "<network>_weights"."""
        names = [item.name for item in fields(cls) if item.name.endswith("_weights")]
        return {name.removesuffix("_weights"): name for name in names}


@dataclass(frozen=True)
class Config:
    """All options of one training run."""

    preset: str = option("", "Name of the preset that this configuration started from.")
    data_dir: str = option("datasets", "Folder of the data sets.", NOT_EMPTY)
    result_dir: str = option(
        "results",
        "Folder in which every training gets a numbered folder of its own.",
        NOT_EMPTY,
    )
    cache_dir: str = option(
        "cache",
        "Folder of what the metrics need: weights of pretrained networks, and statistics of "
        "real images.",
        NOT_EMPTY,
    )
    description: str = option(
        "",
        "Middle part of the name of the run directory. Empty = the name of the preset.",
        matching(r"[\w.-]*", "contain only letters, digits and . _ -"),
    )
    seed: int = option(
        333,
        "Seed of initial weights, latents, noise and data order, from 0 to 2^31 - 1.",
        between(0, 2**31 - 1),
    )
    connect: str = option(
        "all",
        "Scales whose images pass from generator to discriminator, the largest always: all, "
        "coarse (4 and 8), middle (16 and 32), fine (64 and more), none, or sides with commas "
        "such as 4,32.",
        _CONNECT,
        decides_networks=True,
    )
    dataset: DatasetOptions = field(default_factory=DatasetOptions)
    transfer: TransferOptions = field(default_factory=TransferOptions)
    generator: GeneratorOptions = field(default_factory=GeneratorOptions)
    discriminator: DiscriminatorOptions = field(default_factory=DiscriminatorOptions)
    loss: LossOptions = field(default_factory=LossOptions)
    augment: AugmentOptions = field(default_factory=AugmentOptions)
    coupling: CouplingOptions = field(default_factory=CouplingOptions)
    growing: GrowingOptions = field(default_factory=GrowingOptions)
    optimizer: OptimizerOptions = field(default_factory=OptimizerOptions)
    schedule: ScheduleOptions = field(default_factory=ScheduleOptions)
    metrics: MetricsOptions = field(default_factory=MetricsOptions)
    hardware: HardwareOptions = field(default_factory=HardwareOptions)
