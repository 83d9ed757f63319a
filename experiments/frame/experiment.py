"""What an experiment is: variants of one configuration that are trained with several seeds."""

from collections.abc import Callable
from dataclasses import dataclass, field

from experiments.frame import digit_network
from msg_stylegan import options

# The data set has 1,797 images.
DIGITS_METRICS = ("swd1k", f"fd2k_full-{digit_network.NAME}")


@dataclass(frozen=True)
class Variant:
    """One way to train."""

    # Goes into file names, tables and legends.
    name: str
    # Dotted names of options -> values that differ from the preset. All variants have the same data
    # set.
    overrides: dict = field(default_factory=dict)
    # Function of the preset's configuration that gives further ones.
    further_overrides: Callable = lambda config: {}

    def apply(self, config):
        """Returns the configuration of this variant; ValueError if there are no such options."""
        return options.changed(config, self.overrides | self.further_overrides(config))


@dataclass(frozen=True)
class Experiment:
    """A comparison of variants."""

    # Module in this package, and folder of the results.
    name: str
    # What is compared; one or two sentences.
    question: str
    variants: tuple[Variant, ...]
    # Arguments with which the same command repeats the experiment at the scale of the paper.
    full_scale: str
    # Variants that only run when they are named: on small images they equal another one, or they
    # answer a further question.
    on_request: tuple[str, ...] = ()
    # Length of a training in kimg, unless the command line gives another.
    kimg: float = 12.0
    # Function of the configuration that all variants start from; gives the metrics of every
    # snapshot, unless the command line names others.
    metrics: Callable = lambda config: DIGITS_METRICS
    # Function of a metric that gives its results which the tables show beside its headline.
    further_keys: Callable = lambda metric: ()
    # Settings from which the variants start, unless the command line names others.
    preset: str = "digits_progan"
    # Beginnings of the dotted names of options that are the preset's; all others of the training
    # are those of the original system, which are the defaults. Empty = all are the preset's.
    of_preset: tuple[str, ...] = ()
    # Dotted names of options -> values that differ from the preset in all variants.
    overrides: dict = field(default_factory=dict)
    # Training from whose networks the variants start, unless they say otherwise; it may be on
    # another data set. None = there is no such training.
    origin: Variant | None = None
    # Its length in kimg.
    origin_kimg: float = 0.0
    # Snapshots per scored one, of which all are kept to compare the images of fixed latents from
    # one to the next; 0 = images are not compared.
    changes_per_point: int = 0

    def choose(self, names):
        """Returns the variants of these names; ValueError if there is no such variant.

        Args:
            names: List of names, or None for all but those on request.
        """
        known = {variant.name: variant for variant in self.variants}
        unknown = [name for name in names or () if name not in known]
        if unknown:
            raise ValueError(
                f"{self.name} has no variant {unknown[0]!r}. Its variants are: {', '.join(known)}."
            )
        if names is None:
            names = [name for name in known if name not in self.on_request]
        return [known[name] for name in names]
