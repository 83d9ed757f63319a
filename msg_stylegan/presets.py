"""The presets, for `--config=NAME`: what differs from the defaults.

Importable without TensorFlow.
"""

import dataclasses
import re

from msg_stylegan.losses.options import LossOptions
from msg_stylegan.options import (
    Config,
    DatasetOptions,
    DiscriminatorOptions,
    GeneratorOptions,
    GrowingOptions,
    MetricsOptions,
    OptimizerOptions,
    ScheduleOptions,
    changed,
)
from msg_stylegan.options.tree import expand_home
from msg_stylegan.pair_presets import pair_presets
from msg_stylegan.wording import did_you_mean

# For pictures that are more various than digits.
_WIDER = {"generator.channel_base": 512, "discriminator.channel_base": 512}


def _digits(max_label_size=0, image_grid="16x8"):
    return Config(
        dataset=DatasetOptions(path="digits", resolution=32, max_label_size=max_label_size),
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
            image_grid=image_grid,
        ),
        metrics=MetricsOptions(names=("swd1k", "stability36")),
    )


def _digits_progan():
    """The demo with MSG-ProGAN's networks, which need a third of the training on the digits."""
    return changed(
        _digits(),
        {
            "generator.body": "progan",
            "generator.mapping_layers": 0,
            "generator.normalize_z": False,
            "generator.z_space": "sphere",
            "discriminator.body": "progan",
            "discriminator.mbstd_blocks": "last",
            "schedule.total_kimg": 16.0,
            "schedule.network_snapshot_ticks": 2,
        },
    )


def r3gan(kimg):
    """The options of R3GAN's loss, with schedules that fall and rise by its factors over `kimg`."""
    gamma, learning_rate = f"20@0,2@{kimg:g}", f"0.003@0,0.00075@{kimg:g}"
    return {
        "discriminator.mbstd_group_size": 0,
        "loss.name": "relativistic_logistic",
        "loss.r1_gamma": gamma,
        "loss.r2_gamma": gamma,
        "optimizer.G_learning_rate": learning_rate,
        "optimizer.D_learning_rate": learning_rate,
        "optimizer.beta2": f"0.9@0,0.99@{kimg:g}",
    }


def _digits_r3gan():
    """The same with R3GAN's loss and schedules, also of the average."""
    return changed(_digits_progan(), {**r3gan(16), "schedule.ema_kimg": "0@0,1@16"})


def _fashion_mnist():
    """MSG-ProGAN on 60,000 gray pictures of clothes."""
    return changed(
        _digits_progan(),
        {
            "dataset.path": "fashion_mnist",
            **_WIDER,
            "schedule.total_kimg": 100.0,
            "schedule.network_snapshot_ticks": 5,
        },
    )


def _emoji64_progan():
    """MSG-ProGAN on the emoji of a font: 3,926 pictures in colour."""
    return changed(
        _digits_progan(),
        {
            "dataset.path": "emoji64",
            "dataset.resolution": 64,
            **_WIDER,
            "augment.groups": ("blit", "color"),
            "schedule.total_kimg": 60.0,
            "schedule.network_snapshot_ticks": 5,
        },
    )


def modern(kimg):
    """StyleGAN2's blocks, small batches, and learning rates that fall over `kimg`.

    Of one scale, which small pictures are drawn better with: docs/experiments.md. Those of 128
    pixels and more have not been compared.
    """
    learning_rate = f"0.012@0,0.001@{kimg:g}"
    return {
        "connect": "none",
        "generator.body": "stylegan2",
        "generator.mapping_layers": 3,
        "generator.mapping_width": 64,
        "generator.z_space": "normal",
        "generator.normalize_z": True,
        "discriminator.body": "residual",
        "discriminator.mbstd_blocks": "last",
        "loss.r1_gamma": 5.0,
        "loss.penalty_interval": 4,
        "optimizer.G_learning_rate": learning_rate,
        "optimizer.D_learning_rate": learning_rate,
        # For small pictures half a batch takes half the time, and makes as large a step.
        "schedule.batch_size": 8,
        "schedule.ema_kimg": f"0.5@0,{0.5 + 0.025 * kimg:g}@{kimg:g}",
    }


def _modern():
    """The best recipe for so few images of those that docs/experiments.md compares."""
    return changed(
        _digits_progan(),
        {
            **modern(100),
            "dataset.path": "emoji64",
            # That of the data set.
            "dataset.resolution": 0,
            **_WIDER,
            "schedule.total_kimg": 100.0,
            "schedule.network_snapshot_ticks": 5,
        },
    )


def _emoji64():
    """The same with all scales, so that the demo shows pictures of every size."""
    return changed(_modern(), {"connect": "all", "dataset.resolution": 64, "dataset.mirror": True})


def _original(path, resolution, mirror, batch_size):
    """The settings of the original system, which differ between data sets in these four only."""
    return Config(
        dataset=DatasetOptions(path=path, resolution=resolution, mirror=mirror),
        schedule=ScheduleOptions(batch_size=batch_size, image_grid="4k"),
        metrics=MetricsOptions(names=("fid50k", "stability36")),
    )


def _bmsg(path, depth, latent_size=512, mirror=True, batch_size=20):
    """MSG-ProGAN as BMSG-GAN trains it.

    Args:
        path: Folder of the data set.
        depth: Number of scales; the images have 2^(depth + 1) pixels on a side.
        latent_size: Size of z, and channels of both networks up to 32x32. Every further doubling
            of the resolution halves them.
        mirror: Whether images are mirrored half of the time.
        batch_size: Images per discriminator update.
    """
    channels = {"channel_base": 16 * latent_size, "channel_max": latent_size}
    return Config(
        dataset=DatasetOptions(path=path, resolution=2 ** (depth + 1), mirror=mirror),
        generator=GeneratorOptions(
            z_dim=latent_size,
            z_space="sphere",
            mapping_layers=0,
            normalize_z=False,
            body="progan",
            **channels,
        ),
        discriminator=DiscriminatorOptions(
            combine="lin_cat",
            body="progan",
            mbstd_group_size=-1,
            mbstd_blocks="last",
            **channels,
        ),
        loss=LossOptions(name="relativistic_hinge", r1_gamma=0.0),
        schedule=ScheduleOptions(
            batch_size=batch_size, ema_decay=0.999, same_z=True, image_grid="6x6"
        ),
        metrics=MetricsOptions(names=("fid50k", "stability36")),
    )


def _growing(path, resolution, batch_sizes, total_kimg, loss, z_space, **schedule):
    """ProGAN's networks, grown; stages of 600 kimg. `schedule`: options of the schedule."""
    return Config(
        dataset=DatasetOptions(path=path, resolution=resolution),
        generator=GeneratorOptions(
            z_space=z_space, mapping_layers=0, normalize_z=False, body="progan"
        ),
        discriminator=DiscriminatorOptions(body="progan", mbstd_blocks="last"),
        loss=loss,
        growing=GrowingOptions(start_resolution=4, batch_sizes=batch_sizes),
        optimizer=OptimizerOptions(G_learning_rate=0.001, D_learning_rate=0.001),
        schedule=ScheduleOptions(total_kimg=total_kimg, **schedule),
    )


# FID = the published score of the original system (lower is better) on the hardware named with it.
# Batch sizes are the original's for that number of GPUs. "Unverified": no score was published.
PRESETS = {
    # Handwritten digits, 32x32 gray: the demo. Two CPU cores, about five minutes. Not in the paper.
    "digits": _digits(),
    # The same digits, drawn by class: a label is one of ten classes. As long as the demo.
    "digits_conditional": _digits(max_label_size=-1, image_grid="16x10"),
    # The digits by MSG-ProGAN: what the experiments start from.
    "digits_progan": _digits_progan(),
    # As the last one, with the loss and schedules of R3GAN. Not of its networks.
    "digits_r3gan": _digits_r3gan(),
    # Fashion-MNIST, 32x32 gray, without labels. Not in the paper.
    "fashion_mnist": _fashion_mnist(),
    # Small pictures of any kind by today's means; name yours by --config.dataset.path.
    "modern": _modern(),
    # The same at every scale for emoji of a font, 64x64 in colour: the demo in colour. An hour of
    # one CPU core, or less.
    "emoji64": _emoji64(),
    # The same emoji by MSG-ProGAN: what the experiments on colour pictures start from.
    "emoji64_progan": _emoji64_progan(),
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
    # BMSG-GAN's own defaults: depth 6, latent size 512, batches of 20. `bmsg:DEPTH` and
    # `bmsg:DEPTH,LATENT_SIZE` choose others; docs/bmsg.md maps all of its options. It publishes no
    # scores; depth and latent size are published for 256x256 only (7 and 512).
    "bmsg": _bmsg("celeba", depth=6),
    # CIFAR-10, 50,000 images.
    "bmsg_cifar10": _bmsg("cifar10", depth=4),
    # Oxford Flowers, about 8,000 images.
    "bmsg_oxford_flowers256": _bmsg("oxford_flowers", depth=7),
    # CelebA, about 200,000 images.
    "bmsg_celeba128": _bmsg("celeba", depth=6),
    # LSUN Bedrooms, about 3,000,000 images.
    "bmsg_lsun_bedrooms128": _bmsg("lsun_bedrooms", depth=6),
    # CelebA-HQ, 30,000 images.
    "bmsg_celebahq256": _bmsg("celebahq", depth=7),
    # The same at full size.
    "bmsg_celebahq1024": _bmsg("celebahq", depth=9),
    # Cartoon Set, 10,000 images.
    "bmsg_cartoon_set128": _bmsg("cartoon_set", depth=6),
    # PGGAN-PyTorch on CelebA (docs/growing.md has the command for its crop): LSGAN with noisy
    # labels, 13 stages. Unverified: it publishes no scores. It warns of instability at 256x256.
    "pggan_celeba": _growing(
        "celeba_square",
        256,
        ("4:16", "64:8", "128:4"),
        7800.0,
        LossOptions(name="lsgan", r1_gamma=0.0, label_noise=0.3),
        "normal",
        batch_size=16,
        ema_kimg=0.0,
    ),
    # ProGAN, the paper's baseline: WGAN-GP. Unverified, and its batch sizes, length and weight
    # average are not from a published source either.
    "progan": _growing(
        "celebahq",
        1024,
        ("4:16", "256:8", "512:4"),
        12_000.0,
        LossOptions(name="wgan_gp", r1_gamma=0.0),
        "sphere",
        batch_size=16,
        ema_decay=0.999,
    ),
    **pair_presets(_digits_progan(), _emoji64_progan()),
}


def get_preset(name, own=None):
    """Returns the `Config` of a preset.

    Args:
        name: A key of `PRESETS` or `own`; or `bmsg:DEPTH` or `bmsg:DEPTH,LATENT_SIZE`.
        own: The user's presets: dict of a name to the name of the preset to start from and a dict
            of the options that differ, see `config.py`; or None.

    Raises:
        ValueError: There is no such preset; names near matches. Or it cannot have this size.
    """
    own = own or {}
    if name in own:
        start, changes = own[name]
        others = {other: preset for other, preset in own.items() if other != name}
        try:
            return changed(get_preset(start, others), {**changes, "preset": name})
        except ValueError as error:
            raise ValueError(f"preset {name!r} in config.py: {error}") from None
    name, has_size, size = name.partition(":")
    if has_size and name == "bmsg":
        return dataclasses.replace(_sized_bmsg(size), preset=name)
    known = [*PRESETS, *own]
    if has_size and name in known:
        raise ValueError(f"{name}:{size}: only bmsg takes a size. Choose --config={name}.")
    if name not in known:
        raise ValueError(
            f"unknown preset {name!r}.{did_you_mean(name, known)} "
            f"The presets are: {', '.join(known)}."
        )
    return dataclasses.replace(PRESETS[name], preset=name)


def preset_of(user, name):
    """The `Config` of a preset with the paths of a user.

    Args:
        user: What `config.py` holds: `presets`, `data_dir`, `result_dir` and `cache_dir`.
        name: Name of the preset, as for `get_preset`.
    """
    return expand_home(with_places(user, get_preset(name, user.presets)))


def with_places(user, config):
    """A `Config` with the paths of a user, see `preset_of`, where it has none of its own."""
    places = ("data_dir", "result_dir", "cache_dir")
    return dataclasses.replace(
        config,
        **{p: getattr(user, p) for p in places if getattr(config, p) == getattr(Config(), p)},
    )


def _sized_bmsg(size):
    match = re.fullmatch(r"([4-9])(?:,(\d{1,5}))?", size)
    depth, latent_size = (int(match[1]), int(match[2] or 512)) if match else (0, 0)
    if not match or latent_size < max(2, 2 ** (depth - 4)) or latent_size & (latent_size - 1):
        raise ValueError(
            f"bmsg:{size}: must be bmsg:DEPTH or bmsg:DEPTH,LATENT_SIZE, such as bmsg:7,512. "
            "DEPTH is from 4 (32x32) to 9 (1024x1024), LATENT_SIZE a power of two, at least 2 and "
            "at least 2^(DEPTH - 4)."
        )
    return _bmsg("celeba", depth, latent_size)
