"""What metrics say of images that differ in size, or are not square."""


def check_sizes(metric, reals, fakes, notice):
    """Refuses, or tells, what the sizes of images mean for a metric.

    Args:
        metric: `Metric`.
        reals: `TFRecordDataset` or `ImageFiles`; None if there are none.
        fakes: The same.
        notice: Function that tells the user something that is no error.

    Raises:
        ValueError: The metric compares pixels, and the sizes differ.
    """
    for what, images in (("reals", reals), ("fakes", fakes)):
        # Data sets have squares of one size.
        uneven = getattr(images, "uneven", None)
        if uneven and what in metric.squares:
            raise ValueError(f"Pixels are compared of squares of one size only, but {uneven}")
        if uneven and metric.networks:
            notice(f"feature networks stretch all images to their own size, and {uneven}")
    if len(metric.squares) == 2 and reals and fakes and reals.shape[:2] != fakes.shape[:2]:
        raise ValueError(
            f"Pixels are compared of images of one size only, but those of {reals.path} are "
            f"{_text(reals.shape)} and those of {fakes.path} {_text(fakes.shape)}. "
            f"{_advice(fakes.path, reals.shape[0])}"
        )


def unevenness(path, names_and_sizes):
    """What to say of images that differ in size or are not square, and what to do.

    Args:
        path: What messages call the set.
        names_and_sizes: List of the name and `(height, width)` of each image.

    Returns:
        Two sentences; None if all images are squares of one size.
    """
    name, size = names_and_sizes[0]
    other = next((entry for entry in names_and_sizes if entry[1] != size), None)
    if other:
        what = f"differ in size: {name} is {_text(size)}, {other[0]} is {_text(other[1])}"
    elif size[0] != size[1]:
        what = f"are not square: {name} is {_text(size)}, as all are"
    else:
        return None
    side = min(min(size) for _, size in names_and_sizes)
    return f"the images of {path} {what}. {_advice(path, side)}"


def _advice(path, side):
    resolution = max(4, 1 << (side.bit_length() - 1))
    return (
        f"`python dataset_tool.py create_from_images OUT {path} --resolution={resolution}` makes "
        "squares of one size of them; then give OUT."
    )


def _text(shape):
    return f"{shape[1]}x{shape[0]}"
