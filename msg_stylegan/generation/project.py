"""The latent of given images, by optimisation.

Writes a folder OUTDIR/NAME for each target: projection.npz (w, noise maps, network, settings),
0032.png and so on for the scales of the result, comparison.png (the scales of the target above
those of the result) and optimization.mp4 (the target beside the result as it comes closer). The
errors are in OUTDIR/projections.json. Ctrl-C ends the search and keeps what has been found for the
current target.
"""

import contextlib

import numpy as np
from tqdm import tqdm

from msg_stylegan.data.picture_arguments import add_reader_arguments, reader_of
from msg_stylegan.files import write_json
from msg_stylegan.generation.arguments import (
    add_choice_argument,
    add_count_argument,
    add_label_arguments,
    add_network_arguments,
    add_outdir_argument,
    not_negative,
)
from msg_stylegan.generation.seed_images import open_generator
from msg_stylegan.pictures.sheets import enlarge, save_image, scale_sheet
from msg_stylegan.pictures.video import VideoWriter
from msg_stylegan.sampling.sampler import to_uint8

# Options of `Projector` that are stored with the result.
_RECORDED = ("space", "optimize_noise", "noise_mode", "seed")

# Most frames of a video, not counting the last second, which shows the result.
_NUM_FRAMES = 180
_FPS = 30

# Pictures of small networks are enlarged to at least this side.
_SHOWN_SIDE = 128


def add_arguments(parser):
    add_network_arguments(parser)
    parser.add_argument(
        "--target",
        required=True,
        nargs="+",
        metavar="IMAGE",
        help="images, or folders of images; the middle square is resized to fit the network",
    )
    add_reader_arguments(parser)
    add_choice_argument(
        parser,
        "--space",
        ("w", "w+"),
        "w",
        "one w for all layers, which stays close to what the network makes, or one for each "
        "layer (w+), which comes closer to the target",
    )
    parser.add_argument(
        "--optimize_noise",
        action="store_true",
        help="also optimise the noise maps, which hold details that no w can describe",
    )
    add_count_argument(
        parser, "--steps", 1000, "largest number of steps; the search ends earlier without progress"
    )
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
    parser.add_argument(
        "--no_video", action="store_true", help="write pictures only, which is faster"
    )
    add_outdir_argument(parser)


def run(args):
    """Projects all targets, one after another.

    Args:
        args: Parsed options. `args.open_lpips(args)`, set by the entrance, returns the `distance`
            of a `Projector`; None where the weights are missing and the option is "auto".

    Returns:
        Messages of targets that cannot be used.
    """
    from msg_stylegan.projection import Projector, find_images, read_target

    reader = reader_of(args)
    paths = find_images(args.target)
    G, labels, network_facts = open_generator(args)
    distance = None if args.lpips == "off" else args.open_lpips(args)
    chosen = {name: getattr(args, name) for name in _RECORDED}
    projector = Projector(G, **chosen, num_steps=args.steps, labels=labels, distance=distance)
    settings = {**network_facts, **chosen, "max_steps": args.steps, **labels.choice}
    settings["lpips"] = distance is not None
    failures, results = [], []
    for name, path in zip(_different_names(paths), paths, strict=True):
        try:
            target = read_target(path, G.resolution, G.num_channels, reader)
        except ValueError as error:
            failures.append(str(error))
            continue
        search = _Search(projector, target, args.outdir / name, args)
        search.run(name)
        search.save({"target": str(path), **settings})
        results.append(search.facts)
        write_json(args.outdir / "projections.json", results)
        if search.interruption:
            raise search.interruption
    return failures


class _Search:
    """The search for one target and its files."""

    def __init__(self, projector, target, folder, args):
        self._projector = projector
        self._target = target
        self._folder = folder
        self._max_steps = args.steps
        self._with_video = not args.no_video
        self._num_steps = 0
        self.facts = None
        self.interruption = None

    def run(self, name):
        """Searches; after Ctrl-C, `interruption` holds the exception.

        Raises:
            KeyboardInterrupt: Nothing was found before it.
        """
        with contextlib.ExitStack() as stack:
            video = None
            if self._with_video:
                path = self._folder / "optimization.mp4"
                video = stack.enter_context(VideoWriter(path, fps=_FPS))
            steps = self._projector.search(self._target)
            total = self._max_steps + 1
            try:
                for self._num_steps in tqdm(steps, name, total, unit="step", disable=None):
                    if video and self._num_steps % max(1, self._max_steps // _NUM_FRAMES) == 0:
                        video.write(self._frame())
            except KeyboardInterrupt as interruption:
                if not self._projector.has_result:
                    raise
                self.interruption = interruption
            if video:
                for _ in range(_FPS):
                    video.write(self._frame())

    def save(self, settings):
        """Writes the files, but for the video, and prints the errors."""
        from msg_stylegan.projection import Projection, scale_errors

        images = self._images()
        pyramid = [level.numpy() for level in self._projector.loss.target_pyramid(self._target)]
        errors = scale_errors(images, pyramid)
        self.facts = {**settings, "steps": self._num_steps, "ended": self._reason()}
        self.facts["errors"] = errors
        projector = self._projector
        projection = Projection(projector.best_ws, projector.best_noise_maps, self.facts)
        projection.save(self._folder / "projection.npz")
        for image in images:
            save_image(image[0], self._folder / f"{image.shape[1]:04d}.png", _text(self.facts))
        wanted = [to_uint8(level).numpy() for level in pyramid[-len(images) :]]
        rows = [np.concatenate(scale) for scale in zip(wanted, images, strict=True)]
        sheet = scale_sheet(rows, zoom=_zoom(images))
        save_image(sheet, self._folder / "comparison.png", _text(self.facts))
        print(_table(self._folder.name, self.facts))

    def _reason(self):
        if self.interruption:
            return "interrupted"
        return "converged" if self._projector.is_converged else "all steps done"

    def _images(self):
        return [to_uint8(image).numpy() for image in self._projector.best_images()]

    def _frame(self):
        """Target and result side by side."""
        image = self._images()[-1]
        frame = np.concatenate([self._target, image[0]], axis=1)
        return enlarge(frame, _zoom([image]))


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


def _text(facts):
    """Facts as they are stored in a picture."""
    return {key: value for key, value in facts.items() if key != "errors" and value is not None}


def _table(name, facts):
    lines = [f"{name}: {facts['ended']} after {facts['steps']} steps"]
    lines.append("  resolution    RMSE (0..255)    PSNR (dB)")
    for error in facts["errors"]:
        psnr = "" if error["psnr"] is None else f"{error['psnr']:.2f}"
        lines.append(f"  {error['resolution']:10d}{error['rmse']:17.2f}{psnr:>13}")
    return "\n".join(lines)


def _zoom(images):
    return max(1, _SHOWN_SIDE // images[-1].shape[1])
