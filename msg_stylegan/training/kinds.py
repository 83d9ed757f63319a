"""The kinds of training: all scales at once, or growing from one resolution to the next."""

from msg_stylegan.training import growing_loop, loop


def train(config, run_dir, dataset, strategy, *, info, evaluate=None):
    """Trains as the options say; arguments, result and errors are those of `loop.train`."""
    kind = growing_loop if config.growing.start_resolution else loop
    return kind.train(config, run_dir, dataset, strategy, info=info, evaluate=evaluate)
