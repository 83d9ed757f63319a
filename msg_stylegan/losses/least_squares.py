"""Least-squares losses, the originals' square of means among them."""

import tensorflow as tf

from msg_stylegan.losses.adversarial import AdversarialLoss
from msg_stylegan.losses.batch_mean import batch_mean


class LeastSquares(AdversarialLoss):
    """Mean of squared distances to the targets of reals (a) and fakes (b).

    D: ((r - a)^2 + (f - b)^2) / 2.
    G: (f - 1)^2 / 2. The PGGAN project has no 1/2 here, which Adam makes up for.

    Args:
        real_target: a.
        fake_target: b.

    Source:
        Mao et al. 2017, equation 9.
    """

    has_targets = True

    def __init__(self, real_target=1.0, fake_target=0.0):
        self.real_target = real_target
        self.fake_target = fake_target

    def with_targets(self, real_target, fake_target):
        """The same loss with other targets of D, for instance noisy ones."""
        return type(self)(real_target, fake_target)

    def D(self, real_logits, fake_logits):
        to_real = self.distance(self.score(real_logits), self.real_target)
        return to_real + self.distance(self.score(fake_logits), self.fake_target)

    def G(self, fake_logits, real_logits=None):
        return self.distance(self.score(fake_logits), 1.0)

    def score(self, logits):
        """What is compared with a target."""
        return logits

    def distance(self, scores, target):
        """Distance of each score from its target, `[N, 1]`."""
        return 0.5 * tf.square(scores - target)


class LeastSquaresOfSigmoid(LeastSquares):
    """`LeastSquares` of sigmoid(r) and sigmoid(f), which lie between the targets.

    Source:
        BMSG-GAN's `lsgan-sigmoid`, there with squares of means.
    """

    def score(self, logits):
        return tf.sigmoid(logits)


class SquareOfMeans(LeastSquares):
    """For parity with BMSG-GAN only: it squares the mean where LSGAN takes the mean of squares.

    D: ((E r - a)^2 + (E f - b)^2) / 2.
    G: (E f - 1)^2 / 2.

    Each sample is pulled by the mean alone: logits that are 1 in the mean, however far apart, count
    as perfect. Every sample gets the same value. The means are those of the batch over all
    replicas.

    Source:
        BMSG-GAN's `lsgan`.
    """

    def distance(self, scores, target):
        return tf.ones_like(scores) * (0.5 * tf.square(batch_mean(scores) - target))


class SquareOfMeansOfSigmoid(SquareOfMeans, LeastSquaresOfSigmoid):
    """`SquareOfMeans` of sigmoid(r) and sigmoid(f), BMSG-GAN's `lsgan-sigmoid`; for parity only."""
