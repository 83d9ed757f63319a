"""Optimizers by name, and their learning-rate schedule."""

import contextlib

import tensorflow as tf
from tensorflow import keras

from msg_stylegan.kimg_schedule import KimgSchedule, value_at
from msg_stylegan.training.progress import state_variable

ADDONS_PREFIX = "tfa."
# Name of an optimizer -> options to the arguments, and attributes, that they are there.
_ARGUMENTS = {
    "Adam": {"beta1": "beta_1", "beta2": "beta_2", "epsilon": "epsilon"},
    "RMSprop": {"beta1": "momentum", "beta2": "rho", "epsilon": "epsilon"},
}


@keras.utils.register_keras_serializable("msg_stylegan")
class LinearRampUp(keras.optimizers.schedules.LearningRateSchedule, tf.Module):
    """Learning rate that rises linearly from 0 with the images shown, and then is as it is given.

    An optimizer counts its updates. How many images those were can change on the way, with the
    batch size, so it is a variable, which checkpoints of the optimizer hold. All of it is whole
    numbers: a resumed run repeats every bit.

    Differs from the original: there `lrate_rampup_kimg` had no effect, because the schedule was
    evaluated once, at the end of training.

    Args:
        learning_rate: Final learning rate, a number or a schedule.
        rampup_images: Images until it is reached; 0 for the full rate from the first update.
        images_per_update: Images of an update.
        lazy_interval: k > 1 if k + 1 updates show the images of k, which slows each of them down,
            see `make_optimizer`.
        cur_nimg: int64 variable, for a schedule: images shown so far. Skipped updates, which an
            optimizer does not count, count there.

    Attributes:
        clock: int64 variable `[4]`: images shown up to an update, the number of that update, and
            the images that so many updates show from there on. Create it in the strategy's scope.
    """

    def __init__(
        self,
        learning_rate,
        rampup_images,
        images_per_update=1,
        lazy_interval=1,
        cur_nimg=None,
    ):
        super().__init__(name="ramp_up")
        self.learning_rate = learning_rate
        # A function, which checkpoints do not look into: they have the variable already.
        self._present = lambda: value_at(learning_rate, cur_nimg)
        self.rampup_images = rampup_images
        self.images_per_update = images_per_update
        self.lazy_interval = lazy_interval
        self.clock = state_variable([0, 0, *self._pace(images_per_update)], tf.int64)

    def __call__(self, step):
        full = tf.convert_to_tensor(self._present() * _share(self.lazy_interval), tf.float32)
        if self.rampup_images <= 0:
            return full
        shown, start, images, updates = tf.unstack(tf.convert_to_tensor(self.clock))
        # The images of this update count too: not even the first one is without effect.
        shown = shown * updates + (tf.cast(step, tf.int64) + 1 - start) * images
        whole = self.rampup_images * tf.cast(updates, tf.float32)
        return full * tf.minimum(tf.cast(shown, tf.float32) / whole, 1.0)

    def get_config(self):
        names = ("learning_rate", "rampup_images", "images_per_update", "lazy_interval")
        return {name: getattr(self, name) for name in names}

    def set_images_per_update(self, number, images_per_update):
        """Lets each update after the first `number` ones show so many images."""
        pace = self._pace(images_per_update)
        # Not without need: a division would round.
        if pace != self._clock_values()[2:]:
            self.clock.assign([self._images_after(number), number, *pace])
        self.images_per_update = images_per_update

    def restart(self, number):
        """The optimizer counts from 0 again after `number` updates; the images stay."""
        self.clock.assign([self._images_after(number), 0, *self._clock_values()[2:]])

    def set_images(self, number, images):
        """Notes how many images the first `number` updates have shown."""
        self.clock.assign([images, number, *self._clock_values()[2:]])

    @contextlib.contextmanager
    def hidden_clock(self):
        """Hides the clock from checkpoints while the block runs."""
        clock = self.clock
        del self.clock
        try:
            yield
        finally:
            self.clock = clock

    def _pace(self, images_per_update):
        lazy = self.lazy_interval
        return [images_per_update * lazy, lazy + 1] if lazy > 1 else [images_per_update, 1]

    def _clock_values(self):
        return tf.convert_to_tensor(self.clock).numpy().tolist()

    def _images_after(self, number):
        shown, start, images, updates = self._clock_values()
        return shown + (number - start) * images // updates


def make_optimizer(
    options,
    learning_rate,
    rampup_images,
    variables,
    lazy_interval=1,
    images_per_update=1,
    cur_nimg=None,
):
    """Makes an optimizer with all its slot variables.

    The slots must exist before a checkpoint is restored, or they would silently keep their
    initial values.

    Args:
        options: Object with `name`, `beta1`, `beta2` and `epsilon`. The name is `Adam`, `RMSprop`
            or `tfa.` and the name of an optimizer of tensorflow-addons. The others are numbers or
            schedules; with schedules, updates belong in `present_options`.
        learning_rate: Learning rate after the ramp-up, a number or a schedule.
        rampup_images: Images until the learning rate is reached; 0 for the full rate at once.
        variables: Variables that will be trained.
        lazy_interval: k > 1 if an update with the penalties alone follows every k-th update, see
            `losses.Regularization`. With k + 1 updates where there were k, the learning rate and
            the exponents of the betas are multiplied by k / (k + 1), so that moments and weights
            move as fast as before (StyleGAN2, appendix B). Betas of tensorflow-addons stay.
        images_per_update: Images of an update that is not one with the penalties alone.
        cur_nimg: int64 variable: images shown so far; None without schedules.

    Raises:
        ValueError: The name is unknown, or tensorflow-addons cannot be used here.
    """
    optimizer_class = find_optimizer(options.name)
    share = _share(lazy_interval)
    exponents = {"beta1": share, "beta2": share, "epsilon": 1.0}
    ramp_up = LinearRampUp(learning_rate, rampup_images, images_per_update, lazy_interval, cur_nimg)
    numbers, schedules = {}, {}
    for option, name in _ARGUMENTS.get(options.name, {}).items():
        value, exponent = getattr(options, option), exponents[option]
        if isinstance(value, KimgSchedule):
            schedules[name] = value, exponent
            value = value.values[0]
        numbers[name] = value**exponent
    optimizer = optimizer_class(learning_rate=ramp_up, **numbers)
    optimizer.present_values = lambda: {
        name: schedule.at(cur_nimg) ** exponent for name, (schedule, exponent) in schedules.items()
    }
    if hasattr(optimizer, "build"):
        optimizer.build(variables)
    else:
        # The optimizers of tensorflow-addons stand on Keras' old base class.
        optimizer._create_all_weights(variables)
    return optimizer


def _share(lazy_interval):
    """Part of an update's way that is left with a lazy interval, see `make_optimizer`."""
    return lazy_interval / (lazy_interval + 1.0) if lazy_interval > 1 else 1.0


@contextlib.contextmanager
def present_options(optimizer):
    """Lets an optimizer of `make_optimizer` compute with the present values of its schedules.

    It looks at its attributes while an update is traced, so they may be tensors that long.
    """
    present = optimizer.present_values()
    numbers = {name: getattr(optimizer, name) for name in present}
    _set_attributes(optimizer, present)
    try:
        yield
    finally:
        _set_attributes(optimizer, numbers)


def _set_attributes(optimizer, values):
    for name, value in values.items():
        setattr(optimizer, name, value)


def number_of_updates(optimizer):
    """Updates of an optimizer since its start or reset. Reading it waits for the device."""
    return int(tf.convert_to_tensor(optimizer.iterations))


def ramp_up_of(optimizer):
    """The `LinearRampUp` of an optimizer of `make_optimizer`."""
    # Optimizers return the present rate under its public name. Those of tensorflow-addons stand on
    # Keras' old base class.
    hyper = getattr(optimizer, "_hyper", None)
    return hyper["learning_rate"] if hyper else optimizer._learning_rate


def reset_optimizer(optimizer):
    """Sets the number of updates and all running means of an optimizer to zero.

    The learning rate does not rise again: the images that were shown stay.
    """
    ramp_up_of(optimizer).restart(number_of_updates(optimizer))
    for variable in variables_of(optimizer):
        if "learning_rate" not in variable.name:
            variable.assign(tf.zeros(variable.shape, variable.dtype))


def variables_of(optimizer):
    """Running means and counters of an optimizer."""
    variables = optimizer.variables
    return variables() if callable(variables) else variables


def find_optimizer(name):
    """Returns the class of an optimizer.

    Args:
        name: `Adam`, `RMSprop`, or `tfa.` and the name of an optimizer of tensorflow-addons.

    Raises:
        ValueError: The name is unknown, or tensorflow-addons cannot be used here.
    """
    if name in ("Adam", "RMSprop"):
        return getattr(keras.optimizers, name)
    if name.startswith(ADDONS_PREFIX):
        return _addons_class(name)
    raise ValueError(
        f"optimizer.name={name!r} is unknown. Use Adam, RMSprop, or tfa.NAME for an optimizer of "
        "tensorflow-addons, such as tfa.RectifiedAdam."
    )


def _addons_class(name):
    """Returns a class of `tensorflow_addons.optimizers`; errors say what to do."""
    if hasattr(keras, "ops"):
        raise ValueError(
            f"optimizer.name={name!r} needs tensorflow-addons, which cannot be imported beside "
            f"Keras 3 (this is TensorFlow {tf.__version__}). Use an environment with Python 3.11 "
            "or older and `pip install -e .[addons]`, or choose Adam or RMSprop."
        )
    try:
        from tensorflow_addons import optimizers
    except ImportError as error:
        raise ValueError(
            f"optimizer.name={name!r} needs tensorflow-addons, which cannot be imported ({error}). "
            "Use `pip install -e .[addons]` with Python 3.11 or older."
        ) from error
    optimizer_class = getattr(optimizers, name.removeprefix(ADDONS_PREFIX), None)
    if not isinstance(optimizer_class, type):
        known = [n for n in dir(optimizers) if isinstance(getattr(optimizers, n), type)]
        raise ValueError(
            f"optimizer.name={name!r}: tensorflow-addons has no optimizer of that name. "
            f"It has: {', '.join(ADDONS_PREFIX + n for n in known)}."
        )
    return optimizer_class
