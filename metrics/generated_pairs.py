"""The images of a pair of generators: of the same latents, the same labels and the same noise."""


class GeneratedPairs:
    """Images of two domains that belong together.

    Attributes:
        a, b: `GeneratedImages` of the domains. If their labels have the same length, B gets those
            of A, as in training; otherwise each has its own.
        encoder: `Encoder` that finds the latents of images, or None.
    """

    def __init__(self, a, b, encoder=None):
        is_same = a.G.label_size == b.G.label_size
        self.a = a
        self.b = b.labelled_like(a) if is_same else b
        self.encoder = encoder

    def batches(self, num_pairs):
        """Yields tuples of uint8 `[n, r, r, C]` of both domains: image i belongs to image i."""
        yield from zip(self.a.batches(num_pairs), self.b.batches(num_pairs), strict=True)
