"""Whether the values of options are possible, by themselves and together."""

from msg_stylegan.interface import Interface
from msg_stylegan.option import problems_of
from msg_stylegan.options.tree import raise_all


def validate(config, num_replicas=None, dataset=None, dataset_b=None):
    """Checks every option; reports all problems at once.

    Args:
        config: A `Config`.
        num_replicas: Number of devices that share a batch, or None if not known yet.
        dataset: The opened data set, or None if not known yet. Without it `dataset.resolution`
            stands in for its size, if that is given.
        dataset_b: That of domain B, likewise.

    Raises:
        ValueError: One line per problem: the option's name, its value and the rule.
    """
    domains = [_interface(config, dataset)]
    if config.dataset.path_b:
        domains.append(_interface(config, dataset_b))
    problems = problems_of(config)
    # Relations mean something only between options that are right by themselves.
    wrong = {*problems, *(name.partition(".")[0] for name in problems)}
    lines = [*problems.values()]
    for names, find in _RELATIONS.items():
        if wrong.isdisjoint(names.split()):
            lines += find(config, domains, num_replicas)
    lines += _subset_problems(config, (dataset, dataset_b))
    # Both domains may have the same problem.
    raise_all(list(dict.fromkeys(lines)))


def _subset_problems(config, datasets):
    count = config.dataset.num_images
    return [
        f"dataset.num_images={count}: {dataset.path} has {dataset.num_images}"
        for dataset in datasets
        # What stands in for a data set has no images.
        if count > getattr(dataset, "num_images", count)
    ]


def _interface(config, dataset):
    if dataset is None:
        return Interface(config.dataset.resolution, num_channels=0, connect=config.connect)
    return Interface.of(dataset, config.connect)


def _of_each(domains, find):
    return [line for data in domains for line in find(data)]


def _batch_problems(config, domains, num_replicas):
    num_replicas = num_replicas or config.hardware.logical_cpus or 1
    sizes = {f"schedule.batch_size={config.schedule.batch_size}": config.schedule.batch_size}
    for entry in config.growing.batch_sizes:
        sizes[f"growing.batch_sizes={entry}"] = int(entry.partition(":")[2])
    problems = []
    for name, batch_size in sizes.items():
        if batch_size % num_replicas:
            problem = f"must be a multiple of the number of replicas, which is {num_replicas}"
        else:
            problem = config.discriminator.batch_problem(batch_size // num_replicas)
        if problem:
            problems.append(f"{name}: {problem}")
        else:
            problems += _round_problems(config, name, batch_size // num_replicas)
    return problems


def _round_problems(config, name, num_samples):
    """Why a device cannot see its share of a batch in rounds, whatever the option of its size."""
    per_round, group = config.schedule.batch_per_device, config.discriminator.mbstd_group_size
    if not per_round or num_samples <= per_round:
        return []
    rule = None
    if num_samples % per_round:
        rule = f"must divide {num_samples}, the images of a device with {name}"
    elif group < 0 or (group > 1 and per_round % group):
        rule = (
            "must be a multiple of discriminator.mbstd_group_size, because the images of a group "
            f"are seen together, which is {group if group > 0 else 'the whole batch'}"
        )
    elif config.loss.loss_class.uses_batch_means:
        rule = f"must be 0 with loss.name={config.loss.name!r}, which compares the whole batch"
    elif "scogan" in (config.generator.body, config.discriminator.body):
        rule = "must be 0 with body='scogan', whose batch norms see the whole batch"
    return [f"schedule.batch_per_device={per_round}: {rule}"] if rule else []


# Options and groups of them -> problems between them, each stated by the owner of the effect.
_RELATIONS = {
    "hardware loss generator.body discriminator.body": lambda config, domains, num_replicas: (
        config.hardware.problems(config, num_replicas)
    ),
    "schedule.batch_size schedule.batch_per_device growing.batch_sizes loss generator.body "
    "discriminator.body discriminator.mbstd_group_size hardware.logical_cpus": _batch_problems,
    "dataset.resolution connect": lambda config, domains, _: domains[0].problems(),
    "dataset.resolution connect generator": lambda config, domains, _: _of_each(
        domains, config.generator.problems
    ),
    "generator": lambda config, domains, _: _of_each(domains, config.generator.training_problems),
    "dataset.resolution connect discriminator": lambda config, domains, _: _of_each(
        domains, config.discriminator.problems
    ),
    "loss": lambda config, domains, _: config.loss.problems(),
    "optimizer": lambda config, domains, _: config.optimizer.problems(),
    "loss generator": lambda config, domains, _: config.loss.generator_problems(
        config.generator, domains[0]
    ),
    "schedule generator coupling": lambda config, domains, _: config.schedule.problems(
        config, domains[0]
    ),
    "transfer dataset.resolution growing.start_resolution generator "
    "discriminator.body": lambda config, domains, _: config.transfer.problems(config, domains[0]),
    "augment loss": lambda config, domains, _: config.augment.problems(config.loss),
    "growing.start_resolution generator.body discriminator.body discriminator.mbstd_blocks connect "
    "dataset.resolution": lambda config, domains, _: config.growing.problems(
        config, domains[0].resolution
    ),
    "coupling dataset loss growing.start_resolution discriminator.combine": (
        lambda config, domains, _: config.coupling.problems(config, domains)
    ),
}
