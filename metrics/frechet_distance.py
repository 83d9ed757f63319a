"""Fréchet distance between Gaussians fitted to features (Heusel et al. 2017); FID with Inception.

"fid50k" compares 50k fakes with 50k reals, which are mirrored if training mirrors and repeat if
there are fewer (StyleGAN); "fid50k_full" with every real once, never mirrored (StyleGAN2-ADA);
"fid" is all fakes in files with all reals; "fid50k_scales" is fid50k at every scale of a
multi-scale generator. "clean_fid" resizes as Clean-FID does, "keras_fid" has Keras' ImageNet
weights, "fd50k-efficientnet" EfficientNet-Lite0, and "fd50k-NAME" a network of the user; none of
them can be compared with another.
"""

import functools

import numpy as np

from metrics.floors import Halves
from metrics.metric import Family, Metric, choose_count, choose_feature_space, format_count
from metrics.moments import moments_of

# Reals whose halves are compared, at most: 1.6 GB of features in the cache.
_MAX_DIVIDED = 200_000


def frechet_distance(a, b):
    """Squared Fréchet (2-Wasserstein) distance between two Gaussians.

    |mean_a - mean_b|^2 + tr(A) + tr(B) - 2 tr((A B)^(1/2)) for covariances A and B, either of
    which may be singular.

    Args:
        a: `Moments`.
        b: `Moments` of the same dimension.

    Returns:
        The distance, a float >= 0.

    Raises:
        ValueError: Different dimensions, or numbers that are not finite.
    """
    if a.mean.shape != b.mean.shape or a.covariance.shape != b.covariance.shape:
        raise ValueError(
            "Expected moments of the same feature network. Received "
            f"{len(a.mean)} and {len(b.mean)} numbers per image."
        )
    for array in (a.mean, a.covariance, b.mean, b.covariance):
        if not np.isfinite(array).all():
            raise ValueError("Expected finite moments. Received NaN or infinity.")
    shift = a.mean - b.mean
    spread = np.trace(a.covariance) + np.trace(b.covariance)
    distance = shift @ shift + spread - 2.0 * _trace_of_root(a.covariance, b.covariance)
    # Anything below zero is a rounding error.
    return max(float(distance), 0.0)


def _trace_of_root(a, b):
    """tr((A B)^(1/2)) of two covariances, float64 [d, d]."""
    import scipy.linalg

    # With A = F F^T, A B has the eigenvalues of the symmetric F^T B F. This needs no square root of
    # a matrix without symmetry, which is slower and can come out complex.
    for first, second in ((a, b), (b, a)):
        try:
            factor = scipy.linalg.cholesky(first, lower=True, check_finite=False)
        except scipy.linalg.LinAlgError:
            continue
        return _sum_of_roots(factor.T @ second @ factor)
    # Both are singular, as for fewer images than dimensions.
    values, vectors = scipy.linalg.eigh(a, driver="evd", check_finite=False)
    # Eigenvalues below this bound of LAPACK's error are nothing but rounding.
    kept = values > values[-1] * len(a) * np.finfo(np.float64).eps
    factor = vectors[:, kept] * np.sqrt(values[kept])
    return _sum_of_roots(factor.T @ b @ factor)


def _sum_of_roots(matrix):
    import scipy.linalg

    if not matrix.size:
        return 0.0
    values = scipy.linalg.eigvalsh(matrix, driver="evd", check_finite=False, overwrite_a=True)
    return np.sqrt(np.maximum(values, 0.0)).sum()


def _warn_of_few_images(name, reals, fakes, inputs):
    """Warns if a covariance must be singular, because there are no more images than dimensions."""
    dim = len(reals.mean)
    counts = {"reals": reals.num_images, "fakes": fakes.num_images}
    if inputs.num_reals and reals.num_images is not None:
        # Repeated images add nothing.
        counts["reals"] = min(reals.num_images, inputs.num_reals)
    few = [f"{count} {what}" for what, count in counts.items() if count and count <= dim]
    if few:
        inputs.notice(
            f"{name}: {' and '.join(few)} for features of {dim} dimensions. Their covariance is "
            "singular, so the score is too high, by an amount that depends on the generator. "
            "Compare it with scores of as many images at most, or use KID."
        )


def _compute(name, network, num_images, real_moments, inputs):
    count = inputs.count_fakes(name, num_images, at_least=2)
    inputs.require_reals(name, at_least=2)
    reals = real_moments(inputs)
    fakes = inputs.features.fake_moments(network, count)
    _warn_of_few_images(name, reals, fakes, inputs)
    return {name: frechet_distance(reals, fakes)}


def _measure(name, reals, fakes, inputs):
    return {name: frechet_distance(moments_of(reals), moments_of(fakes))}


def _compute_scales(name, network, num_images, inputs):
    inputs.require_generator(name)
    inputs.require_reals(name, at_least=2)
    scales = inputs.features.scale_moments(network, num_images, mirrored=True)
    _warn_of_few_images(name, *scales[max(scales)], inputs)
    distances = {res: frechet_distance(reals, fakes) for res, (reals, fakes) in scales.items()}
    results = {name: distances[max(distances)]}
    return results | {f"{name}_{res}": value for res, value in distances.items()}


def _make(match, options):
    prefix, inception, number, variant, wanted = match.groups()
    if not prefix:
        usual = "inception" if inception else None
        network, ending = choose_feature_space(match[0], usual, wanted, options)
    elif inception and not wanted:
        # The network is part of the name; a network of the user does not replace it.
        network, ending = f"{prefix}inception", ""
    else:
        raise ValueError(f"{match[0]} asks for two feature networks. Leave out {prefix!r}.")
    count = choose_count(match[0], number, options, 2)
    stem = "fd" if ending else f"{prefix or ''}fid"
    name = f"{stem}{format_count(count)}{variant or ''}{ending}"

    max_reals = count if count and variant != "_full" else _MAX_DIVIDED
    real_moments = None
    if variant == "_scales":
        compute = functools.partial(_compute_scales, name, network, count)
    else:
        full = variant == "_full"
        real_moments = functools.partial(_real_moments, network, 0 if full else count)
        compute = functools.partial(_compute, name, network, count, real_moments)
    return Metric(
        name=name,
        headline=name,
        lower_is_better=True,
        compute=compute,
        networks=(network,),
        shuffles_reals=count > 0 and variant != "_full",
        real_moments=real_moments,
        halves=Halves(name, network, max_reals, 2, functools.partial(_measure, name)),
    )


def _real_moments(network, num_images, inputs):
    return inputs.features.real_moments(network, num_images, mirrored=num_images > 0)


FAMILY = Family(
    pattern=r"(clean_|keras_)?f(i?)d(?:([0-9]+k?)(_full|_scales)?)?(?:-(.+))?",
    examples=(
        "fid50k",
        "fid50k_full",
        "fid50k_scales",
        "fid10k",
        "fid",
        "clean_fid50k",
        "clean_fid50k_full",
        "keras_fid50k",
        "fd50k_full-efficientnet",
    ),
    make=_make,
)
