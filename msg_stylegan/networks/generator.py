"""Generator of the MSG-GAN family: mapping, truncation, synthesis of all scales."""

import tensorflow as tf
from tensorflow import keras

from msg_stylegan.networks import ops
from msg_stylegan.networks.float32 import Float32
from msg_stylegan.networks.mapping import MappingNetwork
from msg_stylegan.networks.progan_synthesis import (
    STYLEGAN_OPTIONS,
    ProGANSynthesis,
    check_progan_options,
)
from msg_stylegan.networks.synthesis import SynthesisNetwork

Z_SPACES = ("normal", "sphere")

# Value of the option `synthesis` -> the network and its own options of the blocks.
SYNTHESES = {
    "stylegan": (SynthesisNetwork, (*STYLEGAN_OPTIONS, "nonlinearity", "equalized_lr")),
    "progan": (ProGANSynthesis, ("nonlinearity", "equalized_lr")),
}
# How replicas agree on a weight that each of them assigns; Keras 2 and 3 spell it differently.
_MEAN = "mean" if hasattr(keras, "ops") else tf.VariableAggregation.MEAN


@keras.utils.register_keras_serializable("msg_stylegan")
class Generator(Float32, keras.Model):
    """Generator whose every block gives an image.

    BMSG-GAN's generator is `progan_options.progan_generator_options`; NVIDIA's StyleGAN has
    `connect="none"`.

    Differs from the original: truncation is a call argument (the original had it off in training
    and validation and on elsewhere).

    Args:
        resolution: Side of the largest image, in pixels; a power of two of at least 8.
        num_channels: Channels of the images, 1 or 3.
        label_size: Size of the label vectors; 0 for an unconditional network.
        z_dim, w_dim: Sizes of z and w.
        mapping_layers, mapping_width, mapping_lr_multiplier, mapping_nonlinearity, normalize_z:
            See `MappingNetwork`.
        channel_base, channel_decay, channel_max: See `resolutions.channels`.
        nonlinearity, use_styles, use_noise, use_pixel_norm, use_instance_norm: See `Epilogue`.
        use_const_input, blur_filter: See `SynthesisBlock`.
        equalized_lr: See `EqualizedLayer`.
        w_avg_beta: Decay of the running mean of w per training pass. Only a ProGAN synthesis
            without mapping layers, which knows no w, has none: `w_avg` stays at zero.
        synthesis: "stylegan" (`SynthesisNetwork`), or "progan" (`ProGANSynthesis`) with the other
            options as in `progan_synthesis.STYLEGAN_OPTIONS`.
        z_space: Where z comes from: "normal" for standard normal numbers, "sphere" for such numbers
            scaled to the length sqrt(z_dim), which is what BMSG-GAN's scripts feed; see `place_z`.
        connect: Which blocks give an image, see `resolutions.connected_scales`.

    Call arguments:
        z: `[N, z_dim]`, standard normal. NumPy arrays are welcome.
        labels: `[N, label_size]`, or None when `label_size` is 0.
        truncation_psi: Distance of w from its mean relative to the untruncated distance; 1 for no
            truncation. Ignored in training.
        truncation_cutoff: Number of layers that are truncated, from the lowest resolution; None
            for all.
        noise_mode, noise_seed: See `Noise`.
        training: Whether this pass moves `w_avg`.

    Returns:
        List of images `[N, r, r, num_channels]`, one for each of `resolutions`, low to high, in
        about [-1, 1].

    Source:
        MSG-GAN, section 3; StyleGAN, section 2 and appendix B (truncation).
    """

    def __init__(
        self,
        resolution,
        num_channels,
        label_size,
        z_dim,
        w_dim,
        mapping_layers,
        mapping_width,
        mapping_lr_multiplier,
        mapping_nonlinearity,
        normalize_z,
        channel_base,
        channel_decay,
        channel_max,
        nonlinearity,
        equalized_lr,
        use_styles,
        use_noise,
        use_const_input,
        use_pixel_norm,
        use_instance_norm,
        blur_filter,
        w_avg_beta,
        synthesis,
        z_space,
        connect,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.resolution = resolution
        self.num_channels = num_channels
        self.label_size = label_size
        if z_space not in Z_SPACES:
            raise ValueError(f"Expected `z_space` out of {list(Z_SPACES)}. Received: {z_space!r}")
        self.z_dim = z_dim
        self.z_space = z_space
        self.w_dim = w_dim
        self.w_avg_beta = w_avg_beta
        options = {
            "resolution": resolution,
            "num_channels": num_channels,
            "label_size": label_size,
            "z_dim": z_dim,
            "w_dim": w_dim,
            "mapping_layers": mapping_layers,
            "mapping_width": mapping_width,
            "mapping_lr_multiplier": mapping_lr_multiplier,
            "mapping_nonlinearity": mapping_nonlinearity,
            "normalize_z": normalize_z,
            "channel_base": channel_base,
            "channel_decay": channel_decay,
            "channel_max": channel_max,
            "nonlinearity": nonlinearity,
            "equalized_lr": equalized_lr,
            "use_styles": use_styles,
            "use_noise": use_noise,
            "use_const_input": use_const_input,
            "use_pixel_norm": use_pixel_norm,
            "use_instance_norm": use_instance_norm,
            "blur_filter": list(blur_filter),
            "w_avg_beta": w_avg_beta,
            "synthesis": synthesis,
            "z_space": z_space,
            "connect": connect,
        }
        self.options = options
        self.has_mapping = mapping_layers > 0
        self.has_w_avg = self.has_mapping or synthesis != "progan"
        self.mapping = MappingNetwork(
            z_dim=z_dim,
            w_dim=w_dim,
            label_size=label_size,
            num_layers=mapping_layers,
            width=mapping_width,
            lr_multiplier=mapping_lr_multiplier,
            nonlinearity=mapping_nonlinearity,
            normalize_z=normalize_z,
            equalized_lr=equalized_lr,
            name="mapping",
        )
        self.synthesis = _make_synthesis(options)

    @property
    def resolutions(self):
        """Sides of the images, low to high."""
        return self.synthesis.resolutions

    def place_z(self, z):
        """Moves standard normal numbers, `[N, z_dim]`, to the z that the network was made for."""
        return ops.pixel_norm(z) if self.z_space == "sphere" else z

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
            aggregation=_MEAN,
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
        training=False,
    ):
        # Keras takes nothing but tensors by position, not even None; the public use does.
        if not self.built:
            self.build()
        return super().__call__(
            tf.convert_to_tensor(z),
            labels=labels,
            truncation_psi=truncation_psi,
            truncation_cutoff=truncation_cutoff,
            noise_mode=noise_mode,
            noise_seed=noise_seed,
            training=training,
        )

    def call(self, z, labels, truncation_psi, truncation_cutoff, noise_mode, noise_seed, training):
        w = self.mapping(z, labels)
        ws = self.broadcast(w)
        if training and self.has_w_avg:
            self._move_w_avg(w)
        elif not training:
            ws = self.truncate(ws, truncation_psi, truncation_cutoff)
        return self.synthesis(ws, noise_mode=noise_mode, noise_seed=noise_seed)

    def broadcast(self, w):
        """Repeats `w` for every layer: `[N, w_dim]` -> `[N, num_ws, w_dim]`."""
        return tf.repeat(w[:, None], self.num_ws, axis=1)

    def truncate(self, ws, truncation_psi, truncation_cutoff=None):
        """Pulls the first `truncation_cutoff` layers (None for all) of `ws` towards `w_avg`."""
        cutoff = self.num_ws if truncation_cutoff is None else truncation_cutoff
        if cutoff <= 0 or (not tf.is_tensor(truncation_psi) and truncation_psi == 1):
            return ws
        truncated = self.w_avg + truncation_psi * (ws - self.w_avg)
        return tf.concat([truncated[:, :cutoff], ws[:, cutoff:]], axis=1)  # [N,num_ws,w_dim]

    def _move_w_avg(self, w):
        batch_mean = tf.reduce_mean(tf.stop_gradient(w), axis=0)  # [w_dim]
        self.w_avg.assign(batch_mean + (self.w_avg - batch_mean) * self.w_avg_beta)

    def get_config(self):
        return {"name": self.name, **self.options}

    def get_build_config(self):
        return {"input_shape": None}

    def build_from_config(self, config):
        self.build()


def _make_synthesis(options):
    """The synthesis network that the options of a `Generator` describe."""
    kind = options["synthesis"]
    if kind not in SYNTHESES:
        raise ValueError(f"Expected `synthesis` out of {list(SYNTHESES)}. Received: {kind!r}")
    if kind == "progan":
        check_progan_options(options)
    network, block_options = SYNTHESES[kind]
    names = ("resolution", "num_channels", "channel_base", "channel_decay", "channel_max", "w_dim")
    return network(
        **{name: options[name] for name in (*names, "connect")},
        block_options={name: options[name] for name in block_options},
        name="synthesis",
    )
