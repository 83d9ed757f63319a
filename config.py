"""Paths, presets and every training option; the defaults stand here and nowhere else.

Edit the names at the top, or leave them and override single options on the command line:
`python train.py --config=ffhq1024 --config.loss.r1_gamma=5`. What an option may be stands in
`options.py`. Standard library only.
"""

import copy
import dataclasses
import difflib
from dataclasses import dataclass, field

# The preset that `python train.py` trains when no --config is given.
preset = "digits"

# Folder of the data sets. `dataset.path` of a preset is relative to it.
data_dir = "datasets"

# Folder in which every training run gets a numbered folder of its own.
result_dir = "results"

# Folder of what the metrics need: weights of pretrained networks, and statistics of real images,
# which may be removed at any time.
cache_dir = "cache"


@dataclass
class DatasetOptions:
    """Which images to train on."""

    # Folder of a TFRecord data set, relative to `data_dir` or absolute.
    path: str = ""
    # Side of the images in pixels, a power of two from 8 to 1024. Below the stored resolution the
    # images are reduced by 2x2 means. 0 = as stored.
    resolution: int = 0
    # Number of label components that condition the networks. 0 = ignore labels, -1 = all.
    max_label_size: int = 0
    # Show every image mirrored left to right half of the time.
    mirror: bool = False


@dataclass
class GeneratorOptions:
    """Mapping and synthesis network."""

    # Components of the input latent z.
    z_dim: int = 512
    # Components of the intermediate latent w.
    w_dim: int = 512
    # Dense layers of the mapping network.
    mapping_layers: int = 8
    # Units of every mapping layer but the last, which has `w_dim`.
    mapping_width: int = 512
    # Learning rate of the mapping network relative to the rest.
    mapping_lr_multiplier: float = 0.01
    # Nonlinearity of the mapping network: lrelu or relu.
    mapping_nonlinearity: str = "lrelu"
    # Normalise z (with the embedded label) to unit mean square before the mapping network.
    normalize_z: bool = True
    # Channels at side 2^r: channel_base / 2^((r - 1) * channel_decay), at most channel_max.
    channel_base: int = 8192
    # How fast the channels shrink with the resolution: 1 = halved at every doubling, 0 = constant.
    channel_decay: float = 1.0
    # Most channels that a layer may have.
    channel_max: int = 512
    # Nonlinearity of the synthesis network: lrelu or relu.
    nonlinearity: str = "lrelu"
    # Scale the weights at run time instead of at initialisation (equalized learning rate).
    equalized_lr: bool = True
    # Let w modulate every layer. Off: w enters at the 4x4 level only.
    use_styles: bool = True
    # Add per-pixel noise after every convolution.
    use_noise: bool = True
    # Start from a learned 4x4 constant. Off: from a dense layer on w.
    use_const_input: bool = True
    # Normalise every pixel over its channels after each nonlinearity.
    use_pixel_norm: bool = False
    # Normalise every channel over its pixels after each nonlinearity.
    use_instance_norm: bool = True
    # Taps of the separable low-pass filter after upsampling, an odd number of them. Empty = off.
    blur_filter: tuple[float, ...] = (1.0, 2.0, 1.0)
    # Decay of the running mean of w, per evaluation in training, at least 0 and below 1.
    w_avg_beta: float = 0.995


@dataclass
class DiscriminatorOptions:
    """Multi-scale discriminator."""

    # Channels at side 2^r: channel_base / 2^((r - 1) * channel_decay), at most channel_max.
    channel_base: int = 8192
    # How fast the channels shrink with the resolution: 1 = halved at every doubling, 0 = constant.
    channel_decay: float = 1.0
    # Most channels that a layer may have.
    channel_max: int = 512
    # Nonlinearity: lrelu or relu.
    nonlinearity: str = "lrelu"
    # Scale the weights at run time instead of at initialisation (equalized learning rate).
    equalized_lr: bool = True
    # Taps of the separable low-pass filter before downsampling, an odd number of them. Empty = off.
    blur_filter: tuple[float, ...] = (1.0, 2.0, 1.0)
    # Images over which the minibatch standard deviation of every block is taken. 0 or 1 = off.
    mbstd_group_size: int = 4
    # Channels that it adds to every block. Must divide the channels of every block.
    mbstd_num_channels: int = 1


@dataclass
class LossOptions:
    """Non-saturating logistic loss with R1 on the real images, averaged over the scales."""

    # Weight of the gradient penalty; the loss adds r1_gamma / 2 * penalty. 0 = no penalty.
    r1_gamma: float = 10.0


@dataclass
class OptimizerOptions:
    """Optimizer of both networks."""

    # Adam, RMSprop, or tfa.NAME for any optimizer of tensorflow-addons, such as tfa.RectifiedAdam.
    name: str = "Adam"
    # Learning rate of the generator.
    G_learning_rate: float = 0.003
    # Learning rate of the discriminator.
    D_learning_rate: float = 0.003
    # Decay of the running mean of gradients, at least 0 and below 1. For RMSprop the momentum.
    beta1: float = 0.0
    # Decay of the running mean of squared gradients, at least 0 and below 1.
    beta2: float = 0.99
    # Added to the denominator of an update.
    epsilon: float = 1e-8
    # Time over which the learning rates rise linearly from 0, in kimg. 0 = full from the start.
    rampup_kimg: float = 0.0


@dataclass
class ScheduleOptions:
    """Length of training and what is saved when; kimg = thousands of real images shown."""

    # Images per discriminator update, over all replicas together.
    batch_size: int = 16
    # Length of training, in kimg.
    total_kimg: float = 25_000.0
    # Length of a tick, after which statistics are reported, in kimg.
    tick_kimg: float = 10.0
    # Discriminator updates before every generator update.
    D_steps_per_G_step: int = 1
    # Half-life of the weight average G_ema, in kimg. 0 = G_ema is a copy of G.
    ema_kimg: float = 10.0
    # Ticks between two sample grids. 0 = only at the start and at the end.
    image_snapshot_ticks: int = 1
    # Ticks between two network snapshots with their metrics. 0 = only at the start and at the end.
    network_snapshot_ticks: int = 10
    # Ticks between two checkpoints. 0 = only at the start, at the end and when interrupted.
    checkpoint_ticks: int = 1
    # Newest network snapshots to keep; the best one is kept besides. 0 = all.
    keep_snapshots: int = 0
    # Newest checkpoints to keep, at least 1.
    keep_checkpoints: int = 2
    # Size of the sample grids: 1080p, 4k, or columns and rows such as 16x8.
    image_grid: str = "1080p"
    # Consecutive updates with non-finite gradients that are skipped before training stops.
    max_skipped_updates: int = 100


@dataclass
class MetricsOptions:
    """Metrics that are computed at every network snapshot."""

    # Names as run_metrics.py knows them. Empty = none.
    names: tuple[str, ...] = ()
    # Generated images per metric. 0 = what the metric's name says.
    num_images: int = 0
    # File with the weights of Inception. Empty = looked for in `cache_dir`/inception.
    inception_weights: str = ""
    # File with the weights of VGG16. Empty = looked for in `cache_dir`/vgg16.
    vgg16_weights: str = ""
    # File with the weights of LPIPS. Empty = looked for in `cache_dir`/lpips.
    lpips_weights: str = ""


@dataclass
class HardwareOptions:
    """What to run on and how."""

    # GPUs to use. 0 = all that are visible.
    num_gpus: int = 0
    # Train on that many logical CPU devices instead, to try several replicas. 0 = off.
    logical_cpus: int = 0
    # Training steps per compiled call.
    steps_per_call: int = 16
    # Ask TensorFlow for kernels that give the same bits every time. Slower on a GPU.
    deterministic: bool = False


@dataclass
class Config:
    """All options of one training run."""

    # Name of the preset that this configuration started from.
    preset: str = ""
    data_dir: str = data_dir
    result_dir: str = result_dir
    cache_dir: str = cache_dir
    # Middle part of the name of the run directory. Empty = the name of the preset.
    description: str = ""
    # Seed of initial weights, latents, noise and data order, from 0 to 2^31 - 1.
    seed: int = 333
    dataset: DatasetOptions = field(default_factory=DatasetOptions)
    generator: GeneratorOptions = field(default_factory=GeneratorOptions)
    discriminator: DiscriminatorOptions = field(default_factory=DiscriminatorOptions)
    loss: LossOptions = field(default_factory=LossOptions)
    optimizer: OptimizerOptions = field(default_factory=OptimizerOptions)
    schedule: ScheduleOptions = field(default_factory=ScheduleOptions)
    metrics: MetricsOptions = field(default_factory=MetricsOptions)
    hardware: HardwareOptions = field(default_factory=HardwareOptions)


def _original(path, resolution, mirror, batch_size):
    """The settings of the original system, which differ between data sets in these four only."""
    return Config(
        dataset=DatasetOptions(path=path, resolution=resolution, mirror=mirror),
        schedule=ScheduleOptions(batch_size=batch_size, image_grid="4k"),
        metrics=MetricsOptions(names=("fid50k", "stability36")),
    )


# FID = the published score of the original system (lower is better) on the hardware named with it.
# Batch sizes are the original's for that number of GPUs. "Unverified": no score was published.
PRESETS = {
    # Handwritten digits, 32x32 gray: the demo. Two CPU cores, about five minutes. Not in the paper.
    "digits": Config(
        dataset=DatasetOptions(path="digits", resolution=32),
        generator=GeneratorOptions(
            z_dim=64,
            w_dim=64,
            mapping_layers=4,
            mapping_width=64,
            # Ten times the default: so short a training would hardly move the mapping otherwise.
            mapping_lr_multiplier=0.1,
            channel_base=256,
            channel_max=64,
        ),
        discriminator=DiscriminatorOptions(channel_base=256, channel_max=64),
        loss=LossOptions(r1_gamma=5.0),
        schedule=ScheduleOptions(
            batch_size=16,
            total_kimg=48.0,
            tick_kimg=4.0,
            ema_kimg=1.0,
            network_snapshot_ticks=6,
            image_grid="16x8",
        ),
        metrics=MetricsOptions(names=("swd1k", "stability36")),
    ),
    # CIFAR-10, 32x32, without labels. Unverified: the paper gives Inception Scores of the ProGAN
    # variant only. The original states neither batch size nor mirroring; its defaults stand here.
    "cifar10": _original("cifar10", 32, mirror=False, batch_size=16),
    # Oxford Flowers, about 8,000 images. 2 V100 32 GB: FID 19.60 after 1.6 million images shown.
    # The original does not state the mirroring; it is on, for few images whose mirror image is one
    # of the same kind.
    "oxford_flowers256": _original("oxford_flowers", 256, mirror=True, batch_size=32),
    # LSUN Churches, about 126,000 images. 8 V100 16 GB: FID 5.20 after 24 million images shown.
    "lsun_churches256": _original("lsun_churches", 256, mirror=False, batch_size=32),
    # Indian Celebs, about 3,000 images. 4 V100 32 GB: FID 28.44.
    "indian_celebs256": _original("indian_celebs", 256, mirror=True, batch_size=16),
    # CelebA-HQ, 30,000 images. 8 V100 16 GB: FID 6.37.
    "celebahq1024": _original("celebahq", 1024, mirror=True, batch_size=32),
    # FFHQ, 70,000 images. 4 V100 32 GB: FID 5.80 after 9.6 million images shown.
    "ffhq1024": _original("ffhq", 1024, mirror=True, batch_size=16),
    # FFHQ reduced from the same records, batch size as for 4 GPUs. Unverified.
    "ffhq512": _original("ffhq", 512, mirror=True, batch_size=16),
    # FFHQ reduced from the same records, batch size as for 4 GPUs. Unverified.
    "ffhq256": _original("ffhq", 256, mirror=True, batch_size=16),
}


def get_preset(name):
    """Returns a new `Config` of the preset `name`; ValueError with near matches if unknown."""
    if name not in PRESETS:
        raise ValueError(
            f"unknown preset {name!r}.{did_you_mean(name, PRESETS)} "
            f"The presets are: {', '.join(PRESETS)}."
        )
    return dataclasses.replace(copy.deepcopy(PRESETS[name]), preset=name)


def did_you_mean(name, candidates):
    """Returns ` Did you mean ...?` with up to three candidates similar to `name`, or nothing.

    Dotted names are also compared by their last part, so that `r1_gamma` finds `loss.r1_gamma`.
    """

    def similarity(candidate):
        pairs = ((name, candidate), (name.rpartition(".")[2], candidate.rpartition(".")[2]))
        return max(difflib.SequenceMatcher(None, *pair).ratio() for pair in pairs)

    near = sorted((c for c in candidates if similarity(c) >= 0.6), key=similarity, reverse=True)
    return f" Did you mean {' or '.join(near[:3])}?" if near else ""
