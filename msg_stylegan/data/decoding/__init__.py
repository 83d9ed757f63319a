"""From the bytes of an image file to pixels: one set of rules for all that reads images."""
