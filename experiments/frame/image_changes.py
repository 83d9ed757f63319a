"""How much the images of fixed latents change while a trial trains (figure 6 of the paper)."""

from pathlib import Path

from metrics.generated_images import GeneratedImages
from metrics.stability import mean_squared_differences
from msg_stylegan import load_networks
from msg_stylegan.files import read_json, write_json
from msg_stylegan.networks import snapshots_of_run

FILE = "image-changes.json"
_NUM_LATENTS = 36
_BATCH_SIZE = 36


def measure_image_changes(run_dir, resolution):
    """Compares the images of successive snapshots of a run, and writes `image-changes.json`.

    Args:
        run_dir: Run directory with all its snapshots.
        resolution: Side at which images are compared. Those of a network that has not grown to it
            yet are enlarged by repeating pixels.
    """
    changes, previous = [], None
    for path in snapshots_of_run(run_dir):
        nets = load_networks(path)
        images = GeneratedImages(nets.G_ema, _BATCH_SIZE).fixed_images(_NUM_LATENTS)[-1]
        factor = resolution // images.shape[1]
        images = [images.repeat(factor, axis=1).repeat(factor, axis=2)]
        if previous is not None:
            change = mean_squared_differences(previous, images)[resolution]
            changes.append((nets.info["cur_nimg"] / 1000, change))
        previous = images
    write_json(Path(run_dir) / FILE, changes)


def read_image_changes(run_dir):
    """Pairs `(kimg, mean squared difference to the snapshot before)`; None if not measured yet.

    For images in the nominal range [-1, 1], see `metrics.stability`.
    """
    path = Path(run_dir) / FILE
    if not path.exists():
        return None
    return [tuple(pair) for pair in read_json(path)]
