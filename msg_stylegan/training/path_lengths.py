"""Path length regularisation of the generators: a penalty, its gradients and its running mean."""

import tensorflow as tf

from msg_stylegan import losses
from msg_stylegan.kimg_schedule import value_at
from msg_stylegan.training.domain_losses import gradients_of
from msg_stylegan.training.progress import state_variable
from msg_stylegan.training.randomness import StepRandomness, Stream

# The batch is that much smaller than that of other updates: gradients of gradients need memory.
_SHRINK = 2


class PathLengthMean(tf.Module):
    """Running mean of the path lengths of a generator. Create it in the scope of the strategy.

    Attributes:
        value: float32 variable, 0 at first. It belongs in the checkpoint.
    """

    def __init__(self):
        super().__init__(name="path_length_mean")
        self.value = state_variable(0.0, tf.float32)

    def move(self, mean_length, share):
        """Moves it by a share of the way to the mean length of a batch. Call it across replicas."""
        self.value.assign_add(share * (mean_length - self.value))


class PathLengths:
    """Keeps the path lengths of all generators near their running means.

    The images are those of the full resolution. With an interval of 1 the penalty is part of every
    update of G; with k > 1 it is an update of its own after every k-th, with k times the weight,
    see `losses.Regularization`.

    Differs from StyleGAN2: a length is compared with the mean before this update instead of behind
    it, which the lengths of the batch have moved by a hundredth. So no sample has to know the
    others, which may be in other rounds or on other devices.

    Args:
        nets: `Networks`.
        domains: `DomainLosses` of each domain.
        means: `PathLengthMean` of each domain.
        latents: `Latents`.
        options: `LossOptions`.
        rounds: `Rounds` of the other updates.
        num_replicas: Devices that share a batch.
        seed: Seed of the run.
        cur_nimg: int64 variable: real images shown so far.
        scale: `LossScale` of the generators, or None.

    Attributes:
        batch_size: Images of a batch, over all replicas.
        random: `StepRandomness` of its batches.
        rounds: `Rounds` of them.
        interval: Updates of G per update with the penalty.
    """

    def __init__(
        self, nets, domains, means, latents, *, options, rounds, num_replicas, seed, cur_nimg, scale
    ):
        self._nets = nets
        self._domains = domains
        self._means = means
        self._latents = latents
        self._weight = options.path_length_weight
        self._decay = options.path_length_decay
        self._cur_nimg = cur_nimg
        self._scale = scale
        self.interval = options.path_length_interval
        self.rounds = rounds.shrunk(_SHRINK)
        self.batch_size = self.rounds.num_samples * num_replicas
        self.random = StepRandomness(seed, cur_nimg, self.batch_size, num_replicas)

    @property
    def is_lazy(self):
        """Whether the penalty is an update of its own."""
        return self.interval > 1

    def gradients(self):
        """Gradients of `interval` times the penalty on one replica, multiplied by the scale.

        Returns:
            Tuple of the list of gradients, see `Networks.trainable`, and a dictionary of sums over
            the local batch, divided by the batch size over all replicas; these are multiplied by
            the interval, too.
        """
        inputs = self._latents.draw(self.random, Stream.PATH_LATENTS)
        labels = self._latents.labels(self.random, Stream.PATH_LABELS)
        noise_seed = self.random.noise_seed(Stream.PATH_LATENTS)
        with self.random.drawing():
            weight = value_at(self._weight, self._cur_nimg)
        stats = {}
        with tf.GradientTape() as tape:
            for domain, mean, own in zip(self._domains, self._means, labels, strict=True):
                lengths = self._lengths(domain, *inputs, own, noise_seed)
                values = {
                    _length_of(domain): lengths,
                    _penalty_of(domain): tf.square(lengths - mean.value),
                }
                stats |= {name: self._share(value) for name, value in values.items()}
            loss = weight * tf.add_n([stats[_penalty_of(domain)] for domain in self._domains])
        return gradients_of(tape, loss, self._nets.trainable("G"), self._scale), stats

    def move_means(self, stats, is_applied):
        """Moves the running means after an update.

        Args:
            stats: As from `gradients`, summed over the replicas.
            is_applied: 1.0, or 0.0 if the update was skipped.
        """
        for domain, mean in zip(self._domains, self._means, strict=True):
            length = stats[_length_of(domain)] / float(self.interval)
            decay = value_at(self._decay, self._cur_nimg)
            mean.move(length, (1.0 - decay) * is_applied)

    def mean_stats(self, is_applied):
        """The running means, 0 for an update that was skipped."""
        return {
            _mean_of(domain): mean.value * is_applied
            for domain, mean in zip(self._domains, self._means, strict=True)
        }

    def penalty_names(self):
        """Names of the statistics of `gradients`."""
        return [name(domain) for domain in self._domains for name in (_length_of, _penalty_of)]

    def stat_names(self):
        """Names of all statistics."""
        return [*self.penalty_names(), *map(_mean_of, self._domains)]

    def _lengths(self, domain, z, mixing, labels, noise_seed):
        G = domain.networks.G
        ws = G.broadcast(G.mapping(z, labels), labels, mixing)

        def synthesize(ws):
            noise = {"noise_mode": domain.noise_mode, "noise_seed": noise_seed}
            return G.synthesis(ws, training=True, **noise)[-1]

        shape = [G.resolutions[-1]] * 2 + [G.num_channels]
        directions = self.random.draw(tf.random.stateless_normal, shape, Stream.PATH_DIRECTIONS)
        scale = self._scale and self._scale.of_inner
        return losses.path_lengths(synthesize, ws, directions, scale)

    def _share(self, per_sample):
        return tf.reduce_sum(per_sample) * (self.interval / self.batch_size)


def _length_of(domain):
    return f"Loss/G/path_length{domain.suffix}"


def _penalty_of(domain):
    return f"Loss/G/path_length_penalty{domain.suffix}"


def _mean_of(domain):
    return f"Loss/G/path_length_mean{domain.suffix}"
