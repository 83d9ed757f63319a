"""The error of a single image."""


class SkippedImageError(ValueError):
    """An image that cannot be used. The others can go on.

    Args:
        reason: Text. It has no full stop in the end, because messages have their own.
    """

    def __init__(self, reason):
        super().__init__(reason.removesuffix("."))
