"""TensorFlow for modules that are imported where nobody wants to wait for it, such as `--help`."""

import importlib


class _LazyTensorFlow:
    """Imports TensorFlow when something of it is first used."""

    def __getattr__(self, name):
        return getattr(importlib.import_module("tensorflow"), name)


tf = _LazyTensorFlow()
