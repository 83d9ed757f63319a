"""Rules that connect several options."""

import dataclasses
import functools
import operator

from msg_stylegan.losses.options import LossOptions
from msg_stylegan.resolutions import count_channels

_LOSS_NAMES = [f"loss.{field.name}" for field in dataclasses.fields(LossOptions)]


def relation_problems(config, wrong, num_replicas, resolution):
    """Problems between options.

    Args:
        config: A `Config`.
        wrong: Set of the names of options that are wrong by themselves. A relation between options
            means something only if each of them by itself is right.
        num_replicas: Number of devices that share a batch, or None if not known yet.
        resolution: Effective resolution of the data set, or None if not known yet.

    Returns:
        List of lines: an option's name, its value and the rule.
    """
    problems = []
    for relation, names in (
        (_device_problems, "hardware.num_gpus hardware.logical_cpus"),
        (
            functools.partial(_batch_problems, num_replicas=num_replicas),
            "schedule.batch_size discriminator.mbstd_group_size hardware.logical_cpus "
            "growing.batch_sizes",
        ),
        (
            functools.partial(_channel_problems, resolution=resolution),
            "dataset.resolution generator.channel_base generator.channel_decay "
            "generator.channel_max discriminator.channel_base discriminator.channel_decay "
            "discriminator.channel_max discriminator.mbstd_num_channels discriminator.combine "
            "discriminator.mbstd_group_size discriminator.mbstd_blocks",
        ),
        (
            functools.partial(_connection_problems, resolution=resolution),
            "dataset.resolution connect",
        ),
        (lambda config: config.loss.problems(), " ".join(_LOSS_NAMES)),
        (_augment_problems, "augment.groups augment.probability loss.name"),
        (
            functools.partial(_growing_problems, resolution=resolution),
            "growing.start_resolution dataset.resolution generator.synthesis discriminator.body "
            "discriminator.mbstd_blocks connect",
        ),
    ):
        if wrong.isdisjoint(names.split()):
            problems += relation(config)
    return problems


def _device_problems(config):
    hardware = config.hardware
    if hardware.num_gpus and hardware.logical_cpus:
        return [
            f"hardware.logical_cpus={hardware.logical_cpus}: must be 0 when "
            f"hardware.num_gpus={hardware.num_gpus} is given"
        ]
    return []


def _batch_problems(config, num_replicas):
    num_replicas = num_replicas or config.hardware.logical_cpus or 1
    group, problems = config.discriminator.mbstd_group_size, []
    sizes = {"schedule.batch_size": config.schedule.batch_size}
    for entry in config.growing.batch_sizes:
        sizes[f"growing.batch_sizes={entry}"] = int(entry.partition(":")[2])
    for name, batch_size in sizes.items():
        name = name if "=" in name else f"{name}={batch_size}"
        problems += _batch_size_problems(name, batch_size, group, num_replicas)
    return problems


def _batch_size_problems(name, batch_size, group, num_replicas):
    if batch_size % num_replicas:
        return [f"{name}: must be a multiple of the number of replicas, which is {num_replicas}"]
    batch_per_replica = batch_size // num_replicas
    if group > 1 and batch_per_replica > group and batch_per_replica % group:
        return [
            f"{name}: the {batch_per_replica} images of a replica must be a multiple of "
            f"discriminator.mbstd_group_size={group}, or fewer, because each replica computes its "
            "own minibatch stddev"
        ]
    return []


def _channel_problems(config, resolution):
    """Problems of the channel counts at 4x4 to `resolution`, if that is known yet."""
    resolution = resolution or config.dataset.resolution
    problems = []
    for group in ("generator", "discriminator"):
        options = getattr(config, group)
        for level in range(2, resolution.bit_length()):
            channels = count_channels(
                level - 1, options.channel_base, options.channel_decay, options.channel_max
            )
            where = f"{2**level}x{2**level}"
            if channels < 1:
                problems.append(
                    f"{group}.channel_base={options.channel_base}: leaves no channel at {where}"
                )
            elif group == "discriminator":
                is_top = 2**level == resolution
                problems += _block_problems(options, level, channels, where, is_top)
    return problems


def _block_problems(options, level, channels, where, is_top):
    """Problems of a block of the discriminator that joins as many channels."""
    problems = []
    if options.combine == "lin_cat" and channels < 2 and not is_top:
        problems.append(
            f"discriminator.combine='lin_cat': needs 2 channels at {where}, and "
            f"discriminator.channel_base={options.channel_base} leaves {channels}"
        )
    has_stddev = options.mbstd_group_size not in (0, 1) and (
        options.mbstd_blocks == "all" or level == 2
    )
    # The channels of the images, which phi_simple adds, are not known here.
    is_known = options.combine != "simple" or is_top
    if has_stddev and is_known and channels % options.mbstd_num_channels:
        problems.append(
            f"discriminator.mbstd_num_channels={options.mbstd_num_channels}: must divide the "
            f"{channels} channels at {where}"
        )
    return problems


def _augment_problems(config):
    augment = config.augment
    if not augment.groups:
        return []
    if not augment.adaptive and augment.probability == 0:
        return [
            "augment.probability=0.0: must be greater than 0 with augment.adaptive=False, or "
            "augmentation does nothing"
        ]
    if augment.adaptive and not config.loss.loss_class.separates_at_zero:
        return [
            f"augment.adaptive=True: must be False with loss.name={config.loss.name!r}, whose "
            "scores do not part reals from fakes at 0"
        ]
    return []


def _growing_problems(config, resolution):
    start = config.growing.start_resolution
    if not start:
        return []
    problems = []
    resolution = resolution or config.dataset.resolution
    if resolution and start > resolution:
        problems.append(
            f"growing.start_resolution={start}: the images have {resolution}x{resolution} pixels"
        )
    for name, expected in (
        ("generator.synthesis", "progan"),
        ("discriminator.body", "progan"),
        ("discriminator.mbstd_blocks", "last"),
        ("connect", "all"),
    ):
        value = operator.attrgetter(name)(config)
        if value != expected:
            problems.append(f"{name}={value!r}: must be {expected!r} to grow the networks")
    return problems


def _connection_problems(config, resolution):
    """Problem of scales that the images, if their size is known yet, do not have."""
    resolution = resolution or config.dataset.resolution
    sides = [int(side) for side in config.connect.split(",") if side.isdecimal()]
    if resolution and any(side > resolution for side in sides):
        return [f"connect={config.connect!r}: the images have {resolution}x{resolution} pixels"]
    return []
