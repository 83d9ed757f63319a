"""The network that a command draws with, and the images of its seeds."""

import sys
from pathlib import Path

from msg_stylegan.files import sha256_of_file
from msg_stylegan.generation.arguments import BOTH, DOMAINS
from msg_stylegan.generation.sample import Look, Sample, SeedPoint
from msg_stylegan.generation.walk import Walk
from msg_stylegan.pictures.sheets import save_image, side_by_side
from msg_stylegan.sampling.label_table import label_table
from msg_stylegan.sampling.sampler import SingleSampler, default_psi, latents_of_seeds

# What starts TensorFlow is imported where it is needed: help and mistakes need not wait for it.


class SeedImages:
    """Images that belong to seeds, drawn as the options of `add_seed_arguments` say.

    They are drawn one at a time, so that the image of a seed is the same, to the last bit, whatever
    other seeds are asked for.

    Attributes:
        G: The generator.
        resolutions: Sides of the images that are drawn, low to high.
        label_table: `LabelTable` of the labels that are drawn.
        look: `Look` of all images.
        network_facts: What a picture tells about the file of the network.
    """

    def __init__(self, args, scales="all", noise_maps=None, opened=None):
        """Opens the networks.

        Args:
            args: Parsed options.
            scales: "all", "alternate", "top", a size, or a list of sizes.
            noise_maps: List of float32 `[r, r]` to draw with; None or empty for the stored ones.
            opened: What `open_generator` returns, if it is open already.

        Raises:
            ValueError: As `open_generator`, or `--noise_seed` without random noise.
        """
        from msg_stylegan.projection import generator_with_noise_maps

        if args.noise_seed is not None and args.noise_mode != "random":
            raise ValueError("--noise_seed needs --noise_mode random.")
        self._outdir = args.outdir
        # The file is read whole for its hash: once, not for each picture.
        G, self.label_table, self.network_facts = opened or open_generator(args)
        self.look = Look(
            default_psi(G) if args.truncation_psi is None else args.truncation_psi,
            args.default_cutoff if args.truncation_cutoff is None else args.truncation_cutoff,
            args.noise_mode,
            args.noise_seed,
        )
        self.G = generator_with_noise_maps(G, noise_maps)
        self._sampler = SingleSampler(self.G, choose_scales(scales, G.resolutions))
        self.resolutions = self._sampler.resolutions

    def sample(self, seed, edits=()):
        """`Sample` of a seed."""
        return Sample(SeedPoint(seed), self.look, edits=tuple(edits))

    def images_of(self, sample):
        """Image of a `Sample` at every scale: list of uint8 arrays `[1, r, r, C]`, low to high."""
        return sample.images(self._sampler, self.label_table)

    def save_sample(self, sample, path):
        """Writes the highest scale of a `Sample` as PNG."""
        facts = {**self.network_facts, **sample.facts(self.label_table)}
        save_image(self.images_of(sample)[-1][0], path, facts)

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

    def walk(self, samples, **options):
        """`Walk` through `Sample`s; options as there."""
        return Walk(samples, self._sampler, self.label_table, **options)

    def z(self, seed):
        """Latent of a seed, float32 `[1, z_dim]`."""
        return latents_of_seeds(self.G, [seed])

    def labels(self, seed):
        """Label of a seed, float32 `[1, label_size]`; None for a network without labels."""
        return self.label_table.of_seeds([seed])

    def ws(self, seed):
        """Truncated w of a seed for every layer, float32 `[1, num_ws, w_dim]`."""
        return self.map(self.z(seed), self.labels(seed))

    def map(self, z, labels, truncation_psi=None):
        """Truncated w of a latent for every layer, float32 `[1, num_ws, w_dim]`.

        Args:
            z: float32 `[1, z_dim]`.
            labels: float32 `[1, label_size]`, or None for an unconditional generator.
            truncation_psi: Instead of that of the options.
        """
        psi = self.look.truncation_psi if truncation_psi is None else truncation_psi
        ws = self._sampler.map(z, labels)
        return self._sampler.truncate(ws, psi, self.look.truncation_cutoff)

    def draw(self, ws, seed, noise_number=0):
        """Image of a w at every scale, with the noise of a seed; see `SingleSampler.draw`."""
        seed = self.look.seed_of_noise(seed)
        return self._sampler.draw(ws, self.look.noise_mode, seed, noise_number)

    def metadata(self, seeds, facts=None):
        """Facts to be stored in a picture of these seeds.

        Args:
            seeds: Seeds of the picture.
            facts: Dictionary of more of them: the options of the command.
        """
        of_seeds = self.look.facts_of_seeds(seeds, self.label_table)
        return {**self.network_facts, **self.look.facts(), **of_seeds, **(facts or {})}

    def save(self, picture, name, seeds, facts=None):
        """Writes a picture of these seeds to OUTDIR and prints its path.

        Args:
            picture: uint8 `[H, W, C]`.
            name: Name of the file, ending in `.png`.
            seeds: Seeds of the picture.
            facts: Dictionary of the options of the command, to be stored in it.
        """
        path = self._outdir / name
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
    both = open_pair(args, *open_networks(args))
    return [SeedImages(args, scales, opened=opened) for opened in both]


def open_pair(args, nets, path, facts):
    """What `open_generator` returns, for each domain of a pair.

    Args:
        args: Parsed options of `add_label_arguments`.
        nets: `Networks` of the pair.
        path: Their file, for messages.
        facts: Facts about the file for pictures.

    Raises:
        ValueError: There is no generator, or a label was chosen for domains whose labels differ.
    """
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
        (G, table, {**facts, "domain": name})
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
