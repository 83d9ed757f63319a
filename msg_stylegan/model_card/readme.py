"""README.md of a repository on a model hub: a head of YAML, its front matter, and a text."""

import re

import yaml

README_FILE = "README.md"
_HEAD = re.compile(r"\ufeff?---[ \t]*\r?\n(.*?)^---[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE)


def join_readme(matter, text):
    """The whole of a README.

    Args:
        matter: Dictionary of the values of the head.
        text: What stands below it, as it is.
    """
    head = yaml.safe_dump(matter, sort_keys=False, allow_unicode=True)
    return f"---\n{head}---\n{text}"


def split_readme(readme):
    """The dictionary of the head, empty if there is none, and the text below it, as it is.

    Raises:
        ValueError: The head is not a YAML dictionary.
    """
    found = _HEAD.match(readme)
    if found is None:
        return {}, readme
    try:
        matter = yaml.safe_load(found[1])
    except yaml.YAMLError as error:
        raise ValueError(f"its head is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(matter, dict | None):
        raise ValueError("its head has no fields, such as `title: ...`.")
    return matter or {}, readme[found.end() :]


def read_readme(folder):
    """What `split_readme` returns of the file in a folder.

    Raises:
        FileNotFoundError: There is none.
        ValueError: Its head cannot be read.
    """
    path = folder / README_FILE
    if not path.is_file():
        raise FileNotFoundError(f"There is no {path}. Make a model card first, with --run.")
    try:
        # Not as text, which would change the ends of its lines.
        return split_readme(path.read_bytes().decode("utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
