"""How to make a data set that is not there, by its name."""

import shlex

from msg_stylegan.command_names import called

# Name of a data set of the presets -> arguments around its path.
_COMMANDS = {
    "digits": ("create_digits", ""),
    "fashion_mnist": ("create_fashion_mnist", "FOLDER"),
    "cifar10": ("create_cifar10", "FOLDER"),
    "celeba": ("create_celeba", "FOLDER"),
    "emoji64": ("create_from_images", "NotoColorEmoji.ttf --resolution 64 --background white"),
}


def how_to_make(path):
    """The command that makes a data set of this name, or one of pictures of any kind.

    Args:
        path: `pathlib.Path` of the data set.
    """
    name, more = _COMMANDS.get(path.name, ("create_from_images", "FOLDER"))
    if path.name in ("a", "b"):
        # Opens libraries, which nobody needs whose data set is there.
        from msg_stylegan.data.sources.pairs import PAIRS

        path = path.parent
        # Such as celeba_smiling.
        beginning = path.name.partition("_")[0]
        kind = beginning if beginning in PAIRS else "same_names"
        num_folders = len(PAIRS[kind].folders) - PAIRS[kind].num_optional
        attribute = ["--attribute NAME"] if PAIRS[kind].has_attribute else []
        name, more = f"create_pair {kind}", " ".join(["FOLDER"] * num_folders + attribute)
    return f"{called('dataset')} {name} {shlex.quote(str(path))} {more}".rstrip()
