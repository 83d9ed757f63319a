"""Names of the files of a data set: one or more shards per level, and the labels."""

import re
from pathlib import Path

RECORDS_SUFFIX = ".tfrecords"
LABELS_SUFFIX = ".labels"
MAX_SHARDS = 99_999

_RECORDS_NAME = re.compile(r"(.*)-r([0-9]{2})\.tfrecords(?:-([0-9]{5})-of-([0-9]{5}))?", re.DOTALL)


def records_name(name, resolution, shard=0, num_shards=1):
    """File name of a level, or of a shard of it.

    Args:
        name: Name of the data set.
        resolution: Side of the images of the level, a power of two.
        shard: Number of the shard, counted from 0.
        num_shards: Shards per level, at most `MAX_SHARDS`.

    Returns:
        `<name>-rNN.tfrecords`, NN the binary logarithm of the side, as in the original; with
        several shards `<name>-rNN.tfrecords-00000-of-00016`.
    """
    if not 0 <= shard < num_shards <= MAX_SHARDS:
        raise ValueError(
            f"Expected 0 <= shard < num_shards <= {MAX_SHARDS}. Received: shard={shard}, "
            f"num_shards={num_shards}"
        )
    level = f"{name}-r{int(resolution).bit_length() - 1:02d}{RECORDS_SUFFIX}"
    return level if num_shards == 1 else f"{level}-{shard:05d}-of-{num_shards:05d}"


def labels_name(name):
    """File name of the labels of all levels."""
    return f"{name}-rxx{LABELS_SUFFIX}"


def find_levels(directory):
    """Finds the files of records in a folder by their names; none is opened.

    Args:
        directory: Folder of a data set.

    Returns:
        Dictionary from the resolution of each level, the largest first, to the list of the paths
        of its shards in order. It is empty if the folder holds no such file.

    Raises:
        ValueError: Shards are missing, or the files belong to several data sets.
    """
    levels = {}
    first = None
    for path in sorted(Path(directory).iterdir()):
        if not re.search(r"\.tfrecords(-.*)?\Z", path.name, re.DOTALL):
            continue
        match = _RECORDS_NAME.fullmatch(path.name)
        if not match:
            raise ValueError(
                f"{path}: the name does not end in -rNN{RECORDS_SUFFIX} or "
                f"-rNN{RECORDS_SUFFIX}-00000-of-00016. Move it out of the folder if it is no part "
                "of the data set."
            )
        name, level, shard, num_shards = match.groups()
        family = (name, num_shards)
        first = first or (family, path)
        if family != first[0]:
            raise ValueError(
                f"{first[1]} and {path} belong to different data sets. Move one of them out of "
                "the folder."
            )
        levels.setdefault(1 << int(level), {})[int(shard or 0)] = path
    for shards in levels.values():
        _check_complete(shards, int(first[0][1] or 1))
    return {
        resolution: [shards[shard] for shard in sorted(shards)]
        for resolution, shards in sorted(levels.items(), reverse=True)
    }


def _check_complete(shards, num_shards):
    path = shards[min(shards)]
    outside = [shard for shard in shards if shard >= num_shards]
    if outside:
        raise ValueError(f"{shards[outside[0]]}: there is no such shard of {num_shards}.")
    missing = sorted(set(range(num_shards)) - set(shards))
    if missing:
        numbers = ", ".join(f"{shard:05d}" for shard in missing[:10])
        numbers += ", ..." if len(missing) > 10 else ""
        raise ValueError(
            f"{path} is one of {num_shards} shards. In {path.parent}, {len(missing)} of them are "
            f"missing: {numbers}."
        )
