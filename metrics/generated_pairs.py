"""The images of a pair of generators: of the same latents, the same labels and the same noise."""

import dataclasses

import numpy as np
import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Cycles:
    """What an encoder finds in the images of some latents, and what the other domain makes of it.

    Arrays of float32; images are of the highest resolution, limited to [-1, 1].
    """

    # Latents [n, z_dim] of the images.
    z: np.ndarray
    # Latents [n, z_dim] that the encoder finds in the images of A, and in those of B.
    found: tuple
    # Images [n, r, r, C] of them in the other domain: in B, and in A.
    translated: tuple
    # What these should be: images of z in B, and in A, with the same noise.
    partners: tuple


class GeneratedPairs:
    """Images of two domains that belong together.

    Attributes:
        a, b: `GeneratedImages` of the domains. If their labels have the same length, B gets those
            of A, as in training; otherwise each has its own.
        encoder: `Encoder` that finds the latents of images, or None.
        partners: `Partners` among real images.
    """

    def __init__(self, a, b, encoder=None, partners=None):
        is_same = a.G.label_size == b.G.label_size
        self.a = a
        self.b = b.labelled_like(a) if is_same else b
        self.encoder = encoder
        self.partners = partners

    def batches(self, num_pairs):
        """Yields tuples of uint8 `[n, r, r, C]` of both domains: image i belongs to image i."""
        yield from zip(self.a.batches(num_pairs), self.b.batches(num_pairs), strict=True)

    def cycles(self, num_pairs):
        """Yields `Cycles` of the first latents, for all domains and with random noise."""
        run = self.a.compiled(("cycles", id(self.b.G), id(self.encoder)), self._cycle)
        chunks = (self.a.latent_chunks(num_pairs), self.b.latent_chunks(num_pairs))
        # The latents and the noise of both are the same.
        joined = ((z, a, b, noise) for (z, a, noise), (_, b, _) in zip(*chunks, strict=True))
        left = num_pairs
        for values in run(joined):
            yield Cycles(**tf.nest.map_structure(lambda x, n=left: x[:n], values))
            left -= len(values["z"])

    def _cycle(self, z, labels_a, labels_b, noise_seed):
        domains = ((self.a.G, labels_a), (self.b.G, labels_b))

        def draw(G, labels, z):
            labels = labels if G.label_size else None
            images = G(z, labels, noise_mode="random", noise_seed=noise_seed)
            return [tf.cast(image, tf.float32) for image in images]

        images = [draw(*domain, z) for domain in domains]
        found = [self.encoder(scales) for scales in images]
        translated = [
            draw(*domain, latent)[-1] for domain, latent in zip(domains[::-1], found, strict=True)
        ]
        partners = [scales[-1] for scales in images[::-1]]
        return {
            "z": z,
            "found": tuple(found),
            "translated": tuple(tf.clip_by_value(x, -1.0, 1.0) for x in translated),
            "partners": tuple(tf.clip_by_value(x, -1.0, 1.0) for x in partners),
        }
