"""The error of a single image."""


class SkippedImageError(ValueError):
    """An image that cannot be used; its text is the reason. The others can go on."""
