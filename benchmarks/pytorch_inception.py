"""pytorch-fid's Inception network with weights of our choice, for comparisons."""

import contextlib
import os
import tempfile
import unittest.mock
from pathlib import Path

# Where PyTorch's hub looks for the weights of pytorch-fid before it downloads them.
_WEIGHTS = Path("hub", "checkpoints", "pt_inception-2015-12-05-6726825d.pth")


@contextlib.contextmanager
def weights_of_pytorch_fid(arrays):
    """Yields the path of a file with the weights, which pytorch-fid takes for its own meanwhile."""
    import torch

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / _WEIGHTS
        path.parent.mkdir(parents=True)
        torch.save({name: torch.tensor(array) for name, array in arrays.items()}, path)
        with unittest.mock.patch.dict(os.environ, TORCH_HOME=folder):
            yield path


def pytorch_fid_network(**options):
    """The network. Needs `weights_of_pytorch_fid` around, and torchvision made importable."""
    from pytorch_fid.inception import InceptionV3

    return InceptionV3([3], **options).eval()


def make_torchvision_importable():
    """Lets torchvision be imported beside a PyTorch that it was not built for.

    None of its compiled operators is needed here; only their registration fails.
    """
    import torch

    register_fake = torch.library.register_fake

    def register(name, *args, **options):
        if isinstance(name, str) and name.startswith("torchvision::"):
            return lambda function: function
        return register_fake(name, *args, **options)

    torch.library.register_fake = register
