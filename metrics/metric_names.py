"""What names of metrics say beside the kind: how many images, and in which feature space."""

from metrics.metric import parse_count


def choose_count(name, number, options, at_least):
    """Finds the number that a metric counts: that of the options, or else that of its name.

    Args:
        name: Name of the metric as the user wrote it.
        number: The number in it, such as "50k"; None if it has none.
        options: `MetricOptions`.
        at_least: Smallest number with which the metric is defined.

    Returns:
        The number; 0 for all, if neither says it.

    Raises:
        ValueError: The number is too small.
    """
    count = options.num_images or parse_count(number)
    if count < at_least and (number or count):
        raise ValueError(f"{name} needs at least {at_least} images. Received {count}.")
    return count


def choose_feature_space(name, usual, wanted, options):
    """Finds the feature network of a metric: the usual one, or that of the user if there is one.

    Args:
        name: Name of the metric as the user wrote it.
        usual: Name of the network that the metric is known for; None if it is always the user's.
        wanted: What stands behind the dash in the name, as in "fd50k-dinov2"; None if nothing.
        options: `MetricOptions`.

    Returns:
        Tuple of the name of the network and the end of the metric's full name: "" or "-network".

    Raises:
        ValueError: The user has not given the network that the name asks for.
    """
    given = options.feature_network
    if (given is None and usual is None) or (wanted is not None and wanted != given):
        expected = f"the feature network {wanted!r}" if wanted else "a feature network of yours"
        received = f"that of {given!r}" if given else "none"
        raise ValueError(
            f"{name} looks through {expected}. Expected its file in --feature_network. "
            f"Received {received}."
        )
    return (usual, "") if given is None else (given, f"-{given}")
