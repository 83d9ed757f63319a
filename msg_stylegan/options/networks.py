"""Options of the two networks, what follows from them, and which do not go together.

Importable without TensorFlow.
"""

import dataclasses
from dataclasses import dataclass

from msg_stylegan.option import Rule, at_least, between, greater_than, one_of, option
from msg_stylegan.resolutions import COMBINE_NAMES, channel_counts, discriminator_channels, scales

_NONLINEARITY = one_of("lrelu", "relu")
_TAPS = Rule(
    "must be empty or an odd number of taps whose sum is not 0",
    lambda taps: not taps or (len(taps) % 2 == 1 and sum(taps) != 0),
)
# Values of the options of StyleGAN's blocks where there are none.
_PROGAN_SYNTHESIS = {
    "use_styles": False,
    "use_noise": False,
    "use_const_input": False,
    "use_pixel_norm": True,
    "use_instance_norm": False,
    "blur_filter": (),
}
# The same where w scales the kernels of the convolutions.
_STYLEGAN2_SYNTHESIS = {
    "use_styles": True,
    "use_const_input": True,
    "use_pixel_norm": False,
    "use_instance_norm": False,
}
_OF_BODY = {"progan": _PROGAN_SYNTHESIS, "stylegan2": _STYLEGAN2_SYNTHESIS}
# Sides of the images for which Soft-CoGAN has networks.
_SCOGAN_RESOLUTIONS = (32, 128, 256)
# Its networks have fixed channels and nonlinearities: what follows from the body in both.
_SCOGAN = {
    "channel_base": 8192,
    "channel_decay": 1.0,
    "channel_max": 512,
    "nonlinearity": "lrelu",
    "equalized_lr": False,
    "blur_filter": (),
}
_SCOGAN_GENERATOR = {
    **_SCOGAN,
    "mapping_layers": 0,
    "mapping_width": 512,
    "mapping_lr_multiplier": 0.01,
    "mapping_nonlinearity": "lrelu",
    "normalize_z": False,
    **{name: False for name in _PROGAN_SYNTHESIS if name.startswith("use_")},
}
_SCOGAN_DISCRIMINATOR = {
    **_SCOGAN,
    "combine": "cat_lin",
    "mbstd_group_size": 0,
    "mbstd_num_channels": 1,
    "mbstd_blocks": "all",
}


@dataclass(frozen=True)
class NetworkOptions:
    """Options that both networks have, and what follows from them."""

    decides_networks = True

    channel_base: int = option(
        8192,
        "Channels at side 2^r: channel_base / 2^((r - 1) * channel_decay), at most channel_max.",
        at_least(1),
    )
    channel_decay: float = option(
        1.0,
        "How fast the channels shrink with the resolution: 1 = halved at every doubling, 0 = "
        "constant.",
        at_least(0),
    )
    channel_max: int = option(512, "Most channels that a layer may have.", at_least(1))
    nonlinearity: str = option("lrelu", "Nonlinearity of the blocks: lrelu or relu.", _NONLINEARITY)
    equalized_lr: bool = option(
        True,
        "Scale the weights at run time instead of at initialisation (equalized learning rate).",
    )
    weight_init: str = option(
        "normal",
        "Initial weights of a body scogan: normal with a standard deviation of 0.02, xavier "
        "(uniform) or he (normal).",
        one_of("normal", "xavier", "he"),
    )

    def implied(self, data):
        """What follows from other options: a dict of the name of a cause to names and values.

        Args:
            data: `Interface`.
        """
        raise NotImplementedError

    def resolved(self, data):
        """The options with the values that follow from others."""
        return dataclasses.replace(
            self,
            **{name: v for values in self.implied(data).values() for name, v in values.items()},
        )

    def unresolved(self, data):
        """The options with defaults for what follows from others, as for other data."""
        defaults = {field.name: field.default for field in dataclasses.fields(self)}
        names = {name for values in self.implied(data).values() for name in values}
        return dataclasses.replace(self, **{name: defaults[name] for name in names})

    def problems(self, data):
        """Contradictions, as a list of lines: name, value and rule.

        Args:
            data: `Interface`. Its resolution is 0 where it is not known yet, its number of
                channels 0 where the data set is not known yet.
        """
        defaults = {field.name: field.default for field in dataclasses.fields(self)}
        problems = [
            f"{self.prefix}{name}={getattr(self, name)!r}: must be {value!r}, or left out, with "
            f"{self.prefix}{cause}={getattr(self, cause)!r}"
            for cause, values in (self.implied(data) if data.num_channels else {}).items()
            for name, value in values.items()
            if getattr(self, name) not in (defaults[name], value)
        ]
        if self.body == "scogan":
            problems += self._scogan_problems(data)
        if data.resolution:
            sides = scales(data.resolution)
            problems += [
                f"{self.prefix}channel_base={self.channel_base}: leaves no channel at {side}x{side}"
                for side, count in zip(sides, channel_counts(len(sides), self)[1:], strict=True)
                if count < 1
            ]
        return problems

    def _scogan_problems(self, data):
        problems = []
        body = f"{self.prefix}body='scogan'"
        if data.resolution and data.resolution not in _SCOGAN_RESOLUTIONS:
            problems.append(
                f"{body}: the images must have 32, 128 or 256 pixels on a side, not "
                f"{data.resolution}; see dataset.resolution"
            )
        if data.connect != "none":
            problems.append(
                f"connect={data.connect!r}: must be 'none' with {body}, which has images of the "
                "full resolution only"
            )
        return problems


@dataclass(frozen=True)
class GeneratorOptions(NetworkOptions):
    """Mapping and synthesis network."""

    prefix = "generator."

    z_dim: int = option(512, "Components of the input latent z.", at_least(1))
    z_space: str = option(
        "normal",
        "Where z comes from: normal, sphere for normal numbers scaled to the length "
        "sqrt(z_dim), or uniform for numbers from -1 to 1.",
        one_of("normal", "sphere", "uniform"),
    )
    w_dim: int = option(
        512,
        "Components of the intermediate latent w. Without mapping layers w is z (with the "
        "embedded label behind it, which makes it twice as long), and 512 stands for its size.",
        at_least(1),
    )
    mapping_layers: int = option(8, "Dense layers of the mapping network, 0 for none.", at_least(0))
    mapping_width: int = option(
        512,
        "Units of every mapping layer but the last, which has `w_dim`.",
        at_least(1),
    )
    mapping_lr_multiplier: float = option(
        0.01,
        "Learning rate of the mapping network relative to the rest.",
        greater_than(0),
    )
    mapping_nonlinearity: str = option(
        "lrelu",
        "Nonlinearity of the mapping network: lrelu or relu.",
        _NONLINEARITY,
    )
    normalize_z: bool = option(
        True,
        "Normalise z (with the embedded label) to unit mean square before the mapping network.",
    )
    body: str = option(
        "stylegan",
        "Blocks of the synthesis network: stylegan; stylegan2 for styles that scale the kernels of "
        "convolutions instead of activations; progan for pixel norms instead of styles, noise and "
        "constant input; or scogan for those of Soft-CoGAN, of 32x32, 128x128 and 256x256. With "
        "stylegan2, the options from use_styles to use_instance_norm follow from it but for "
        "use_noise; with progan all to blur_filter; with scogan all but z_dim, z_space and "
        "weight_init.",
        one_of("stylegan", "stylegan2", "progan", "scogan"),
        formerly=("generator.synthesis",),
    )
    use_styles: bool = option(
        True,
        "Let w modulate every layer. Off: w enters at the 4x4 level only.",
    )
    use_noise: bool = option(True, "Add per-pixel noise after every convolution.")
    use_const_input: bool = option(
        True,
        "Start from a learned 4x4 constant. Off: from a dense layer on w.",
    )
    use_pixel_norm: bool = option(
        False,
        "Normalise every pixel over its channels after each nonlinearity.",
    )
    use_instance_norm: bool = option(
        True,
        "Normalise every channel over its pixels after each nonlinearity.",
    )
    blur_filter: tuple[float, ...] = option(
        (1.0, 2.0, 1.0),
        "Taps of the separable low-pass filter after upsampling, an odd number of them. Empty = "
        "off.",
        _TAPS,
    )
    w_avg_beta: float = option(
        0.995,
        "Decay of the running mean of w, per evaluation in training. 1 = it stays as it is.",
        between(0, 1),
        decides_networks=False,
    )

    @property
    def smallest_features(self):
        """Side of the first activations that a coupling can compare."""
        return 8 if self.body == "scogan" else 4

    def training_problems(self, data):
        """Why networks that are possible should not be trained: a list of lines.

        Args:
            data: `Interface`.
        """
        options = self.resolved(data)
        if options.use_styles or not options.use_const_input:
            return []
        return [
            "generator.use_styles=False: needs generator.use_const_input=False, or the images do "
            "not depend on the latent"
        ]

    def implied(self, data):
        # Without a mapping w is what enters: z, and the embedded label of the same size.
        input_dim = {"w_dim": self.z_dim * (2 if data.label_size else 1)}
        if self.body == "scogan":
            return {"body": {**_SCOGAN_GENERATOR, **input_dim}}
        of_body = _OF_BODY.get(self.body, {})
        implied = {"body": {"weight_init": "normal", **of_body}}
        if self.mapping_layers == 0:
            implied["mapping_layers"] = input_dim
        return implied


@dataclass(frozen=True)
class DiscriminatorOptions(NetworkOptions):
    """Multi-scale discriminator."""

    prefix = "discriminator."

    combine: str = option(
        "cat_lin",
        "How a block joins the activation with the image of its scale: cat_lin, lin_cat or simple.",
        one_of(*COMBINE_NAMES),
    )
    body: str = option(
        "stylegan",
        "What follows in a block: stylegan; residual for StyleGAN2's, in which a convolution "
        "bypasses the others; progan for means after the nonlinearity and no blur, from which "
        "blur_filter follows; or scogan for Soft-CoGAN's discriminator, of 32x32, 128x128 and "
        "256x256, from which all but norm and weight_init follows.",
        one_of("stylegan", "residual", "progan", "scogan"),
    )
    norm: str = option(
        "batch",
        "Norm of a body scogan from 128x128 on: batch, or layer over the channels of a pixel.",
        one_of("batch", "layer"),
    )
    blur_filter: tuple[float, ...] = option(
        (1.0, 2.0, 1.0),
        "Taps of the separable low-pass filter before downsampling, an odd number of them. "
        "Empty = off.",
        _TAPS,
    )
    mbstd_group_size: int = option(
        4,
        "Images over which the minibatch standard deviation is taken. 0 or 1 = off, -1 = all "
        "images of the batch on the device.",
        at_least(-1),
    )
    mbstd_num_channels: int = option(
        1,
        "Channels that it adds to a block. Must divide the channels of the block.",
        at_least(1),
    )
    mbstd_blocks: str = option(
        "all",
        "Blocks that have it: all, or last for the one of 4x4.",
        one_of("all", "last"),
    )

    def implied(self, data):
        if self.body == "scogan":
            return {"body": _SCOGAN_DISCRIMINATOR}
        of_body = {"blur_filter": ()} if self.body == "progan" else {}
        return {"body": {"weight_init": "normal", "norm": "batch", **of_body}}

    def problems(self, data):
        return super().problems(data) or self._block_problems(data)

    def _block_problems(self, data):
        if not data.resolution or data.problems() or self.body == "scogan":
            return []
        problems = []
        for block in discriminator_channels(self, data):
            where = f"{block.resolution}x{block.resolution}"
            if block.combine == "lin_cat" and block.inside < 2:
                problems.append(
                    f"discriminator.combine='lin_cat': needs 2 channels at {where}, and "
                    f"discriminator.channel_base={self.channel_base} leaves {block.inside}"
                )
            # The channels of the images, which phi_simple adds, are 0 where they are not known.
            is_known = data.num_channels or block.combine != "simple"
            has_stddev = self.uses_mbstd(block.resolution) and is_known
            if has_stddev and block.joined % self.mbstd_num_channels:
                problems.append(
                    f"discriminator.mbstd_num_channels={self.mbstd_num_channels}: must divide the "
                    f"{block.joined} channels at {where}"
                )
        return problems

    def batch_problem(self, batch_size):
        """Why a device cannot take so many images, or None."""
        group = 0 if self.body == "scogan" else self.mbstd_group_size
        if group > 1 and batch_size > group and batch_size % group:
            return (
                f"the {batch_size} images of a replica must be a multiple of "
                f"discriminator.mbstd_group_size={group}, or fewer, because each replica computes "
                "its own minibatch stddev"
            )
        return None

    def uses_mbstd(self, resolution):
        """Whether the block of a resolution appends the minibatch stddev."""
        is_here = self.mbstd_blocks == "all" or resolution == 4
        return is_here and self.mbstd_group_size not in (0, 1)
