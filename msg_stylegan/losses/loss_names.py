"""The adversarial losses by name."""

from msg_stylegan.losses import adversarial, least_squares

LOSSES = {
    "logistic": adversarial.Logistic,
    "logistic_saturating": adversarial.SaturatingLogistic,
    "standard": adversarial.Standard,
    "hinge": adversarial.Hinge,
    "hinge_gp": adversarial.HingeGP,
    "relativistic_hinge": adversarial.RelativisticHinge,
    "wgan": adversarial.Wasserstein,
    "wgan_gp": adversarial.WassersteinGP,
    "lsgan": least_squares.LeastSquares,
    "lsgan_sigmoid": least_squares.LeastSquaresOfSigmoid,
    # Only to meet recordings of BMSG-GAN; see their docstrings.
    "lsgan_square_of_means": least_squares.SquareOfMeans,
    "lsgan_sigmoid_square_of_means": least_squares.SquareOfMeansOfSigmoid,
}


def make_loss(name, drift_epsilon=0.001):
    """Returns an `AdversarialLoss`.

    Args:
        name: Key of `LOSSES`.
        drift_epsilon: See `Wasserstein`; the other losses have no drift.

    Raises:
        ValueError: The name is unknown.
    """
    if name not in LOSSES:
        raise ValueError(f"loss.name={name!r} is unknown. The losses are: {', '.join(LOSSES)}.")
    if issubclass(LOSSES[name], adversarial.Wasserstein):
        return LOSSES[name](drift_epsilon)
    return LOSSES[name]()
