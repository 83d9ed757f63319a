"""The weights of networks as a checkpoint holds them, and what older checkpoints lack."""

import tensorflow as tf

from msg_stylegan.networks import load_snapshot, newest_snapshot
from msg_stylegan.networks.named_variables import named_variables
from msg_stylegan.networks.variables import tensorflow_variable
from msg_stylegan.training.run_log import say


class StoredWeights(tf.Module):
    """All variables of networks by their place.

    With Keras 3 a checkpoint of the networks themselves would miss most of them: TensorFlow does
    not look into lists of layers there.

    Args:
        nets: `Networks`.

    Attributes:
        weights: Dictionary of names to `tf.Variable`s.
    """

    def __init__(self, nets):
        super().__init__(name="weights")
        self.weights = {
            f"{member}/{name}": tensorflow_variable(variable)
            for member, network in nets.members.items()
            for name, variable in named_variables(network).items()
        }


def complete_weights(nets, run_dir, nimg):
    """Finds what a checkpoint without `StoredWeights` lacks: averages, and what is not trained.

    Args:
        nets: `Networks`, restored from it.
        run_dir: Run directory.
        nimg: Images that the checkpoint has seen.
    """
    stored = _snapshot_of(run_dir, nimg)
    for name, network in nets.members.items():
        if stored is not None:
            source = getattr(stored, name)
        elif name.startswith("G_ema"):
            source = getattr(nets, name.replace("G_ema", "G"))
        else:
            continue
        for variable, value in zip(network.variables, source.variables, strict=True):
            variable.assign(value)
    kimg = f"{nimg / 1000:g} kimg"
    if stored is not None:
        say(f"notice: the checkpoint of {kimg} lacks weight averages; those of the snapshot count")
    else:
        say(
            f"notice: the checkpoint of {kimg} was written by a version that left the weight "
            "averages out, and there is no snapshot of the same time: G_ema begins as a copy of G"
        )


def _snapshot_of(run_dir, nimg):
    """Networks of the newest snapshot if it is of the same time, or None."""
    try:
        nets = load_snapshot(newest_snapshot(run_dir))
    except (FileNotFoundError, ValueError):
        return None
    return nets if nets.info.get("cur_nimg") == nimg else None
