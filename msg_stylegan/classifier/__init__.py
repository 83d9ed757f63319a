"""A classifier of images: what it is, how it is trained, and the file that keeps it."""
