"""Which penalties the discriminator pays, how much of them, and how often."""

import dataclasses

from msg_stylegan.kimg_schedule import ScheduledFloat


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

    r1_gamma: ScheduledFloat = 0.0
    r2_gamma: ScheduledFloat = 0.0
    gp_lambda: ScheduledFloat = 0.0
    gp_target: ScheduledFloat = 1.0
    interval: int = 1

    @property
    def names(self):
        """Names of the penalties that ever count: `r1`, `r2` or `gradient`."""
        factors = {"r1": self.r1_gamma, "r2": self.r2_gamma, "gradient": self.gp_lambda}
        return tuple(name for name, factor in factors.items() if factor)

    @property
    def is_lazy(self):
        """Whether the penalties are an update of their own."""
        return self.interval > 1

    def total(self, penalties):
        """Weighted sum of the penalties. Schedules must have become numbers, see `values_at`.

        Args:
            penalties: Dictionary of `[N, 1]` by name.
        """
        weights = {
            "r1": self.r1_gamma / 2.0,
            "r2": self.r2_gamma / 2.0,
            "gradient": self.gp_lambda / self.gp_target**2,
        }
        return sum(penalty * weights[name] for name, penalty in penalties.items())
