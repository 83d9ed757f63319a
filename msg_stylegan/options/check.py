"""Whether the values of options are possible, by themselves and together."""

from msg_stylegan.option import problems_of
from msg_stylegan.options.relations import relation_problems
from msg_stylegan.options.tree import raise_all


def validate(config, num_replicas=None, resolution=None):
    """Checks every option; reports all problems at once.

    Args:
        config: A `Config`.
        num_replicas: Number of devices that share a batch, or None if not known yet.
        resolution: Effective resolution of the data set, or None if not known yet. Without it
            `dataset.resolution` stands in, if that is given.

    Raises:
        ValueError: One line per problem: the option's name, its value and the rule.
    """
    problems = problems_of(config)
    related = relation_problems(config, problems.keys(), num_replicas, resolution)
    raise_all([*problems.values(), *related])
