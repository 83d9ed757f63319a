"""What a `.keras` file says that it holds, read without Keras, which imports what a file names."""

import json
import zipfile

_MAX_CONFIG_BYTES = 2**24
_SHOWN = 100


def stored_class(path):
    """Registered name of the class of the model in a `.keras` file, such as "package>Name".

    Args:
        path: The file.

    Raises:
        ValueError: The file is damaged or something else. The message does not name it.
        OSError: The file cannot be read.
    """
    try:
        with zipfile.ZipFile(path) as archive, archive.open("config.json") as file:
            config = json.loads(file.read(_MAX_CONFIG_BYTES))
            return str(config["registered_name"])[:_SHOWN]
    except (
        zipfile.BadZipFile,
        NotImplementedError,
        LookupError,
        TypeError,
        ValueError,
        RecursionError,
    ) as error:
        raise ValueError(str(error)) from error
