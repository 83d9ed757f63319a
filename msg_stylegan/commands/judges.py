"""Opens the fixed networks that couple two domains, which a training asks for by its options."""

from pathlib import Path

from metrics.feature_networks.custom import load_custom_network, settings_file_of
from metrics.feature_networks.library import FeatureNetworks
from msg_stylegan.classifier.stored import open_classifier
from msg_stylegan.coupling.perceptual import perceptual_sides
from msg_stylegan.resolutions import connected_scales


def open_judges(config, datasets):
    """Opens what the terms of a coupling need; call it in the scope of the strategy.

    Args:
        config: `Config`.
        datasets: Data set of each domain.

    Returns:
        Dictionary as for `Coupling`.

    Raises:
        ValueError: A file is missing or does not fit the images.
    """
    terms, judges = config.coupling.terms, {}
    if "semantic" in terms:
        judges["classifier"] = _open_classifier(config.coupling.classifier, datasets[0].resolution)
    if {"content", "style"} & terms.keys():
        perceptual_sides(connected_scales(config.connect, datasets[0].resolution))
        name = config.coupling.vgg
        networks = FeatureNetworks(config.cache_dir, paths={name: config.coupling.vgg_weights})
        judges["vgg"] = networks.get(f"{name}_taps")
    return judges


def _open_classifier(path, resolution):
    """What a classifier, or a feature network of the user, says of images in [-1, 1]."""
    if not settings_file_of(Path(path)).is_file():
        return open_classifier(path, resolution=resolution).probabilities
    return load_custom_network(path).judge
