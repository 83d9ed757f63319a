"""Generators in files for other programs: SavedModel, TFLite, ONNX, Keras and NumPy."""

from msg_stylegan.export.formats import FORMATS, export_generator
from msg_stylegan.export.options import ExportOptions

__all__ = ["FORMATS", "ExportOptions", "export_generator"]
