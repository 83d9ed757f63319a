"""Numbers that change with the images shown, as values of options."""

import dataclasses
import itertools
import math

from msg_stylegan.lazy_tensorflow import tf

FORM = "VALUE@KIMG,VALUE@KIMG and so on, such as 10@0,1@200"
# Longer than any training, and few enough images for 64 bits.
_MOST_KIMG = 1e9
# What 32 bits hold.
_LARGEST = 3e38


class KimgSchedule(str):
    """A number as a function of the images shown, such as `10@0,1@200`.

    It has each VALUE after KIMG thousand images, the first one before and the last one after them.
    In between it goes along half a cosine, whose slope is 0 at both ends: so do all schedules of
    R3GAN, and nothing jumps, not even the speed of the change.

    A text, so that it is stored, printed and compared as other values of options are. The text is
    in normal form: equal schedules are equal.

    Args:
        text: Two or more VALUE@KIMG with commas.

    Raises:
        ValueError: It is no schedule; the message says what one must be.

    Source:
        Huang et al. 2024 (R3GAN), whose training code has them.
    """

    __slots__ = ()

    def __new__(cls, text):
        knots = [_parse_knot(knot) for knot in text.split(",")]
        images = [count for _, count in knots]
        if len(knots) < 2:
            raise ValueError(f"must be a number, or {FORM}")
        if any(end <= start for start, end in itertools.pairwise(images)):
            raise ValueError("each KIMG must be at least 0.001, one image, after the one before")
        form = ",".join(f"{_shortest(value)}@{_shortest(count / 1000)}" for value, count in knots)
        return super().__new__(cls, form)

    @property
    def knots(self):
        """List of pairs `(value, images)`."""
        return [_parse_knot(knot) for knot in self.split(",")]

    @property
    def values(self):
        """The values of the knots."""
        return [value for value, _ in self.knots]

    def stretched(self, factor):
        """The same values after `factor` times as many images."""
        knots = [(value, count * factor / 1000) for value, count in self.knots]
        return KimgSchedule(",".join(f"{value!r}@{kimg!r}" for value, kimg in knots))

    def at(self, nimg):
        """The value after so many images.

        Args:
            nimg: Whole number, or an integer tensor or variable.

        Returns:
            Scalar float32 tensor.
        """
        values, images = zip(*self.knots, strict=True)
        values, images = tf.constant(values, tf.float32), tf.constant(images, tf.int64)
        nimg = tf.cast(nimg, tf.int64)
        # How many of the inner knots are past.
        index = tf.reduce_sum(tf.cast(images[1:-1] <= nimg, tf.int32))
        start, end = images[index], images[index + 1]
        before, after = values[index], values[index + 1]
        way = tf.cast(nimg - start, tf.float32) / tf.cast(end - start, tf.float32)
        # (1 - cos(pi x)) / 2, exact at both ends.
        share = tf.square(tf.sin(tf.clip_by_value(way, 0.0, 1.0) * (math.pi / 2.0)))
        value = (1.0 - share) * before + share * after
        # Rounding stays between them, too.
        return tf.clip_by_value(value, tf.minimum(before, after), tf.maximum(before, after))


# Type of an option.
ScheduledFloat = float | KimgSchedule


def looks_scheduled(value):
    """Whether a value is meant as a schedule, right or wrong."""
    return isinstance(value, str) and "@" in value


def value_at(value, nimg):
    """What an option is after so many images: a number as it is, a schedule as a tensor."""
    return value.at(nimg) if isinstance(value, KimgSchedule) else value


def values_at(group, nimg):
    """A dataclass of options as it is after so many images, see `value_at`."""
    found = {name: schedule.at(nimg) for name, schedule in schedules_of(group).items()}
    return dataclasses.replace(group, **found) if found else group


def schedules_of(group, prefix=""):
    """The schedules in a dataclass of options, and of groups of them, by their dotted names."""
    found = {}
    for field in dataclasses.fields(group):
        name, value = f"{prefix}{field.name}", getattr(group, field.name)
        if isinstance(value, KimgSchedule):
            found[name] = value
        elif dataclasses.is_dataclass(value):
            found |= schedules_of(value, f"{name}.")
    return found


def _parse_knot(text):
    """The value and the number of images of `VALUE@KIMG`."""
    value, _, kimg = text.partition("@")
    try:
        value, kimg = float(value), float(kimg)
    except ValueError:
        raise ValueError(f"must be a number, or {FORM}") from None
    if not abs(value) < _LARGEST:
        raise ValueError("each VALUE must be finite")
    if not 0 <= kimg <= _MOST_KIMG:
        raise ValueError(f"each KIMG must be from 0 to {_MOST_KIMG:g}")
    # Not -0.
    return value + 0.0, round(kimg * 1000)


def _shortest(number):
    return repr(float(number)).removesuffix(".0")
