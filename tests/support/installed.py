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


def needed_onnxruntime_web():
    """The same; skips the test if it, or what writes its graphs, is not here."""
    need("onnx", "tf2onnx", "onnxruntime")
    folder = onnxruntime_web()
    if folder is None:
        pytest.skip("no node_modules here with onnxruntime-web, and no $ONNXRUNTIME_WEB that is it")
    return folder
