"""Losses that set the logits of reals against those of fakes: logistic, hinge and Wasserstein.

In the formulas r and f are the logits of one real and one fake, E is the mean over the batch.
"""

import tensorflow as tf

from msg_stylegan.losses.batch_mean import batch_mean


class AdversarialLoss:
    """Loss of the discriminator and loss of the generator that belongs to it.

    Attributes:
        G_needs_reals: Whether the loss of the generator depends on the logits of reals.
        has_gradient_penalty: Whether the loss is defined with the gradient penalty of WGAN-GP.
        has_targets: Whether there is a `with_targets`, see `LeastSquares`.
    """

    G_needs_reals = False
    has_gradient_penalty = False
    has_targets = False

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


class Logistic(AdversarialLoss):
    """Non-saturating logistic loss.

    D: softplus(-r) + softplus(f), which is -log sigmoid(r) - log(1 - sigmoid(f)).
    G: softplus(-f), which is -log sigmoid(f).

    Source:
        Goodfellow et al. 2014, section 3; the original's `D_logistic` and
        `G_logistic_nonsaturating`.
    """

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

    def D(self, real_logits, fake_logits):
        return tf.nn.relu(1.0 - real_logits) + tf.nn.relu(1.0 + fake_logits)

    def G(self, fake_logits, real_logits=None):
        return -fake_logits


class HingeGP(Hinge):
    """`Hinge` with the gradient penalty of WGAN-GP, the original's `D_hinge_gp`."""

    has_gradient_penalty = True


class RelativisticHinge(AdversarialLoss):
    """Relativistic average hinge loss: how much more real than the mean of the other kind.

    D: max(0, 1 - (r - E f)) + max(0, 1 + (f - E r)).
    G: max(0, 1 + (r - E f)) + max(0, 1 - (f - E r)).

    The means are those of the batch over all replicas.

    Source:
        Jolicoeur-Martineau 2018, RaHingeGAN; BMSG-GAN's `relativistic-hinge`, its default.
    """

    G_needs_reals = True

    def D(self, real_logits, fake_logits):
        return _relativistic_hinge(real_logits, fake_logits)

    def G(self, fake_logits, real_logits=None):
        return _relativistic_hinge(fake_logits, real_logits)


def _relativistic_hinge(higher, lower):
    """Wants each of `higher` to exceed the mean of `lower` by 1, and the other way round."""
    return tf.nn.relu(1.0 - (higher - batch_mean(lower))) + tf.nn.relu(
        1.0 + (lower - batch_mean(higher))
    )


class Wasserstein(AdversarialLoss):
    """Difference of the scores, with a drift term that keeps them near 0.

    D: f - r + drift_epsilon * r^2.
    G: -f.

    Args:
        drift_epsilon: Weight of the drift term; 0 for none.

    Source:
        Arjovsky et al. 2017; the drift is ProGAN's, appendix A.1. The original's `D_wgan`, and
        what BMSG-GAN computes as `wgan-gp`.
    """

    def __init__(self, drift_epsilon=0.001):
        self.drift_epsilon = drift_epsilon

    def D(self, real_logits, fake_logits):
        return fake_logits - real_logits + self.drift_epsilon * tf.square(real_logits)

    def G(self, fake_logits, real_logits=None):
        return -fake_logits


class WassersteinGP(Wasserstein):
    """`Wasserstein` with the gradient penalty of WGAN-GP.

    Source:
        Gulrajani et al. 2017; the original's `D_wgan_gp`; MSG-ProGAN's loss.
    """

    has_gradient_penalty = True
