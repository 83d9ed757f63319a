"""Whether the values of options are possible, by themselves and together."""

from msg_stylegan.interface import Interface
from msg_stylegan.option import problems_of
from msg_stylegan.options.tree import raise_all


def validate(config, num_replicas=None, dataset=None):
    """Checks every option; reports all problems at once.

    Args:
        config: A `Config`.
        num_replicas: Number of devices that share a batch, or None if not known yet.
        dataset: The opened data set, or None if not known yet. Without it `dataset.resolution`
            stands in for its size, if that is given.

    Raises:
        ValueError: One line per problem: the option's name, its value and the rule.
    """
    if dataset is None:
        data = Interface(config.dataset.resolution, num_channels=0, connect=config.connect)
    else:
        data = Interface.of(dataset, config.connect)
    problems = problems_of(config)
    # Relations mean something only between options that are right by themselves.
    wrong = {*problems, *(name.partition(".")[0] for name in problems)}
    lines = [*problems.values()]
    for names, find in _RELATIONS.items():
        if wrong.isdisjoint(names.split()):
            lines += find(config, data, num_replicas)
    raise_all(lines)


def _batch_problems(config, data, num_replicas):
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
    return problems


# Options and groups of them -> problems between them, each stated by the owner of the effect.
_RELATIONS = {
    "hardware": lambda config, data, _: config.hardware.problems(),
    "schedule.batch_size growing.batch_sizes discriminator.mbstd_group_size "
    "hardware.logical_cpus": _batch_problems,
    "dataset.resolution connect": lambda config, data, _: data.problems(),
    "dataset.resolution connect generator": lambda config, data, _: config.generator.problems(data),
    "dataset.resolution connect discriminator": lambda config, data, _: (
        config.discriminator.problems(data)
    ),
    "loss": lambda config, data, _: config.loss.problems(),
    "augment loss": lambda config, data, _: config.augment.problems(config.loss),
    "growing.start_resolution generator.body discriminator.body discriminator.mbstd_blocks connect "
    "dataset.resolution": lambda config, data, _: config.growing.problems(config, data.resolution),
}
