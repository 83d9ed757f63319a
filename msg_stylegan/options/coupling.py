"""Options of what couples two domains."""

from dataclasses import dataclass

from msg_stylegan.option import at_least, one_of, option, power_of_two_or_zero

# Weights of the terms, in the order in which they are computed.
TERMS = ("feature", "weights", "semantic", "cycle", "content", "style")


@dataclass(frozen=True)
class CouplingOptions:
    """Coupling of the networks of `dataset.path` and `dataset.path_b`."""

    sharing: str = option(
        "none",
        "Weights that both domains share: none, mapping (the mapping network) or hard (the layers "
        "of both generators and discriminators that work at low resolution).",
        one_of("none", "mapping", "hard"),
        decides_networks=True,
    )
    G_shared_resolution: int = option(
        0,
        "With hard sharing: largest resolution at which the generators share their layers. 0 = all "
        "resolutions.",
        power_of_two_or_zero(4, 1024),
        decides_networks=True,
    )
    D_shared_resolution: int = option(
        0,
        "With hard sharing: the same for the discriminators.",
        power_of_two_or_zero(4, 1024),
        decides_networks=True,
    )
    same_start: bool = option(
        False,
        "Let both generators start with the same weights, but for those that make images, so that "
        "soft coupling begins with activations that agree. Soft-CoGAN starts with different ones.",
    )
    feature: float = option(
        0.0,
        "FR: weight of the distance of the generators' first activations; Soft-CoGAN has 10. 0 = "
        "off, here and below.",
        at_least(0),
    )
    feature_resolution: int = option(
        0,
        "FR: largest resolution whose activations are compared. 0 = all resolutions.",
        power_of_two_or_zero(4, 1024),
    )
    feature_images: bool = option(
        False,
        "FR: compare the images of these resolutions, too: the domains must look alike there.",
    )
    weights: float = option(
        0.0,
        "Weight of the distance of the weights of the generators; Soft-CoGAN has 10.",
        at_least(0),
    )
    weights_of: str = option(
        "all",
        "Which weights are compared: all, or features for those up to the layers that make images.",
        one_of("all", "features"),
    )
    semantic: float = option(
        0.0,
        "SL: weight of the distance of the class probabilities of a pair; Soft-CoGAN has 10.",
        at_least(0),
    )
    classifier: str = option(
        "",
        "SL: file of the classifier, which the command for classifiers trains, or of a feature "
        "network.",
    )
    cycle: float = option(
        0.0,
        "CC: weight of the distance of z and what an encoder reads from the image of either "
        "domain; Soft-CoGAN has 10. The encoder is trained along.",
        at_least(0),
    )
    content: float = option(
        0.0,
        "PL: weight of the distance of a pair's features of VGG; Soft-CoGAN has 1.",
        at_least(0),
    )
    style: float = option(
        0.0,
        "PL: weight of the distance of Gram matrices of fakes and reals of a domain; Soft-CoGAN "
        "has 1250.",
        at_least(0),
    )
    vgg: str = option(
        "vgg16",
        "PL: which VGG, vgg16 or vgg19 (Soft-CoGAN's).",
        one_of("vgg16", "vgg19"),
    )
    vgg_weights: str = option(
        "", "PL: file with the weights of VGG. Empty = looked for in `cache_dir`/vgg16 or vgg19."
    )
    same_augmentation: bool = option(
        True,
        "Augment images of both domains alike, with one adaptive probability. Off: each domain "
        "for itself.",
        decides_networks=True,
    )

    @property
    def terms(self):
        """Dictionary of the names of the terms that are on to their weights."""
        return {name: getattr(self, name) for name in TERMS if getattr(self, name)}

    def problems(self, config, domains):
        """What does not go together: a list of lines.

        Args:
            config: `Config`.
            domains: List of the `Interface`s; 0 in them is what is not known yet.
        """
        if not config.dataset.path_b:
            return _without_a_pair(self)
        problems = []
        if config.growing.start_resolution:
            problems.append(
                f"growing.start_resolution={config.growing.start_resolution}: must be 0 with "
                "dataset.path_b, because pairs of networks cannot grow"
            )
        if self.semantic and not self.classifier:
            problems.append(
                f"coupling.semantic={self.semantic}: needs coupling.classifier, the file of a "
                "classifier of both domains"
            )
        if all(data.num_channels for data in domains):
            problems += self._data_problems(config, *domains)
        return problems

    def _data_problems(self, config, data, data_b):
        problems = []
        if data.resolution != data_b.resolution:
            a, b = (f"{d.resolution}x{d.resolution}" for d in (data, data_b))
            smaller = min(data.resolution, data_b.resolution)
            problems.append(
                f"dataset.path_b={config.dataset.path_b!r}: the images have {b} pixels, those of "
                f"dataset.path {a}. Both must be equal: set dataset.resolution={smaller}"
            )
        if data.label_size != data_b.label_size:
            problems += [
                f"coupling.{name}={getattr(self, name)!r}: must be {off!r}, because the labels of "
                f"the domains have {data.label_size} and {data_b.label_size} components"
                for name, off in (("sharing", "none"), ("same_start", False), ("weights", 0.0))
                if getattr(self, name) != off
            ]
        smallest = config.generator.smallest_features
        if self.feature and 0 < self.feature_resolution < smallest:
            problems.append(
                f"coupling.feature_resolution={self.feature_resolution}: must be at least "
                f"{smallest}, the side of the first activations of the generators"
            )
        if config.loss.loss_class.pairs_samples and (data.label_size or data_b.label_size):
            problems.append(
                f"loss.name={config.loss.name!r}: must be another one with labels, because a fake "
                "is compared with a real of its label, and a pair of fakes has one label; "
                "dataset.max_label_size=0 ignores them"
            )
        if (
            data.num_channels != data_b.num_channels
            and self.sharing == "hard"
            and config.discriminator.combine == "simple"
        ):
            problems.append(
                "coupling.sharing='hard': needs discriminator.combine='cat_lin' or 'lin_cat', "
                f"because the images have {data.num_channels} and {data_b.num_channels} channels"
            )
        return problems


def _without_a_pair(options):
    default = CouplingOptions()
    return [
        f"coupling.{name}={value!r}: needs dataset.path_b, the data set of the other domain"
        for name, value in vars(options).items()
        if value != getattr(default, name)
    ]
