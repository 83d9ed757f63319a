"""Paths and every training option; the defaults stand here and nowhere else.

Edit the names at the top, or leave them and override single options on the command line:
`python train.py --config=ffhq1024 --config.loss.r1_gamma=5`. The presets stand in `presets.py`,
what an option may be in `options.py`. Standard library only.
"""

import os
from dataclasses import dataclass, field

# The preset that `python train.py` trains when no --config is given.
preset = "digits"

# Folder of the data sets. `dataset.path` of a preset is relative to it. Amazon SageMaker names its
# own in an environment variable.
data_dir = os.environ.get("SM_CHANNEL_TRAINING") or "datasets"

# Folder in which every training run gets a numbered folder of its own; the same for SageMaker.
result_dir = os.environ.get("SM_MODEL_DIR") or "results"

# Folder of what the metrics need: weights of pretrained networks, and statistics of real images,
# which may be removed at any time.
cache_dir = "cache"

# The shell, which replaces "~" elsewhere, does not see the names above.
data_dir, result_dir, cache_dir = map(os.path.expanduser, (data_dir, result_dir, cache_dir))


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
    # Where z comes from: normal, or sphere for normal numbers scaled to the length sqrt(z_dim).
    z_space: str = "normal"
    # Components of the intermediate latent w. Without mapping layers w is z (with the embedded
    # label behind it, which makes it twice as long), and 512 stands for its size.
    w_dim: int = 512
    # Dense layers of the mapping network, 0 for none.
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
    # Blocks of the synthesis network: stylegan, or progan for pixel norms instead of styles, noise
    # and constant input. With progan, the options from use_styles to blur_filter follow from it.
    synthesis: str = "stylegan"
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
    # How a block joins the activation with the image of its scale: cat_lin, lin_cat or simple.
    combine: str = "cat_lin"
    # What follows in a block: stylegan, or progan for means after the nonlinearity and no blur.
    # With progan, blur_filter follows from it.
    body: str = "stylegan"
    # Nonlinearity: lrelu or relu.
    nonlinearity: str = "lrelu"
    # Scale the weights at run time instead of at initialisation (equalized learning rate).
    equalized_lr: bool = True
    # Taps of the separable low-pass filter before downsampling, an odd number of them. Empty = off.
    blur_filter: tuple[float, ...] = (1.0, 2.0, 1.0)
    # Images over which the minibatch standard deviation is taken. 0 or 1 = off, -1 = all images of
    # the batch on the device.
    mbstd_group_size: int = 4
    # Channels that it adds to a block. Must divide the channels of the block.
    mbstd_num_channels: int = 1
    # Blocks that have it: all, or last for the one of 4x4.
    mbstd_blocks: str = "all"


@dataclass
class LossOptions:
    """Adversarial loss, and what regularises it; all penalties are averaged over the scales."""

    # logistic (non-saturating), logistic_saturating, standard, hinge, hinge_gp, relativistic_hinge,
    # wgan, wgan_gp, lsgan or lsgan_sigmoid; lsgan_square_of_means and lsgan_sigmoid_square_of_means
    # are BMSG-GAN's form of the last two.
    name: str = "logistic"
    # Weight of the gradient penalty on reals; the loss adds r1_gamma / 2 * penalty. 0 = no penalty.
    r1_gamma: float = 10.0
    # Weight of the same penalty on fakes; the loss adds r2_gamma / 2 * penalty. 0 = no penalty.
    r2_gamma: float = 0.0
    # Weight of the gradient penalty between reals and fakes. Only hinge_gp and wgan_gp have it.
    gp_lambda: float = 10.0
    # Norm of the gradient that this penalty asks for.
    gp_target: float = 1.0
    # Weight of the mean square of the scores of reals. Only wgan and wgan_gp have it.
    drift_epsilon: float = 0.001
    # Discriminator updates per update with the penalties, which then weigh that much more. 1 = the
    # penalties are part of every update.
    interval: int = 1
    # Standard deviation of the noise on the labels of lsgan and its like. 0 = no noise.
    label_noise: float = 0.0


@dataclass
class AugmentOptions:
    """Random changes of reals and fakes before the discriminator, for small data sets."""

    # What to change: blit, geom, color, all, or single kinds: flip, rot90, translate, scale,
    # rotate, aniso, brightness, contrast, hue, saturation, cutout. Empty = no augmentation.
    groups: tuple[str, ...] = ()
    # Let the probability follow how far the discriminator overfits (ADA).
    adaptive: bool = True
    # Probability of every kind, from 0 to 1; where an adaptive one starts.
    probability: float = 0.0
    # Mean sign of the scores of reals that an adaptive probability keeps, from -1 to 1.
    target: float = 0.6
    # Time in which an adaptive probability can rise from 0 to 1, in kimg.
    kimg: float = 500.0
    # Discriminator updates between two changes of an adaptive probability.
    interval: int = 4


@dataclass
class GrowingOptions:
    """Progressive growing instead of all scales at once; needs ProGAN's networks."""

    # Side of the images at the beginning, a power of two from 4. 0 = no growing.
    start_resolution: int = 0
    # Time in which a new level is faded in, in kimg. 0 = it counts at once.
    fade_kimg: float = 600.0
    # Time for which a resolution is trained after its fade, in kimg. The last one lasts until
    # schedule.total_kimg.
    stabilize_kimg: float = 600.0
    # Batch sizes as RESOLUTION:BATCH, each from that resolution on, such as 4:16,64:8. Below the
    # first, and if empty: schedule.batch_size.
    batch_sizes: tuple[str, ...] = ()


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
    # Time over which the learning rates rise linearly from 0, in kimg of the run, whatever the
    # batch sizes are. 0 = full from the start.
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
    # Instead of a half-life: what is left of G_ema after an update, such as 0.999. 0 = ema_kimg.
    ema_decay: float = 0.0
    # Draw the latents of an iteration once, for the updates of both networks.
    same_z: bool = False
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
    # Scales whose images pass from generator to discriminator, the largest always: all, coarse (4
    # and 8), middle (16 and 32), fine (64 and more), none, or sides with commas such as 4,32.
    connect: str = "all"
    dataset: DatasetOptions = field(default_factory=DatasetOptions)
    generator: GeneratorOptions = field(default_factory=GeneratorOptions)
    discriminator: DiscriminatorOptions = field(default_factory=DiscriminatorOptions)
    loss: LossOptions = field(default_factory=LossOptions)
    augment: AugmentOptions = field(default_factory=AugmentOptions)
    growing: GrowingOptions = field(default_factory=GrowingOptions)
    optimizer: OptimizerOptions = field(default_factory=OptimizerOptions)
    schedule: ScheduleOptions = field(default_factory=ScheduleOptions)
    metrics: MetricsOptions = field(default_factory=MetricsOptions)
    hardware: HardwareOptions = field(default_factory=HardwareOptions)
