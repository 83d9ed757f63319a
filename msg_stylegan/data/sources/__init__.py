"""Where images come from: one file per kind of source.

A source is a small object that can be pickled, with `num_images`, `labels` (float32 `[N, L]` or
None), `class_names` (list of L or None), `description` (dict for the manifest), `name(i)` for
messages, and `read(i)`, which returns uint8 `[r, r, C]`, ready to be written, or raises
`SkippedImageError`. `shuffled` says whether a data set has its images in a random order, and there
may be `warnings` (texts): what is unusual about the files.
"""

from msg_stylegan.data.sources.digits import DigitsSource
from msg_stylegan.data.sources.image_files import open_source, open_store

# Sources of extensions: NAME of `dataset_tool.py create_NAME` -> what returns the source, called
# with FOLDER. The first line of its docstring says what the images are.
ADDED = {}

__all__ = ["ADDED", "DigitsSource", "open_source", "open_store"]
