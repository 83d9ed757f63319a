"""What fakes are made from in training: latents, those of style mixing, and labels."""

import tensorflow as tf

from msg_stylegan.training.randomness import Stream

# Latents of a kind of update -> the other ones that are mixed in.
_MIXED = {
    Stream.D_LATENTS: Stream.D_MIXED,
    Stream.G_LATENTS: Stream.G_MIXED,
    Stream.PATH_LATENTS: Stream.PATH_MIXED,
}


class Latents:
    """Draws what the generators of all domains, which see the same latents, get.

    Args:
        domains: `DomainLosses` of each domain.
        mixing_prob: Probability that the highest layers of a batch take other latents.

    Source:
        Style mixing: Karras et al. 2019 (StyleGAN), section 3.1. As in StyleGAN2, the layer where
        the other latents begin is the same for the whole batch.
    """

    def __init__(self, domains, mixing_prob=0.0):
        self._domains = domains
        self._G = domains[0].networks.G
        self._mixing_prob = mixing_prob

    def draw(self, random, stream, images_ago=0):
        """Latents of one replica.

        Args:
            random: `StepRandomness`.
            stream: The `Stream` of the update.
            images_ago: As for `StepRandomness.draw`.

        Returns:
            Tuple of z, `[n, z_dim]`, and the argument `mixing` of the generators.
        """
        z = self._draw_z(random, stream, images_ago)
        if not self._mixing_prob:
            return z, None
        chance, place = tf.unstack(
            random.draw_once(tf.random.stateless_uniform, [2], _MIXED[stream], images_ago)
        )
        num_ws = self._G.num_ws
        # At least one layer takes the first latents, and one the others.
        first_layer = 1 + tf.cast(place * float(num_ws - 1), tf.int32)
        first_layer = tf.where(chance < self._mixing_prob, first_layer, num_ws)
        return z, (self._draw_z(random, _MIXED[stream], images_ago), first_layer)

    def labels(self, random, stream):
        """For each domain labels of its data set, `[n, label_size]`, or None."""
        labels = [domain.draw_labels(random, stream) for domain in self._domains]
        if len({domain.networks.G.label_size for domain in self._domains}) == 1:
            # A pair of images has one label.
            labels = labels[:1] * len(labels)
        return labels

    def _draw_z(self, random, stream, images_ago):
        z = random.draw(tf.random.stateless_normal, [self._G.z_dim], stream, images_ago)
        return self._G.place_z(z)
