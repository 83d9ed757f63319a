"""The kinds of training: all scales at once, or growing from one resolution to the next."""

from msg_stylegan.training import growing_loop, loop
from msg_stylegan.training.run_lock import run_lock


def train(config, run_dir, dataset, strategy, **options):
    """Trains as the options say; arguments, result and errors are those of `loop.train`.

    Raises:
        BlockingIOError: Another process trains the run.
    """
    kind = growing_loop if config.growing.start_resolution else loop
    with run_lock(run_dir):
        return kind.train(config, run_dir, dataset, strategy, **options)
