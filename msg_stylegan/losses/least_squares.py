"""Least-squares losses, the originals' square of means among them."""

import dataclasses

from msg_stylegan.kimg_schedule import ScheduledFloat
from msg_stylegan.lazy_tensorflow import tf
from msg_stylegan.losses.adversarial import AdversarialLoss
from msg_stylegan.losses.batch_mean import batch_mean
from msg_stylegan.option import at_least, option


@dataclasses.dataclass(frozen=True)
class LeastSquares(AdversarialLoss):
    """Mean of squared distances to the targets of reals (a) and fakes (b).

    D: ((r - a)^2 + (f - b)^2) / 2.
    G: (f - 1)^2 / 2. The PGGAN project has no 1/2 here, which Adam makes up for.

    Attributes:
        real_target: a.
        fake_target: b.

    Source:
        Mao et al. 2017, equation 9.
    """

    label_noise: ScheduledFloat = option(
        0.0,
        "Standard deviation of the noise on the labels of lsgan and its variants. 0 = no noise.",
        at_least(0),
    )
    real_target: float = 1.0
    fake_target: float = 0.0

    def with_noise(self, draw):
        # The present value of a schedule is a tensor, also where it is 0.
        if not tf.is_tensor(self.label_noise) and not self.label_noise:
            return self
        noise = draw() * self.label_noise
        return dataclasses.replace(self, real_target=1.0 + noise[0], fake_target=noise[1])

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

    separates_at_zero = True

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

    uses_batch_means = True

    def distance(self, scores, target):
        return tf.ones_like(scores) * (0.5 * tf.square(batch_mean(scores) - target))


class SquareOfMeansOfSigmoid(SquareOfMeans, LeastSquaresOfSigmoid):
    """`SquareOfMeans` of sigmoid(r) and sigmoid(f), BMSG-GAN's `lsgan-sigmoid`; for parity only."""
