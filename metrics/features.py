"""Features of reals and fakes in the space of a feature network, made once and shared by metrics.

Features of reals are kept in the cache, those of fakes in scratch files until the evaluation of
one generator is over. Memory does not grow with the number of images.
"""

import numpy as np

from metrics.cache import ScratchRows, check_room
from metrics.fixed_order import ORDER_VERSION
from metrics.moments import Moments, StreamingMoments, moments_of
from msg_stylegan.data import pyramid

_ROWS_AT_A_TIME = 2**13

# Differences between features of one image, relative to them, that come from rounding.
_SAME = 1e-5


class Features:
    """Features for the evaluation of one set of fakes against one set of reals.

    Args:
        inputs: `MetricInputs` with reals, fakes and generator.
        extractors: Function that returns the `FeatureExtractor` of a network's name.
        lpips: Function that loads the perceptual distance, an `Lpips`.
        cache: `StatisticsCache` of the reals without mirroring.
        mirror_seed: Decides which reals are mirrored; None when the user does not mirror.
        imported: `Moments` that stand for those of the reals, or None.

    Attributes:
        imported: As given.
    """

    def __init__(self, inputs, extractors, lpips, *, cache, mirror_seed=None, imported=None):
        self._inputs = inputs
        self._extractors = extractors
        self.lpips = lpips
        self._cache = cache
        self._mirror_seed = mirror_seed
        self.imported = imported
        # Network name -> dict of output name -> float32 [N, d].
        self._fake_rows = {}

    def identity(self, network):
        """Hex digest of all that decides the features of a network."""
        return self._extractors(network).network.identity

    def real_moments(self, network, num_images, *, mirrored):
        """Mean and covariance of reals.

        Args:
            network: Name of the feature network.
            num_images: Number of images; reals repeat when there are fewer. 0 for every real once.
            mirrored: Whether reals are mirrored at random if the user says so.

        Returns:
            `Moments`.
        """
        imported = self.imported
        if imported is None:
            return self._real_moments(network, num_images, mirrored)
        dim = self._extractors(network).network.dim
        if len(imported.mean) != dim:
            raise ValueError(
                f"The imported statistics have {len(imported.mean)} numbers per image, the "
                f"features of {network} {dim}. Were they made with another network?"
            )
        return imported

    def of_pairs(self, network, pairs):
        """Features of images of two domains.

        Args:
            network: Name of the feature network.
            pairs: Iterator of tuples of uint8 `[n, r, r, C]` of both domains.

        Yields:
            Tuples of float32 `[n, d]`.
        """
        for pair in pairs:
            yield tuple(self.of_images(network, images) for images in pair)

    def of_images(self, network, images):
        """Features float32 `[n, d]` of images uint8 `[n, r, r, C]`."""
        outputs = self._extractors(network)([images])
        return np.concatenate([values["features"] for values in outputs])

    def fake_moments(self, network, num_images):
        """Mean and covariance of the first `num_images` fakes, as `Moments`."""
        return moments_of(self.fakes(network, num_images))

    def scale_moments(self, network, num_images, *, mirrored):
        """Moments of reals and fakes at every scale of the generator.

        Args:
            network: Name of the feature network.
            num_images: Number of images on each side.
            mirrored: Whether reals may be mirrored, as they are when training mirrors.

        Returns:
            Dict of resolution -> tuple of the `Moments` of the reals, reduced to this resolution,
            and of the fakes.
        """
        resolutions = self._inputs.generator.resolutions
        reals = {res: self._real_moments(network, num_images, mirrored, res) for res in resolutions}
        extractor = self._extractors(network)
        moments = {res: StreamingMoments(extractor.network.dim) for res in resolutions}
        with self._bar(network, "fakes, all scales", num_images) as bar:
            for scales in self._inputs.generator.scale_batches(num_images):
                for res, images in zip(resolutions, scales, strict=True):
                    for outputs in extractor([images]):
                        moments[res].add(outputs["features"])
                bar.update(len(scales[-1]))
        return {res: (reals[res], moments[res].result()) for res in resolutions}

    def reals(self, network, num_images):
        """Features of the first `num_images` reals (0 for all, and never one twice).

        Returns:
            float32 `[N, d]`, backed by a file of the cache.
        """
        count = min(num_images or self._inputs.num_reals, self._inputs.num_reals)
        batches = self._inputs.reals(count, mirrored=False)
        extractor = self._extractors(network)

        def write(append):
            for outputs in self._pass(network, "reals", batches, count):
                append(outputs["features"])

        rows = self._cache.fetch_rows(
            "features",
            {"network": self.identity(network), "num_images": count, "order": ORDER_VERSION},
            (count, extractor.network.dim),
            write,
        )
        self._speak_of_copies("reals", network, rows)
        return rows

    def fakes(self, network, num_images, output="features"):
        """One output of a feature network for the first `num_images` fakes; float32 `[N, d]`."""
        rows = self._fake_rows.get(network)
        if rows is None or len(rows["features"]) < num_images:
            rows = self._fake_rows[network] = self._write_fakes(network, num_images)
            self._speak_of_copies("fakes", network, rows["features"])
        return rows[output][:num_images]

    def _write_fakes(self, network, num_images):
        files = {}
        for outputs in self._pass(network, "fakes", self._inputs.fakes(num_images), num_images):
            if not files:
                width = sum(values.shape[1] for values in outputs.values())
                folder = self._inputs.scratch_dir
                check_room(folder, 4 * num_images * width, "The features of the fakes")
                files = {name: ScratchRows(folder, of.shape[1]) for name, of in outputs.items()}
            for name, values in outputs.items():
                files[name].append(values)
        return {name: file.array() for name, file in files.items()}

    def _real_moments(self, network, num_images, mirrored, resolution=None):
        count = num_images or self._inputs.num_reals
        mirror_seed = self._mirror_seed if mirrored else None
        # The moments of all reals, each once and unchanged, do not depend on their order; files
        # are read faster in their own.
        shuffled = count != self._inputs.num_reals or mirror_seed is not None
        batches = self._inputs.reals(count, mirrored=mirrored, shuffled=shuffled)
        if resolution is not None:
            batches = (_reduced(images, resolution) for images in batches)

        def compute():
            moments = StreamingMoments(self._extractors(network).network.dim)
            what = "reals" if resolution is None else f"reals at {resolution}"
            for outputs in self._pass(network, what, batches, count):
                moments.add(outputs["features"])
            result = moments.result()
            return {"mean": result.mean, "covariance": result.covariance}

        parameters = {
            "network": self.identity(network),
            "num_images": count,
            "mirror_seed": mirror_seed,
            "resolution": resolution,
            **({"order": ORDER_VERSION} if shuffled else {}),
        }
        arrays = self._cache.fetch("moments", parameters, compute)
        mean, covariance = arrays["mean"], arrays["covariance"]
        if np.trace(covariance) <= _SAME**2 * (mean @ mean):
            self._say_all_are_alike("reals", network, count)
        return Moments(mean, covariance, count)

    def _speak_of_copies(self, what, network, rows):
        """Tells the user if all features, `[N, d]`, are the same."""
        bound = _SAME * np.abs(rows[0]).max()
        starts = range(0, len(rows), _ROWS_AT_A_TIME)
        blocks = (rows[start : start + _ROWS_AT_A_TIME] for start in starts)
        if len(rows) > 1 and all(np.abs(block - rows[0]).max() <= bound for block in blocks):
            self._say_all_are_alike(what, network, len(rows))

    def _say_all_are_alike(self, what, network, count):
        self._inputs.notice(
            f"{network} sees the same in all {count} {what}: they are copies of one image, or it "
            "is blind to what differs. Scores through it mean little then."
        )

    def _pass(self, network, what, batches, num_images):
        """Yields the outputs of a network for all images, under a progress bar."""
        with self._bar(network, what, num_images) as bar:
            for outputs in self._extractors(network)(batches):
                bar.update(len(outputs["features"]))
                if not all(np.isfinite(values).all() for values in outputs.values()):
                    raise ValueError(
                        f"What {network} sees in the {what} is NaN or infinity. Is the feature "
                        "network broken?"
                    )
                yield outputs

    def _bar(self, network, what, num_images):
        return self._inputs.progress(total=num_images, desc=f"{network}: {what}", unit="img")


def _reduced(images, resolution):
    """Reals at a lower resolution, as a data set holds them; uint8 `[n, r, r, C]`."""
    levels = [pyramid.downsample(image.transpose(2, 0, 1), resolution) for image in images]
    return np.stack(levels).transpose(0, 2, 3, 1)
