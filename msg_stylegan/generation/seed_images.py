"""The network that a command draws with, and the images of its seeds."""

import sys
from pathlib import Path

from msg_stylegan.files import sha256_of_file
from msg_stylegan.generation.arguments import BOTH, DOMAINS
from msg_stylegan.pictures.sheets import save_image, side_by_side
from msg_stylegan.sampling.label_table import label_table
from msg_stylegan.sampling.sampler import SingleSampler, latents_of_seeds

# What starts TensorFlow is imported where it is needed: help and mistakes need not wait for it.


class SeedImages(SingleSampler):
    """Images that belong to seeds, drawn as the options of `add_seed_arguments` say.

    They are drawn one at a time, so that the image of a seed is the same, to the last bit, whatever
    other seeds are asked for.

    Attributes:
        label_table: `LabelTable` of the labels that are drawn.
        network_facts: What a picture tells about the file of the network.
    """

    def __init__(self, args, scales="all", noise_maps=None, opened=None):
        """Opens the networks.

        Args:
            args: Parsed options.
            scales: "all", "alternate", "top", a size, or a list of sizes.
            noise_maps: List of float32 `[r, r]` to draw with; None or empty for the stored ones.
            opened: What `open_generator` returns, if it is open already.
        """
        from msg_stylegan.projection import generator_with_noise_maps

        self._args = args
        # The file is read whole for its hash: once, not for each picture.
        G, self.label_table, self.network_facts = opened or open_generator(args)
        super().__init__(
            generator_with_noise_maps(G, noise_maps),
            choose_scales(scales, G.resolutions),
            truncation_psi=args.truncation_psi,
            truncation_cutoff=args.truncation_cutoff,
            noise_mode=args.noise_mode,
        )

    def images(self, seed, shift=None):
        """Image of a seed at every scale.

        Args:
            seed: Whole number from 0 to 2**32 - 1.
            shift: Added to w after truncation: float32 `[num_ws or 1, w_dim]`, or None.

        Returns:
            List of uint8 arrays `[1, r, r, C]`, one per scale, low to high.
        """
        ws = self.ws(seed)
        return self.draw(ws if shift is None else ws + shift, seed)

    def z(self, seed):
        """Latent of a seed, float32 `[1, z_dim]`."""
        return latents_of_seeds(self.G, [seed])

    def labels(self, seed):
        """Label of a seed, float32 `[1, label_size]`; None for a network without labels."""
        return self.label_table.of_seeds([seed])

    def ws(self, seed):
        """Truncated w of a seed for every layer, float32 `[1, num_ws, w_dim]`."""
        return self.map(self.z(seed), self.labels(seed))

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

    def save(self, picture, name, seeds, facts=None):
        """Writes a picture of these seeds to OUTDIR and prints its path.

        Args:
            picture: uint8 `[H, W, C]`.
            name: Name of the file, ending in `.png`.
            seeds: Seeds of the picture; empty for that of a projection.
            facts: Dictionary of the options of the command, to be stored in it.
        """
        path = self._args.outdir / name
        save_image(picture, path, self.metadata(seeds, facts))
        print(path)


def open_generator(args):
    """Opens the generator of the file or run that the options name.

    Args:
        args: Parsed options of `add_network_arguments` and `add_label_arguments`.

    Returns:
        Tuple of the generator (the moving average, if there is one), the `LabelTable` that the
        options choose, and a dictionary of facts about the file for pictures.

    Raises:
        ValueError: The file has no generator, or the network has no such labels.
    """
    nets, path, facts = open_networks(args)
    G = generator_of(nets, path)
    return G, chosen_labels(args, G, nets.info), facts


def generator_of(nets, path):
    """The generator to draw with: the moving average, if there is one.

    Args:
        nets: `Networks` of one domain.
        path: Their file, for the message.

    Raises:
        ValueError: There is no generator.
    """
    G = nets.G_ema if nets.G_ema is not None else nets.G
    if G is None:
        raise ValueError(f"{path} has no generator to draw with.")
    return G


def open_seed_images(args, scales="all"):
    """`SeedImages` of each domain that `--domain` names: a list of one or two.

    Images of a seed have the same latent, the same noise and, if labels of both domains are of the
    same size, the label that it has in domain A.

    Raises:
        ValueError: As `open_generator`; there is no pair; or a label was chosen for domains whose
            labels differ.
    """
    if args.domain != BOTH:
        return [SeedImages(args, scales)]
    nets, path, facts = open_networks(args)
    domains = {name: nets.of_domain(name) for name in DOMAINS}
    generators = [generator_of(domain, path) for domain in domains.values()]
    if len({G.label_size for G in generators}) == 1:
        tables = [chosen_labels(args, generators[0], domains["a"].info)] * 2
    elif args.label_class is None and args.label is None:
        pairs = zip(generators, domains.values(), strict=True)
        tables = [chosen_labels(args, G, domain.info) for G, domain in pairs]
    else:
        sizes = " and ".join(str(G.label_size) for G in generators)
        raise ValueError(
            "--class and --label need labels that both domains have. Those of these networks have "
            f"{sizes} numbers."
        )
    return [
        SeedImages(args, scales, opened=(G, table, {**facts, "domain": name}))
        for G, table, name in zip(generators, tables, DOMAINS, strict=True)
    ]


def side_by_side_scales(*of_domains):
    """Images of several domains next to each other at every scale, see `sheets.side_by_side`.

    Args:
        *of_domains: For each domain a list of uint8 `[N, r, r, C]`, one per scale.
    """
    return [side_by_side(*scale) for scale in zip(*of_domains, strict=True)]


def open_networks(args):
    """Networks of the domain and the file or run that the options name, its path, and facts.

    Raises:
        ValueError: There is no such domain.
    """
    from msg_stylegan.pretrained import find_network_file, load_networks

    path = Path(find_network_file(args.network, args.result_dir))
    facts = {"network": path.name, "network_sha256": sha256_of_file(path)[:16]}
    nets = load_networks(path, None if args.domain == BOTH else args.domain)
    if args.domain == BOTH and not nets.is_pair:
        raise ValueError(f"{path}: the networks are not those of a pair. There is one domain only.")
    if "domain" in nets.info:
        facts["domain"] = nets.info["domain"]
    return nets, path, facts


def chosen_labels(args, network, info):
    """The labels that the options choose for a network.

    Args:
        args: Parsed options `label_class` and `label`.
        network: Generator or discriminator.
        info: `Networks.info` of its file.

    Returns:
        `LabelTable`. The user has been told what is not known about the labels.

    Raises:
        ValueError: The network has no such labels.
    """
    table = label_table(network, info).chosen(args.label_class, args.label)
    if table.notice:
        print(f"notice: {table.notice} --label gives another label.", file=sys.stderr)
    return table


def choose_scales(choice, available):
    """The scales that are meant.

    Args:
        choice: "all", "alternate", "top" (or None), a size, or a list of sizes.
        available: Sizes that a network makes, low to high.

    Returns:
        List of sizes, low to high. Those of a list are not checked.
    """
    if choice == "all":
        return available
    if choice == "alternate":
        return available[::-2][::-1]
    if choice in ("top", None):
        return available[-1:]
    return sorted([choice] if isinstance(choice, int) else choice)


def check_noise_inputs(G):
    """Refuses a network without noise inputs."""
    if not G.options.use_noise:
        raise ValueError("This network has no noise inputs: there is nothing to vary.")
