"""The search for the latents of given images, which `project` and `translate` have in common."""

from tqdm import tqdm

from msg_stylegan.data.picture_arguments import add_reader_arguments, reader_of
from msg_stylegan.files import write_json
from msg_stylegan.generation.arguments import (
    add_choice_argument,
    add_label_arguments,
    add_outdir_argument,
    not_negative,
)
from msg_stylegan.pictures.sheets import save_image
from msg_stylegan.sampling.sampler import to_uint8

# Options of `Projector` that are stored with the result.
_RECORDED = ("space", "noise_mode", "seed")

# Pictures of small networks are enlarged to at least this side.
_SHOWN_SIDE = 128


def add_search_arguments(parser):
    """Options of every command that searches latents, but for the network and the images."""
    add_reader_arguments(parser)
    parser.add_argument(
        "--seed",
        type=not_negative,
        default=0,
        help="decides the starting points (default: %(default)s)",
    )
    add_label_arguments(parser, "the starting points", "those of the training")
    add_choice_argument(
        parser, "--noise_mode", ("const", "none"), "const", "noise inputs: the stored ones, or none"
    )
    add_choice_argument(
        parser,
        "--lpips",
        ("auto", "on", "off"),
        "auto",
        "add the perceptual distance LPIPS to the squared error: if its weights are there or "
        "named, always, or never",
    )
    for name in ("vgg16", "lpips"):
        parser.add_argument(
            f"--{name}_weights",
            default="",
            metavar="FILE",
            help=f"weights of {name} (default: looked for in CACHE_DIR/{name})",
        )
    parser.add_argument(
        "--cache_dir", metavar="DIR", help="folder of weights (default: %(default)s)"
    )
    add_outdir_argument(parser)


def make_projector(args, G, labels, **options):
    """The `Projector` that the options describe, and a dictionary of these options.

    Args:
        args: Parsed options. `args.open_lpips(args)`, set by the entrance, returns the `distance`
            of a `Projector`; None where the weights are missing and the option is "auto".
        G: Generator.
        labels: `LabelTable` of the starting points.
        **options: More of them.
    """
    from msg_stylegan.projection import Projector

    distance = None if args.lpips == "off" else args.open_lpips(args)
    chosen = {name: getattr(args, name) for name in _RECORDED}
    options = {"num_steps": args.steps, "labels": labels, "distance": distance, **options}
    settings = {**chosen, "max_steps": args.steps, **labels.choice, "lpips": distance is not None}
    return Projector(G, **chosen, **options), settings


class Targets:
    """Images whose latents are searched, one after another.

    Args:
        args: Parsed options.
        images: Files and folders.
    """

    def __init__(self, args, images):
        from msg_stylegan.projection import find_images

        self._reader = reader_of(args)
        self._paths = find_images(images)
        self._outdir = args.outdir

    def search(self, projector, settings, new_search, results_file):
        """Searches all.

        Args:
            projector: `Projector`.
            settings: Dictionary of options to be stored with each result.
            new_search: Function of the target, uint8 `[r, r, C]`, and of the folder of its files,
                that returns a `Search`.
            results_file: Name of the JSON file in OUTDIR with the facts of all results.

        Returns:
            Messages of targets that cannot be used.
        """
        from msg_stylegan.projection import read_target

        G = projector.G
        failures, results = [], []
        for name, path in zip(_different_names(self._paths), self._paths, strict=True):
            try:
                target = read_target(path, G.resolution, G.num_channels, self._reader)
            except ValueError as error:
                failures.append(str(error))
                continue
            search = new_search(target, self._outdir / name)
            search.run(name)
            search.save({"target": str(path), **settings})
            results.append(search.facts)
            write_json(self._outdir / results_file, results)
            if search.interruption:
                raise search.interruption
        return failures


class Search:
    """The search for one target and its files.

    Args:
        projector: `Projector`.
        target: uint8 `[r, r, C]`.
        folder: Folder to write to.
        max_steps: Largest number of steps.
        start: See `Projector.search`.

    Attributes:
        facts: What is known about the result, after `save`.
        interruption: The exception of Ctrl-C, or None.
    """

    def __init__(self, projector, target, folder, max_steps, start=None):
        self.projector = projector
        self.target = target
        self.folder = folder
        self.max_steps = max_steps
        self._start = start
        self.num_steps = 0
        self.facts = None
        self.interruption = None

    def run(self, name):
        """Searches; after Ctrl-C, `interruption` holds the exception.

        Raises:
            KeyboardInterrupt: Nothing was found before it.
        """
        steps = self.projector.search(self.target[None], start=self._start)
        total = self.max_steps + 1
        try:
            for self.num_steps in tqdm(steps, name, total, unit="step", disable=None):
                self.show_step()
        except KeyboardInterrupt as interruption:
            if not self.projector.has_result:
                raise
            self.interruption = interruption

    def show_step(self):
        """Called after every step."""

    def images(self):
        """The best images so far: list of uint8 `[1, r, r, C]`."""
        return [to_uint8(image).numpy() for image in self.projector.best_images()]

    def save(self, settings):
        """Writes the files and prints the errors."""
        from msg_stylegan.projection import Projection, scale_errors

        projector, images = self.projector, self.images()
        pyramid = [level.numpy() for level in projector.loss.target_pyramid(self.target[None])]
        self.facts = {**settings, "steps": self.num_steps, "ended": self._reason()}
        self.facts["errors"] = scale_errors(images, pyramid)
        found = projector.best_ws, projector.best_z, projector.best_labels
        ws, z, label = (x if x is None else x[0] for x in found)
        Projection(ws, projector.best_noise_maps, self.facts, z, label).save(
            self.folder / "projection.npz"
        )
        wanted = [to_uint8(level).numpy() for level in pyramid[-len(images) :]]
        self.save_pictures(wanted, images)
        print(_table(self.folder.name, self.facts))

    def save_pictures(self, wanted, images):
        """Writes the pictures.

        Args:
            wanted: Target at every scale that the generator makes: list of uint8 `[1, r, r, C]`.
            images: The best images.
        """
        raise NotImplementedError

    def save_picture(self, picture, name):
        """Writes one picture, uint8 `[H, W, C]`, to the folder."""
        text = {k: v for k, v in self.facts.items() if k != "errors" and v is not None}
        save_image(picture, self.folder / name, text)

    def _reason(self):
        if self.interruption:
            return "interrupted"
        return "converged" if self.projector.is_converged else "all steps done"


def zoom_of(images):
    """By how much pictures of these images are enlarged."""
    return max(1, _SHOWN_SIDE // images[-1].shape[1])


def _different_names(paths):
    """A name for each path: that of the file without its ending, numbered where it occurs again."""
    used, names = set(), []
    for path in paths:
        name, number = path.stem, 1
        while name in used:
            number += 1
            name = f"{path.stem}-{number}"
        used.add(name)
        names.append(name)
    return names


def _table(name, facts):
    lines = [f"{name}: {facts['ended']} after {facts['steps']} steps"]
    lines.append("  resolution    RMSE (0..255)    PSNR (dB)")
    for error in facts["errors"]:
        psnr = "" if error["psnr"] is None else f"{error['psnr']:.2f}"
        lines.append(f"  {error['resolution']:10d}{error['rmse']:17.2f}{psnr:>13}")
    return "\n".join(lines)
