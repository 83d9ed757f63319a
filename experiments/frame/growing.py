"""Growth within the length of an experiment."""

from msg_stylegan.resolutions import scales


def growing_options(config):
    """Options of growth in stages of equal length, of which the last one has twice as much."""
    num_stages = 2 * len(scales(config.dataset.resolution)) - 1
    length = config.schedule.total_kimg / (num_stages + 1)
    return {
        "growing.start_resolution": 4,
        "growing.fade_kimg": length,
        "growing.stabilize_kimg": length,
    }
