"""From the bytes of an image file to pixels: one set of rules for everything that reads images."""
