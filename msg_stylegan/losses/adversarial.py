"""Losses that set the logits of reals against those of fakes: logistic, hinge and Wasserstein.

In the formulas r and f are the logits of one real and one fake, E is the mean over the batch.
"""

from dataclasses import dataclass

from msg_stylegan.kimg_schedule import ScheduledFloat
from msg_stylegan.lazy_tensorflow import tf
from msg_stylegan.losses.batch_mean import batch_mean
from msg_stylegan.option import at_least, greater_than, option


@dataclass(frozen=True)
class AdversarialLoss:
    """Loss of the discriminator and loss of the generator that belongs to it.

    Fields made by `option` are options of the training, `loss.NAME`.

    Attributes:
        G_needs_reals: Whether the loss of the generator depends on the logits of reals.
        separates_at_zero: Whether D is to give logits above 0 to reals and below 0 to fakes.
        uses_batch_means: Whether the loss of a sample depends on the others of the batch.
        pairs_samples: Whether a fake is compared with the real in the same place of the batch, and
            is therefore to have its label.
    """

    G_needs_reals = False
    separates_at_zero = False
    uses_batch_means = False
    pairs_samples = False

    def with_noise(self, draw):
        """The loss for one update of D, which may have random parts.

        Args:
            draw: Function that returns two standard normal numbers, the same on all replicas.
        """
        return self

    def D(self, real_logits, fake_logits):
        """Loss of the discriminator.

        Args:
            real_logits: `[N, 1]`.
            fake_logits: `[N, 1]`.

        Returns:
            `[N, 1]`.
        """
        raise NotImplementedError

    def G(self, fake_logits, real_logits=None):
        """Loss of the generator.

        Args:
            fake_logits: `[N, 1]`.
            real_logits: `[N, 1]`; not read unless `G_needs_reals`.

        Returns:
            `[N, 1]`.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class GradientPenalty:
    """Base of losses that are defined with the gradient penalty of WGAN-GP."""

    gp_lambda: ScheduledFloat = option(
        10.0,
        "Weight of the gradient penalty between reals and fakes. Only hinge_gp and wgan_gp have "
        "it.",
        at_least(0),
    )
    gp_target: ScheduledFloat = option(
        1.0, "Norm of the gradient that this penalty asks for.", greater_than(0)
    )


class Logistic(AdversarialLoss):
    """Non-saturating logistic loss.

    D: softplus(-r) + softplus(f), which is -log sigmoid(r) - log(1 - sigmoid(f)).
    G: softplus(-f), which is -log sigmoid(f).

    Source:
        Goodfellow et al. 2014, section 3; the original's `D_logistic` and
        `G_logistic_nonsaturating`.
    """

    separates_at_zero = True

    def D(self, real_logits, fake_logits):
        return tf.nn.softplus(-real_logits) + tf.nn.softplus(fake_logits)

    def G(self, fake_logits, real_logits=None):
        return tf.nn.softplus(-fake_logits)


class SaturatingLogistic(Logistic):
    """The minimax form: G minimises what D maximises.

    D: as `Logistic`.
    G: -softplus(f), which is log(1 - sigmoid(f)). Its gradient vanishes where D is certain.

    Source:
        Goodfellow et al. 2014, equation 1; the original's `G_logistic_saturating`.
    """

    def G(self, fake_logits, real_logits=None):
        return -tf.nn.softplus(fake_logits)


class Standard(Logistic):
    """Binary cross-entropy as BMSG-GAN weighs it.

    D: (BCE(r, 1) + BCE(f, 0)) / 2, half of `Logistic`.
    G: BCE(f, 1), as `Logistic`.

    Source:
        BMSG-GAN's `standard-gan`.
    """

    def D(self, real_logits, fake_logits):
        return 0.5 * super().D(real_logits, fake_logits)


class Hinge(AdversarialLoss):
    """Hinge loss.

    D: max(0, 1 - r) + max(0, 1 + f).
    G: -f.

    Source:
        Lim and Ye 2017; Miyato et al. 2018, equations 16 and 17; the original's `D_hinge`.
    """

    separates_at_zero = True

    def D(self, real_logits, fake_logits):
        return tf.nn.relu(1.0 - real_logits) + tf.nn.relu(1.0 + fake_logits)

    def G(self, fake_logits, real_logits=None):
        return -fake_logits


@dataclass(frozen=True)
class HingeGP(GradientPenalty, Hinge):
    """`Hinge` with the gradient penalty of WGAN-GP, the original's `D_hinge_gp`."""


class RelativisticLogistic(AdversarialLoss):
    """Relativistic pairing logistic loss: how much more real than one sample of the other kind.

    D: softplus(-(r - f)).
    G: softplus(-(f - r)).

    Reals and fakes are compared in pairs, those in the same place of the batch. Only differences of
    scores count, so the scores themselves may drift. R3GAN adds R1 and R2 to every update.

    Source:
        Jolicoeur-Martineau 2018, RpGAN; Huang et al. 2024 (R3GAN).
    """

    G_needs_reals = True
    pairs_samples = True

    def D(self, real_logits, fake_logits):
        return tf.nn.softplus(fake_logits - real_logits)

    def G(self, fake_logits, real_logits=None):
        return tf.nn.softplus(real_logits - fake_logits)


class RelativisticHinge(AdversarialLoss):
    """Relativistic average hinge loss: how much more real than the mean of the other kind.

    D: max(0, 1 - (r - E f)) + max(0, 1 + (f - E r)).
    G: max(0, 1 + (r - E f)) + max(0, 1 - (f - E r)).

    The means are those of the batch over all replicas.

    Source:
        Jolicoeur-Martineau 2018, RaHingeGAN; BMSG-GAN's `relativistic-hinge`, its default.
    """

    G_needs_reals = True
    uses_batch_means = True

    def D(self, real_logits, fake_logits):
        return _relativistic_hinge(real_logits, fake_logits)

    def G(self, fake_logits, real_logits=None):
        return _relativistic_hinge(fake_logits, real_logits)


def _relativistic_hinge(higher, lower):
    """Wants each of `higher` to exceed the mean of `lower` by 1, and the other way round."""
    return tf.nn.relu(1.0 - (higher - batch_mean(lower))) + tf.nn.relu(
        1.0 + (lower - batch_mean(higher))
    )


@dataclass(frozen=True)
class Wasserstein(AdversarialLoss):
    """Difference of the scores, with a drift term that keeps them near 0.

    D: f - r + drift_epsilon * r^2.
    G: -f.

    Source:
        Arjovsky et al. 2017; the drift is ProGAN's, appendix A.1. The original's `D_wgan`, and
        what BMSG-GAN computes as `wgan-gp`.
    """

    drift_epsilon: ScheduledFloat = option(
        0.001,
        "Weight of the mean square of the scores of reals. Only wgan and wgan_gp have it.",
        at_least(0),
    )

    def D(self, real_logits, fake_logits):
        return fake_logits - real_logits + self.drift_epsilon * tf.square(real_logits)

    def G(self, fake_logits, real_logits=None):
        return -fake_logits


@dataclass(frozen=True)
class WassersteinGP(GradientPenalty, Wasserstein):
    """`Wasserstein` with the gradient penalty of WGAN-GP.

    Source:
        Gulrajani et al. 2017; the original's `D_wgan_gp`; MSG-ProGAN's loss.
    """
