"""Optimizers by name, and their learning-rate schedule."""

import tensorflow as tf
from tensorflow import keras

ADDONS_PREFIX = "tfa."


@keras.utils.register_keras_serializable("msg_stylegan")
class LinearRampUp(keras.optimizers.schedules.LearningRateSchedule):
    """Learning rate that rises linearly from 0 and stays.

    Differs from the original: there `lrate_rampup_kimg` had no effect, because the schedule was
    evaluated once, at the end of training.

    Args:
        learning_rate: Final learning rate.
        rampup_steps: Updates until it is reached; 0 for the full rate from the first update.
    """

    def __init__(self, learning_rate, rampup_steps):
        super().__init__()
        self.learning_rate = learning_rate
        self.rampup_steps = rampup_steps

    def __call__(self, step):
        full = tf.constant(self.learning_rate, tf.float32)
        if self.rampup_steps <= 0:
            return full
        # The update after n others is the (n + 1)-th: not even the first one is without effect.
        return full * tf.minimum((tf.cast(step, tf.float32) + 1.0) / self.rampup_steps, 1.0)

    def get_config(self):
        return {"learning_rate": self.learning_rate, "rampup_steps": self.rampup_steps}


def make_optimizer(options, learning_rate, rampup_steps, variables, lazy_interval=1):
    """Makes an optimizer with all its slot variables.

    The slots must exist before a checkpoint is restored, or they would silently keep their
    initial values.

    Args:
        options: Object with `name`, `beta1`, `beta2` and `epsilon`. The name is `Adam`, `RMSprop`
            or `tfa.` and the name of an optimizer of tensorflow-addons.
        learning_rate: Learning rate after the ramp-up.
        rampup_steps: See `LinearRampUp`.
        variables: Variables that will be trained.
        lazy_interval: k > 1 if an update with the penalties alone follows every k-th update, see
            `losses.Regularization`. With k + 1 updates where there were k, the learning rate and
            the exponents of the betas are multiplied by k / (k + 1), so that moments and weights
            move as fast as before (StyleGAN2, appendix B). Betas of tensorflow-addons stay.

    Raises:
        ValueError: The name is unknown, or tensorflow-addons cannot be used here.
    """
    optimizer_class = find_optimizer(options.name)
    share = lazy_interval / (lazy_interval + 1.0) if lazy_interval > 1 else 1.0
    beta1, beta2 = options.beta1**share, options.beta2**share
    learning_rate, rampup_steps = learning_rate * share, rampup_steps / share
    arguments = {"learning_rate": LinearRampUp(learning_rate, rampup_steps)}
    if options.name == "Adam":
        arguments |= {"beta_1": beta1, "beta_2": beta2, "epsilon": options.epsilon}
    elif options.name == "RMSprop":
        arguments |= {"rho": beta2, "momentum": beta1, "epsilon": options.epsilon}
    optimizer = optimizer_class(**arguments)
    _create_slots(optimizer, variables)
    return optimizer


def find_optimizer(name):
    """Returns the class of an optimizer.

    Args:
        name: See `make_optimizer`.

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


def _create_slots(optimizer, variables):
    if hasattr(optimizer, "build"):
        optimizer.build(variables)
    else:
        # The optimizers of tensorflow-addons stand on Keras' old base class.
        optimizer._create_all_weights(variables)
