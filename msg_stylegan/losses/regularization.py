"""Which penalties the discriminator pays, how much of them, and how often."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Regularization:
    """Weights of the penalties of `penalties.py`, and lazy regularization.

    With an interval of 1 the penalties are part of every loss of the discriminator. With k > 1 they
    are an update of their own after every k-th update, with k times the weight: the same in
    expectation at a fraction of the cost. `training.optimizers` makes the optimizer fit.

    Args:
        r1_gamma, r2_gamma: The loss adds half of it times the penalty; 0 for none.
        gp_lambda: The loss adds `gp_lambda / gp_target^2` times the penalty; 0 for none.
        gp_target: Norm that the gradient is drawn to.
        interval: Updates of the discriminator per update with the penalties.

    Source:
        Karras et al. 2020 (StyleGAN2), appendix B, for the interval.
    """

    r1_gamma: float = 0.0
    r2_gamma: float = 0.0
    gp_lambda: float = 0.0
    gp_target: float = 1.0
    interval: int = 1

    @property
    def weights(self):
        """Factors of the penalties that count, by name: `r1`, `r2` or `gradient`."""
        weights = {
            "r1": self.r1_gamma / 2.0,
            "r2": self.r2_gamma / 2.0,
            "gradient": self.gp_lambda / self.gp_target**2,
        }
        return {name: weight for name, weight in weights.items() if weight}

    @property
    def is_lazy(self):
        """Whether the penalties are an update of their own."""
        return self.interval > 1

    def total(self, penalties):
        """Weighted sum of the penalties.

        Args:
            penalties: Dictionary of `[N, 1]` by name.
        """
        return sum(penalties[name] * self.weights[name] for name in penalties)
