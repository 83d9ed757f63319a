"""The option --class of commands that use a network with labels."""

from msg_stylegan.generation.arguments import argument, not_negative


def add_class_argument(parser, description):
    """Adds `--class K`, whose value is `args.label_class`, None by default."""
    parser.add_argument(
        "--class",
        dest="label_class",
        type=argument(not_negative),
        metavar="K",
        help=description,
    )


def check_class(label_class, network):
    """Refuses a class that a generator or discriminator does not have; None passes.

    Raises:
        ValueError: It has no such class, or none at all.
    """
    if label_class is None or label_class < network.label_size:
        return
    raise ValueError(
        f"--class {label_class} is not possible: "
        + (
            f"this network has classes 0 to {network.label_size - 1}."
            if network.label_size
            else "this network was trained without labels."
        )
    )
