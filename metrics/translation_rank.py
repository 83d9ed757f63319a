"""Translation rank: is the translation of a real image near its true partner?

For data sets made by `create_pair same_names`: images of A whose partners in B are known, and the
other way round. No partner was in the training, neither of the pair nor of its own domain.
"translation_rank100_lpips" takes the first 100 images of each domain, looks for their latents, by
the encoder of the pair or, without one, by a search of z, draws these in the other domain, and
sorts the partners of all images by their distance to the result, see `comparisons`. Results are
those of retrieval; the first one is the mean rank of the true partner, 1 at best, and by chance
half the number of candidates. "_untranslated" ranks the partners by their distance to the image
itself: domains that look alike need no translation, and what a search cannot find is lost.

A search finds other latents than an encoder. "translation_rank100_lpips_search" always searches, to
compare pairs with and without encoder.
"""

import functools

import numpy as np

from metrics.comparisons import COMPARISONS
from metrics.metric import Family, Metric, choose_count, format_count
from metrics.ranks import partner_ranks, scores_of_both
from msg_stylegan.sampling.sampler import to_uint8

# Images that are searched at a time, and candidates that are compared at a time.
_BATCH_SIZE = 50

# Random latents that are tried as starting points of a search, and its steps.
_NUM_STARTS = 64
_NUM_STEPS = 200


def _compute(name, comparison, only_search, count, inputs):
    import tensorflow as tf

    from msg_stylegan.projection import Projector

    pairs = inputs.require_pairs(name)
    encoder = None if only_search else pairs.encoder
    generators = {"a": pairs.a.G, "b": pairs.b.G}
    ranks, untranslated, num_candidates = [], [], []
    for source, target in ("ab", "ba"):
        G, other = generators[source], generators[target]
        if other.label_size not in (0, G.label_size):
            raise ValueError(
                f"{name}: the networks of domain {target} take labels of {other.label_size} "
                f"numbers, which images of the other domain do not have."
            )
        images, partners = pairs.partners.open(source, G.resolution, G.label_size)
        if count > images.num_images:
            raise ValueError(
                f"{name} asks for {count} images, and {images.path} has {images.num_images}."
            )
        if encoder is None:
            projector = Projector(
                G, space="z", num_steps=_NUM_STEPS, num_starts=_NUM_STARTS, seed=inputs.seed
            )
        with inputs.progress(total=count, desc=f"{name}: {source} to {target}", unit="img") as bar:
            points, own_points = [], []
            for start in range(0, count, _BATCH_SIZE):
                numbers = np.arange(start, min(start + _BATCH_SIZE, count))
                shown = images.read_images(numbers)
                labels = images.read_labels(numbers) if G.label_size else None
                if encoder is None:
                    for _ in projector.search(shown, labels):
                        pass
                    z = projector.best_z
                else:
                    z = encoder(encoder.scales_of(shown))
                translated = other(z, labels if other.label_size else None, noise_mode="const")
                translated = to_uint8(tf.cast(translated[-1], tf.float32)).numpy()
                points.append(comparison.embed(inputs.features, translated))
                own_points.append(comparison.embed(inputs.features, shown))
                bar.update(len(numbers))
        points = np.concatenate([*points, *own_points])
        distances = _distances(comparison, inputs.features, points, partners)
        ranks.append(partner_ranks(distances[:count], np.arange(count)))
        untranslated.append(partner_ranks(distances[count:], np.arange(count)))
        num_candidates.append(partners.num_images)
    return {
        **scores_of_both(name, *ranks, num_candidates),
        **scores_of_both(f"{name}_untranslated", *untranslated, num_candidates, chance=False),
    }


def _distances(comparison, features, points, candidates):
    """Distances of embedded images `[n, d]` to a data set of candidates: float64 `[n, k]`."""
    return np.concatenate(
        [
            comparison.distances(points, comparison.embed(features, images))
            for images in candidates.iterate_images(_BATCH_SIZE)
        ],
        axis=1,
    )


def _make(match, options):
    count = choose_count(match[0], match[1], options, 1)
    name = f"translation_rank{format_count(count)}_{match[2]}{match[3] or ''}"
    comparison = COMPARISONS[match[2]]
    return Metric(
        name=name,
        headline=f"{name}_mean_rank",
        lower_is_better=True,
        compute=functools.partial(_compute, name, comparison, bool(match[3]), count),
        networks=comparison.networks,
        of_pair=True,
        of_partners=True,
        min_resolution=comparison.min_resolution,
    )


FAMILY = Family(
    pattern=f"translation_rank([0-9]+k?)_({'|'.join(COMPARISONS)})(_search)?",
    examples=tuple(f"translation_rank100_{name}" for name in COMPARISONS),
    make=_make,
)
