"""The network that a command draws with, and the images of its seeds."""

from pathlib import Path

from msg_stylegan.files import sha256_of_file
from msg_stylegan.generation.arguments import (
    argument,
    finite,
    not_negative,
    parse_seeds,
    positive,
)
from msg_stylegan.generation.label_options import add_label_arguments, chosen_labels
from msg_stylegan.generation.scale_choice import choose_scales

# What starts TensorFlow is imported where it is needed: help and mistakes need not wait for it.


def add_network_arguments(parser):
    """Options of every command that opens a network. The entrance sets `result_dir`."""
    parser.add_argument(
        "--network",
        required=True,
        metavar="FILE|RUN",
        help='file of networks, or run (its newest snapshot): its folder, its number or "latest"',
    )
    parser.add_argument(
        "--result_dir", metavar="DIR", help="folder of the runs (default: %(default)s)"
    )


def add_outdir_argument(parser):
    """Option of every command that writes pictures."""
    parser.add_argument(
        "--outdir", required=True, type=Path, metavar="DIR", help="folder for the pictures"
    )


def add_seed_arguments(
    parser,
    *,
    seeds="one image for each",
    cutoff=8,
    noise_mode="const",
    required=True,
    one_label=True,
):
    """Options of every command that draws the images of seeds: `SeedImages` reads them.

    Args:
        parser: Parser of the command.
        seeds: What the command does with the seeds.
        cutoff: Default of `--truncation_cutoff`; None for all layers.
        noise_mode: Default of `--noise_mode`.
        required: Whether the seeds must be given.
        one_label: Whether the command has the options `--class` and `--label`.
    """
    add_network_arguments(parser)
    parser.add_argument(
        "--seeds",
        required=required,
        type=argument(parse_seeds),
        help=f"{seeds}, such as 0-31,77",
    )
    if one_label:
        add_label_arguments(parser, "all images", "drawn by the seed")
    else:
        parser.set_defaults(label_class=None, label=None)
    parser.add_argument(
        "--truncation_psi",
        type=argument(finite),
        metavar="PSI",
        help="less than 1 trades variety for quality (default: 0.7; 1 for a network without a "
        "mapping network)",
    )
    parser.add_argument(
        "--truncation_cutoff",
        type=argument(not_negative),
        default=cutoff,
        metavar="LAYERS",
        help="number of layers that are truncated, from the lowest resolution "
        f"(default: {'all' if cutoff is None else cutoff})",
    )
    parser.add_argument(
        "--noise_mode",
        choices=("const", "random", "none"),
        default=noise_mode,
        help="noise inputs: the stored ones, drawn by the seed, or none (default: %(default)s)",
    )
    add_outdir_argument(parser)


def add_scale_argument(parser):
    """Option of commands that draw one scale."""
    parser.add_argument(
        "--scale",
        type=argument(positive),
        metavar="PIXELS",
        help="size of the images, one of the scales of the network (default: the largest)",
    )


class SeedImages:
    """Images that belong to seeds, drawn as the options of `add_seed_arguments` say.

    They are drawn one at a time, so that the image of a seed is the same, to the last bit, whatever
    other seeds are asked for.

    Attributes:
        G: The generator.
        label_table: `LabelTable` of the labels that are drawn.
        network_facts: Dictionary, see the function of this name.
        resolutions: Sides of the images that are drawn, low to high.
        truncation_psi: The option, or what it is by default for this network.
    """

    def __init__(self, args, scales="all", noise_maps=None):
        """Opens the networks.

        Args:
            args: Parsed options.
            scales: Scales to draw, see `choose_scales`.
            noise_maps: See `generator_with_noise_maps`.
        """
        from msg_stylegan.pretrained import find_network_file
        from msg_stylegan.projection import generator_with_noise_maps
        from msg_stylegan.sampling.sampler import Mapper, WsSampler, default_psi

        self._args = args
        network_file = find_network_file(args.network, args.result_dir)
        G, info = load_generator(network_file)
        self.G = generator_with_noise_maps(G, noise_maps)
        # The file is read whole for them: once, not for each picture.
        self.network_facts = network_facts(network_file)
        self.label_table = chosen_labels(args, self.G, info)
        self.resolutions = choose_scales(scales, self.G.resolutions)
        self._sampler = WsSampler(self.G, resolutions=self.resolutions, noise_mode=args.noise_mode)
        self._mapper = Mapper(self.G)
        self.truncation_psi = args.truncation_psi
        if self.truncation_psi is None:
            self.truncation_psi = default_psi(self.G)

    def images(self, seed, shift=None):
        """Image of a seed at every scale.

        Args:
            seed: Whole number, see `parse_seeds`.
            shift: Added to w after truncation: float32 `[num_ws or 1, w_dim]`, or None.

        Returns:
            List of uint8 arrays `[1, r, r, C]`, one per scale, low to high.
        """
        ws = self.ws(seed)
        return self.draw(ws if shift is None else ws + shift, seed)

    def draw(self, ws, noise_seed, noise_number=0):
        """Image of a w at every scale.

        Args:
            ws: float32 `[1, num_ws, w_dim]`.
            noise_seed: Seed of the noise, used with `--noise_mode random`.
            noise_number: Which noise of this seed; 0 for that of `images`.

        Returns:
            As `images`.
        """
        return self._sampler(ws, seed=noise_seed, start=noise_number)

    def z(self, seed):
        """Latent of a seed, float32 `[1, z_dim]`."""
        from msg_stylegan.sampling.sampler import latents_of_seeds

        return latents_of_seeds(self.G, [seed])

    def labels(self, seed):
        """Label of a seed, float32 `[1, label_size]`; None for a network without labels."""
        return self.label_table.of_seeds([seed])

    def ws(self, seed):
        """Truncated w of a seed for every layer, float32 `[1, num_ws, w_dim]`."""
        return self.map(self.z(seed), self.labels(seed))

    def map(self, z, labels=None, truncation_psi=None):
        """W of a latent for every layer.

        Args:
            z: float32 `[1, z_dim]`.
            labels: float32 `[1, label_size]`, or None.
            truncation_psi: Instead of the option.

        Returns:
            float32 `[1, num_ws, w_dim]`, truncated.
        """
        psi = self.truncation_psi if truncation_psi is None else truncation_psi
        return self._mapper(z, labels, psi, self._args.truncation_cutoff)

    def metadata(self, seeds, facts=None):
        """Facts to be stored in a picture of these seeds.

        Args:
            seeds: Seeds of the picture; empty for that of a projection.
            facts: Dictionary of more of them: the options of the command.
        """
        result = {**self.network_facts, "noise_mode": self._args.noise_mode}
        if seeds:
            result |= {
                "seed": ",".join(map(str, seeds)),
                "truncation_psi": self.truncation_psi,
                "truncation_cutoff": self._args.truncation_cutoff,
                **self.label_table.metadata(seeds),
            }
        return {**result, **(facts or {})}


def load_generator(path):
    """The generator of a file of networks, the moving average if there is one, and its info."""
    from msg_stylegan.pretrained import load_networks

    nets = load_networks(path)
    G = nets.G_ema if nets.G_ema is not None else nets.G
    if G is None:
        raise ValueError(f"{path} holds no generator to draw with.")
    return G, nets.info


def check_noise_inputs(G):
    """Refuses a network without noise inputs."""
    if not G.options["use_noise"]:
        raise ValueError("This network has no noise inputs: there is nothing to vary.")


def network_facts(path):
    """What a picture tells about the file of its network: its name and the start of its hash."""
    return {"network": Path(path).name, "network_sha256": sha256_of_file(path)[:16]}
