"""Given images in the other domain of a pair of networks.

Searches the latent of each image in its own domain (--domain) and draws it in the other one. Writes
a folder OUTDIR/NAME for each image: 0032.png and so on for the scales of the translation,
comparison.png (the scales of the image, below them those of what its own domain draws of the
latent, below them the translation) and projection.npz (the latent). The errors of what its own
domain draws are in OUTDIR/translations.json. Ctrl-C ends the search and keeps what has been found
for the current image.

The search is for z, because it is what both domains have in common: a w belongs to the mapping
network of one domain. Where the domains share their mapping network, --space w and w+ come closer.
Noise maps stay as they are: they would take details of the image that the latent should explain,
and that mean nothing in the other domain.
"""

import numpy as np

from msg_stylegan.generation.arguments import (
    BOTH,
    DOMAINS,
    add_choice_argument,
    add_network_arguments,
    not_negative,
)
from msg_stylegan.generation.inversion import (
    Search,
    Targets,
    add_search_arguments,
    make_projector,
    zoom_of,
)
from msg_stylegan.generation.seed_images import chosen_labels, generator_of, open_networks
from msg_stylegan.pictures.sheets import scale_sheet, side_by_side
from msg_stylegan.sampling.sampler import to_uint8


def add_arguments(parser):
    parser.add_argument(
        "images",
        nargs="+",
        metavar="IMAGE",
        help="images, or folders of images; the middle square is resized to fit the network",
    )
    # The networks of both domains are opened.
    add_network_arguments(parser, (BOTH,))
    parser.add_argument(
        "--domain",
        dest="source",
        choices=DOMAINS,
        default="a",
        help="domain of the images, from which they are translated (default: %(default)s)",
    )
    add_choice_argument(
        parser,
        "--space",
        ("z", "w", "w+"),
        "z",
        "what is searched, see above; w and w+ as in the command project",
    )
    add_choice_argument(
        parser,
        "--start",
        ("auto", "encoder", "samples"),
        "auto",
        "where the search begins: at the latent that the encoder of the pair finds, at the best of "
        "many random ones, or at the best of all these, if there is an encoder",
    )
    parser.add_argument(
        "--steps",
        type=not_negative,
        default=1000,
        metavar="N",
        help="largest number of steps; 0 takes the starting point, which is quick with --start "
        "encoder (default: %(default)s)",
    )
    add_search_arguments(parser)


def run(args):
    """Translates all images, one after another.

    Args:
        args: Parsed options, see `make_projector`.

    Returns:
        Messages of images that cannot be used.
    """
    targets = Targets(args, args.images)
    nets, path, facts = open_networks(args)
    target = DOMAINS[1 - DOMAINS.index(args.source)]
    source_nets = nets.of_domain(args.source)
    G, other = generator_of(source_nets, path), generator_of(nets.of_domain(target), path)
    _check_labels(G, other, target)
    if args.space != "z" and not _have_same_mapping(G, other):
        raise ValueError(
            f"--space {args.space} needs domains that share their mapping network, by "
            "coupling.sharing=mapping or hard. In these a w means something else in the other "
            "domain. Choose --space z."
        )
    has_encoder = _uses_encoder(args, nets.E)
    starts = {"num_starts": 0} if args.start == "encoder" else {}
    labels = chosen_labels(args, G, source_nets.info)
    projector, settings = make_projector(args, G, labels, **starts)

    def new_search(image, folder):
        start = nets.E(nets.E.scales_of(image[None])).numpy() if has_encoder else None
        return _Translation(projector, image, folder, args.steps, start, other=other, args=args)

    facts = {**facts, "domain": args.source, "translated_to": target}
    settings = {**facts, **settings, "encoder": has_encoder}
    return targets.search(projector, settings, new_search, "translations.json")


class _Translation(Search):
    """The search for the latent of one image, and its images in both domains."""

    def __init__(self, *search, other, args):
        super().__init__(*search)
        self._other = other
        self._noise_mode = args.noise_mode

    def save_pictures(self, wanted, images):
        translated = self._translated()
        for image in translated:
            self.save_picture(image[0], f"{image.shape[1]:04d}.png")
        rows = [side_by_side(*scale) for scale in zip(wanted, images, translated, strict=True)]
        self.save_picture(scale_sheet(rows, zoom=zoom_of(images)), "comparison.png")

    def _translated(self):
        """Images of the latent in the other domain: list of uint8 `[1, r, r, C]`."""
        projector, G = self.projector, self._other
        ws = projector.best_ws
        if projector.best_z is not None:
            labels = projector.best_labels if G.label_size else None
            ws = G.broadcast(G.mapping(projector.best_z, labels))
        images = G.synthesis(ws, noise_mode=self._noise_mode)
        return [to_uint8(image).numpy() for image in images]


def _check_labels(G, other, target):
    if other.label_size not in (0, G.label_size):
        raise ValueError(
            f"Domain {target} takes labels of {other.label_size} numbers, which images of the "
            "other domain do not have: nothing says what to draw."
        )


def _have_same_mapping(*generators):
    """Whether a w of one generator is the w of the same z in the other one."""
    a, b = (generator.mapping.variables for generator in generators)
    return len(a) == len(b) and all(
        x.shape == y.shape and np.array_equal(x, y) for x, y in zip(a, b, strict=True)
    )


def _uses_encoder(args, E):
    """Whether what the encoder E finds is a starting point."""
    if args.start == "encoder" and E is None:
        raise ValueError(
            "--start encoder needs a pair that was trained with an encoder, by coupling.cycle."
        )
    if args.start == "encoder" and args.space != "z":
        raise ValueError("--start encoder needs --space z: a z is what the encoder finds.")
    return E is not None and args.start != "samples" and args.space == "z"
