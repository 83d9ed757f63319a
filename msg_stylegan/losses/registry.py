"""The adversarial losses by name."""

import dataclasses

from msg_stylegan.losses import adversarial, least_squares

LOSSES = {
    "logistic": adversarial.Logistic,
    "logistic_saturating": adversarial.SaturatingLogistic,
    "standard": adversarial.Standard,
    "hinge": adversarial.Hinge,
    "hinge_gp": adversarial.HingeGP,
    "relativistic_logistic": adversarial.RelativisticLogistic,
    "relativistic_hinge": adversarial.RelativisticHinge,
    "wgan": adversarial.Wasserstein,
    "wgan_gp": adversarial.WassersteinGP,
    "lsgan": least_squares.LeastSquares,
    "lsgan_sigmoid": least_squares.LeastSquaresOfSigmoid,
    # Only to meet recordings of BMSG-GAN; see their docstrings.
    "lsgan_square_of_means": least_squares.SquareOfMeans,
    "lsgan_sigmoid_square_of_means": least_squares.SquareOfMeansOfSigmoid,
}


def own_options(loss):
    """Fields of a loss class that are options of the training."""
    return [field for field in dataclasses.fields(loss) if "description" in field.metadata]


def make_loss(name, **options):
    """Returns an `AdversarialLoss`.

    Args:
        name: Key of `LOSSES`.
        **options: Some of the options that the loss has; the others have their defaults.

    Raises:
        ValueError: The name is unknown.
    """
    if name not in LOSSES:
        raise ValueError(f"loss.name={name!r} is unknown. The losses are: {', '.join(LOSSES)}.")
    return LOSSES[name](**options)
