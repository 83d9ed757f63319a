"""Generator of the MSG-GAN family: mapping, truncation, synthesis of all scales."""

import math

import tensorflow as tf
from tensorflow import keras

from msg_stylegan.networks import ops
from msg_stylegan.networks.mapping import MappingNetwork
from msg_stylegan.networks.pair_member import PairMember
from msg_stylegan.networks.progan_synthesis import ProGANSynthesis
from msg_stylegan.networks.scogan_synthesis import ScoganSynthesis
from msg_stylegan.networks.stylegan2_synthesis import StyleGAN2Synthesis
from msg_stylegan.networks.synthesis import SynthesisNetwork
from msg_stylegan.networks.variables import MEAN_OF_REPLICAS
from msg_stylegan.options import GeneratorOptions

# Value of the option `body` -> the network.
SYNTHESES = {
    "stylegan": SynthesisNetwork,
    "stylegan2": StyleGAN2Synthesis,
    "progan": ProGANSynthesis,
    "scogan": ScoganSynthesis,
}


@keras.utils.register_keras_serializable("msg_stylegan")
class Generator(PairMember):
    """Generator whose every block gives an image.

    `progan_options` has the options of BMSG-GAN's generator; NVIDIA's StyleGAN has
    `connect="none"`.

    Differs from the original: truncation is a call argument (the original had it off in training
    and validation and on elsewhere).

    Args:
        options: `GeneratorOptions`. Those that follow from others may be left at their defaults.
        data: `Interface`.

    Attributes:
        options: `GeneratorOptions`, resolved.
        has_w_avg: Whether there is a running mean of w. Bodies without styles have none without
            mapping layers, because then there is no w: `w_avg` stays at zero.

    Call arguments:
        z: `[N, z_dim]`, standard normal; a tensor or a NumPy array.
        labels: `[N, label_size]`, or None when `label_size` is 0.
        truncation_psi: Distance of w from its mean relative to the untruncated distance; 1 for no
            truncation. Ignored in training.
        truncation_cutoff: Number of layers that are truncated, from the lowest resolution; None
            for all.
        noise_mode, noise_seed: Which noise, see `Noise`.
        mixing: Tuple of other latents, `[N, z_dim]`, and the number of the first layer that takes
            theirs, a scalar tensor; None for the same latent in all layers. `w_avg` does not see
            them.
        training: Whether this pass moves `w_avg`.
        with_features: Whether to return the activations, too.

    Returns:
        List of images `[N, r, r, num_channels]`, one for each of `resolutions`, low to high, in
        about [-1, 1]. With features: a tuple of that list and the list of the activations
        `[N, r, r, channels]` of the synthesis, low to high.

    Source:
        MSG-GAN, section 3; StyleGAN, section 2 and appendix B (truncation).
    """

    options_class = GeneratorOptions

    def __init__(self, options, data, **kwargs):
        super().__init__(options, data, **kwargs)
        options = self.options
        self.z_dim = options.z_dim
        self.w_dim = options.w_dim
        self.has_mapping = options.mapping_layers > 0
        self.mapping = MappingNetwork(options, data.label_size, name="mapping")
        self.synthesis = self.make_synthesis()
        self.has_w_avg = self.has_mapping or self.synthesis.knows_w

    def make_synthesis(self):
        """The synthesis network."""
        return SYNTHESES[self.options.body](self.options, self.data, name="synthesis")

    @property
    def resolutions(self):
        """Sides of the images, low to high."""
        return self.synthesis.resolutions

    def feature_variables(self, resolution):
        """Trainable variables of the mapping, and of the synthesis up to a resolution.

        Without what turns activations into images: these variables may be shared by generators of
        two domains.
        """
        return [*self.mapping.trainable_variables, *self.synthesis.feature_variables(resolution)]

    def place_z(self, z):
        """Moves standard normal numbers, `[N, z_dim]`, to the z that the network was made for."""
        if self.options.z_space == "uniform":
            # Twice the distribution function of the normal numbers, less 1.
            return ops.erf(z / math.sqrt(2.0))
        return ops.pixel_norm(z) if self.options.z_space == "sphere" else z

    @property
    def num_ws(self):
        """Number of w vectors that the synthesis takes per sample."""
        return self.synthesis.num_ws

    def build(self, input_shape=None):
        self.mapping.build()
        self.synthesis.build()
        self.w_avg = self.add_weight(
            name="w_avg",
            shape=(self.w_dim,),
            initializer="zeros",
            trainable=False,
            aggregation=MEAN_OF_REPLICAS,
        )
        self.built = True

    def __call__(
        self,
        z,
        labels=None,
        truncation_psi=1.0,
        truncation_cutoff=8,
        noise_mode="random",
        noise_seed=None,
        mixing=None,
        training=False,
        with_features=False,
    ):
        # Keras takes nothing but tensors by position, not even None; the public use does.
        if not self.built:
            self.build()
        images, features = super().__call__(
            tf.convert_to_tensor(z),
            labels=labels,
            truncation_psi=truncation_psi,
            truncation_cutoff=truncation_cutoff,
            noise_mode=noise_mode,
            noise_seed=noise_seed,
            mixing=mixing,
            training=training,
        )
        return (images, features) if with_features else images

    def call(
        self,
        z,
        labels,
        truncation_psi,
        truncation_cutoff,
        noise_mode,
        noise_seed,
        mixing,
        training,
    ):
        w = self.mapping(z, labels)
        ws = self.broadcast(w, labels, mixing)
        if training and self.has_w_avg:
            self._move_w_avg(w)
        elif not training:
            ws = self.truncate(ws, truncation_psi, truncation_cutoff)
        return self.synthesis(
            ws,
            noise_mode=noise_mode,
            noise_seed=noise_seed,
            training=training,
            with_features=True,
        )

    def broadcast(self, w, labels=None, mixing=None):
        """Repeats `w` for every layer: `[N, w_dim]` -> `[N, num_ws, w_dim]`.

        With `mixing`, see above, the layers from its number on take the w of its latents.
        """
        ws = tf.repeat(w[:, None], self.num_ws, axis=1)
        if mixing is None:
            return ws
        z, first_layer = mixing
        is_own = tf.range(self.num_ws) < first_layer
        return tf.where(is_own[:, None], ws, self.broadcast(self.mapping(z, labels)))

    def truncate(self, ws, truncation_psi, truncation_cutoff=None):
        """Pulls the first `truncation_cutoff` layers (None for all) of `ws` towards `w_avg`."""
        cutoff = self.num_ws if truncation_cutoff is None else truncation_cutoff
        if cutoff <= 0 or (not tf.is_tensor(truncation_psi) and truncation_psi == 1):
            return ws
        truncated = self.w_avg + truncation_psi * (ws - self.w_avg)
        return tf.concat([truncated[:, :cutoff], ws[:, cutoff:]], axis=1)  # [N,num_ws,w_dim]

    def track_w(self, z, labels=None):
        """Moves the running mean of w as a pass in training does, without making images."""
        if self.has_w_avg:
            self._move_w_avg(self.mapping(z, labels))

    def _move_w_avg(self, w):
        batch_mean = tf.reduce_mean(tf.stop_gradient(w), axis=0)  # [w_dim]
        self.w_avg.assign(batch_mean + (self.w_avg - batch_mean) * self.options.w_avg_beta)
