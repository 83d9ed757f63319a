"""What some tests need beside the base installation."""

import importlib.util
import os
from pathlib import Path

import pytest

from support.checkout import ROOT


def need(*packages):
    """Skips the test if a package for exports is missing."""
    for package in packages:
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed; the extra `export` has it")


def onnxruntime_web():
    """Folder of the npm package; None if it is not here."""
    folder = Path(os.environ.get("ONNXRUNTIME_WEB", ROOT / "node_modules" / "onnxruntime-web"))
    return folder if folder.is_dir() else None
