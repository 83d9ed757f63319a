"""What couples the networks of two domains: shared weights, and terms in the generators' loss."""

from msg_stylegan.coupling.cycle import CycleConsistency
from msg_stylegan.coupling.feature import FeatureRegularizer
from msg_stylegan.coupling.perceptual import CONTENT_LAYERS, PerceptualLoss
from msg_stylegan.coupling.semantic import SemanticLoss
from msg_stylegan.coupling.sharing import add_shared
from msg_stylegan.coupling.weights import WeightRegularizer


class Coupling:
    """Couples two domains.

    Args:
        options: `CouplingOptions`.
        nets: `Networks` of a pair.
        places: What `sharing.share_weights` returned for them.
        judges: Dictionary of the fixed networks that the options ask for: "classifier", a function
            as for `SemanticLoss`; "vgg", `PerceptualTaps` or the like.

    Attributes:
        names: Names of the terms, which are those of their weights in the options.
        needs_reals: Whether a term looks at real images.
        same_augmentation: Whether both domains are augmented alike.
    """

    def __init__(self, options, nets, places, judges):
        self._weights = options.terms
        self._places = places
        self._encoder = nets.E
        self.same_augmentation = options.same_augmentation
        self.names = list(self._weights)
        self.needs_reals = "content" in self._weights or "style" in self._weights
        makers = {
            "feature": lambda: FeatureRegularizer(
                options.feature_resolution or nets.G.resolution, options.feature_images
            ),
            "weights": lambda: WeightRegularizer(options.weights_of == "features"),
            "semantic": lambda: SemanticLoss(judges["classifier"]),
            "cycle": lambda: CycleConsistency(nets.E),
        }
        self._regularizers = {name: make() for name, make in makers.items() if name in self.names}
        self._perceptual = None
        if self.needs_reals:
            vgg = judges["vgg"]
            self._perceptual = PerceptualLoss(vgg, CONTENT_LAYERS[vgg.name], unit=vgg.unit)

    def terms(self, batch):
        """Terms of the loss of the generators.

        Args:
            batch: `CoupledBatch`.

        Returns:
            Dictionary of the names of the terms to tuples of the weight and the values, `[n]`.
        """
        values = {name: regularizer(batch) for name, regularizer in self._regularizers.items()}
        if self._perceptual:
            values |= self._perceptual(batch)
        return {name: (weight, values[name]) for name, weight in self._weights.items()}

    def share(self, name, gradients):
        """Gradients of all networks of a kind, with those of shared weights added up.

        Args:
            name: "G" or "D".
            gradients: List of gradients, as long as `Networks.trainable`.
        """
        gradients = add_shared(gradients, self._places[name])
        if name == "G" and self._encoder:
            # The encoder, which comes last, is trained for the distance without its weight.
            start = len(gradients) - len(self._encoder.trainable_variables)
            gradients[start:] = [g / self._weights["cycle"] for g in gradients[start:]]
        return gradients
