"""The latent of given images, by optimisation.

Writes a folder OUTDIR/NAME for each target: projection.npz (w, noise maps, network, settings),
0032.png and so on for the scales of the result, comparison.png (the scales of the target above
those of the result) and optimization.mp4 (the target beside the result as it comes closer). The
errors are in OUTDIR/projections.json. Ctrl-C ends the search and keeps what has been found for the
current target.
"""

import numpy as np

from msg_stylegan.generation.arguments import (
    add_choice_argument,
    add_count_argument,
    add_network_arguments,
)
from msg_stylegan.generation.inversion import (
    Search,
    Targets,
    add_search_arguments,
    make_projector,
    zoom_of,
)
from msg_stylegan.generation.seed_images import open_generator
from msg_stylegan.pictures.sheets import enlarge, scale_sheet
from msg_stylegan.pictures.video import VideoWriter

# Most frames of a video, not counting the last second, which shows the result.
_NUM_FRAMES = 180
_FPS = 30


def add_arguments(parser):
    add_network_arguments(parser)
    parser.add_argument(
        "--target",
        required=True,
        nargs="+",
        metavar="IMAGE",
        help="images, or folders of images; the middle square is resized to fit the network",
    )
    add_choice_argument(
        parser,
        "--space",
        ("w", "w+", "z"),
        "w",
        "one w for all layers, which stays close to what the network makes, one for each layer "
        "(w+), which comes closer to the target, or the z behind a w, which stays closest",
    )
    parser.add_argument(
        "--optimize_noise",
        action="store_true",
        help="also optimise the noise maps, which hold details that no w can describe",
    )
    add_count_argument(
        parser, "--steps", 1000, "largest number of steps; the search ends earlier without progress"
    )
    add_search_arguments(parser)
    parser.add_argument(
        "--no_video", action="store_true", help="write pictures only, which is faster"
    )


def run(args):
    """Projects all targets, one after another.

    Args:
        args: Parsed options, see `make_projector`.

    Returns:
        Messages of targets that cannot be used.
    """
    targets = Targets(args, args.target)
    G, labels, facts = open_generator(args)
    noise = {"optimize_noise": args.optimize_noise}
    projector, settings = make_projector(args, G, labels, **noise)

    def new_search(target, folder):
        kind = _Search if args.no_video else _FilmedSearch
        return kind(projector, target, folder, args.steps)

    settings = {**facts, **noise, **settings}
    return targets.search(projector, settings, new_search, "projections.json")


class _Search(Search):
    """Its pictures are the result and a comparison with the target."""

    def save_pictures(self, wanted, images):
        for image in images:
            self.save_picture(image[0], f"{image.shape[1]:04d}.png")
        rows = [np.concatenate(scale) for scale in zip(wanted, images, strict=True)]
        self.save_picture(scale_sheet(rows, zoom=zoom_of(images)), "comparison.png")


class _FilmedSearch(_Search):
    """It makes a video, too."""

    _video = None

    def run(self, name):
        with VideoWriter(self.folder / "optimization.mp4", fps=_FPS) as self._video:
            super().run(name)
            for _ in range(_FPS):
                self._video.write(self._frame())

    def show_step(self):
        if self.num_steps % max(1, self.max_steps // _NUM_FRAMES) == 0:
            self._video.write(self._frame())

    def _frame(self):
        """Target and result side by side."""
        image = self.images()[-1]
        frame = np.concatenate([self.target, image[0]], axis=1)
        return enlarge(frame, zoom_of([image]))
