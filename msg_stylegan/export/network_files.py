"""Generators as networks, not as graphs: a snapshot of the generator alone, or its variables."""


def write_keras(G, info, path):
    """Writes a snapshot without discriminator, which everything that opens snapshots can open.

    Args:
        G: Generator.
        info: See `Networks`.
        path: File to write; ends in `.keras`.
    """
    from msg_stylegan.networks import save_networks

    save_networks(_alone(G, info), path, info)


def write_npz(G, info, path):
    """Writes the variables by the names of the original; see `write_npz_networks`."""
    from msg_stylegan.legacy.npz_networks import write_npz_networks

    write_npz_networks(_alone(G, info), path)


def _alone(G, info):
    from msg_stylegan.networks import Networks

    nets = Networks(G=None, D=None, G_ema=G, info=info)
    nets.build()
    return nets
