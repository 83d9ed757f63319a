"""Cycle error: does the encoder of a pair find the latent again in the image of either domain?

"cycle_error1k" is the mean of |E(G(z)) - z| over the components of 1000 latents and both domains,
half of what Soft-CoGAN's latent cycle consistency (CC) lowers; "_z_a" and "_z_b" are those of the
domains, and "_z_unrelated" is the distance of what E finds to the next latent: an encoder whose
error is no smaller has found nothing.

"_image_a2b" says what the encoder is good for: the mean of |G2(E(G1(z))) - G2(z)|, for images
limited to [-1, 1] with the same noise, by which an image of A that goes through the encoder misses
its partner in B; "_image_b2a" is the other way. "_image_a2b_unrelated" and so on are the distances
to the partner of the next latent.
"""

import functools
import itertools

import numpy as np

from metrics.chance import with_unrelated
from metrics.metric import Family, Metric, choose_count, format_count


def _mean_difference(a, b):
    return float(np.mean(np.abs(a - b), dtype=np.float64))


def latent_errors(z, found_a, found_b):
    """Errors of latents float `[N, z_dim]` that were found in both domains.

    Returns:
        Dict of "" (mean of both domains), "_z_a", "_z_b" and "_z_unrelated".
    """
    a, b = _mean_difference(found_a, z), _mean_difference(found_b, z)
    others = np.roll(z, -1, axis=0)
    unrelated = (_mean_difference(found_a, others) + _mean_difference(found_b, others)) / 2.0
    return {"": (a + b) / 2.0, "_z_a": a, "_z_b": b, "_z_unrelated": unrelated}


def _compute(name, num_pairs, inputs):
    pairs = inputs.require_pairs(name)
    if pairs.encoder is None:
        raise ValueError(
            f"{name} needs the encoder of a pair, which coupling.cycle trains along. These "
            "networks have none."
        )
    latents = []
    errors = {"a2b": [], "b2a": []}
    with inputs.progress(total=num_pairs, desc=name, unit="pair") as bar:

        def noted(cycles):
            for cycle in cycles:
                latents.append((cycle.z, *cycle.found))
                bar.update(len(cycle.z))
                yield cycle

        # Both streams take a batch in turn, so that no more than one waits.
        streams = [
            with_unrelated((cycle.translated[i], cycle.partners[i]) for cycle in cycles)
            for i, cycles in enumerate(itertools.tee(noted(pairs.cycles(num_pairs))))
        ]
        for both in zip(*streams, strict=True):
            for values, (images, partners, others) in zip(errors.values(), both, strict=True):
                related, unrelated = (
                    np.abs(images - x).mean(axis=(1, 2, 3), dtype=np.float64)
                    for x in (partners, others)
                )
                values.append(np.stack([related, unrelated], axis=1))
    z, *found = (np.concatenate(some) for some in zip(*latents, strict=True))
    results = latent_errors(z, *found)
    for direction, values in errors.items():
        related, unrelated = np.concatenate(values).mean(axis=0)
        results |= {
            f"_image_{direction}": float(related),
            f"_image_{direction}_unrelated": float(unrelated),
        }
    return {f"{name}{end}": value for end, value in results.items()}


def _make(match, options):
    count = choose_count(match[0], match[1], options, 2)
    name = f"cycle_error{format_count(count)}"
    return Metric(
        name=name,
        headline=name,
        lower_is_better=True,
        compute=functools.partial(_compute, name, count),
        of_pair=True,
    )


FAMILY = Family(pattern="cycle_error([0-9]+k?)", examples=("cycle_error1k",), make=_make)
