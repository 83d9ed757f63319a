"""What is in folders."""


def names(folder):
    return sorted(path.name for path in folder.iterdir())
