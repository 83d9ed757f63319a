"""Opens the networks that a training starts from, as its options name them."""

from msg_stylegan.pretrained import find_network_file, load_networks
from msg_stylegan.transfer.origin import Origin


def open_origin(network, result_dir):
    """Opens trained networks.

    Args:
        network: File, run directory, or run as `find_run` knows it.
        result_dir: Folder of all runs.

    Returns:
        `Origin`, with an absolute path.

    Raises:
        FileNotFoundError: There is no such file or run.
        ValueError: The file cannot be used.
    """
    path = find_network_file(network, result_dir).absolute()
    return Origin(path, load_networks(path))
