"""Generators in files for other programs: SavedModel, TFLite, ONNX, Keras, NumPy, browsers."""

from msg_stylegan.export.formats import FORMATS, ExportOptions, export_generator

__all__ = ["FORMATS", "ExportOptions", "export_generator"]
