"""MSG-StyleGAN: multi-scale gradient GANs (Karnewar & Wang, CVPR 2020) in TensorFlow 2."""

from msg_stylegan.tensorflow_start import watch_for_tensorflow

__version__ = "0.1.0"

__all__ = ["__version__", "load_networks"]

watch_for_tensorflow()


def __getattr__(name):
    # Only for those who ask: making a data set needs no TensorFlow, whose start takes seconds.
    if name == "load_networks":
        from msg_stylegan.pretrained import load_networks

        return load_networks
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
