"""MSG-StyleGAN: multi-scale gradient GANs (Karnewar & Wang, CVPR 2020) in TensorFlow 2."""

from msg_stylegan.networks import load_networks

__version__ = "0.1.0"

__all__ = ["__version__", "load_networks"]
