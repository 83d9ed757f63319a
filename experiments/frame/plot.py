"""Charts of an experiment: scores over the length and time of training, changes of images."""

import contextlib

import numpy as np

from metrics.figure_file import COLOURS, figure_file
from msg_stylegan.wording import count_of

# Lines beyond the colours.
_LINES = ("-", "--", ":")


def plot_curves(path, curves, keys, title):
    """Draws the mean over the seeds as a line and their range as a band.

    Args:
        path: File to write, `.png`.
        curves: Dictionary of variant name -> non-empty list of trials, each a list of `Point`.
        keys: Result keys, a row of panels each.
        title: Text above.
    """
    with _chart(path, title, len(keys), 2) as panels:
        for (left, right), key in zip(panels, keys, strict=True):
            for index, (variant, trials) in enumerate(curves.items()):
                kimg, seconds, scores = _common_points(trials, key)
                label = f"{variant} ({count_of(len(trials), 'seed')})"
                _draw(left, index, kimg, scores, label)
                _draw(right, index, seconds / 60, scores, label)
            left.set_ylabel(key)
        panels[-1, 0].set_xlabel("training (kimg)")
        panels[-1, 1].set_xlabel("training (minutes)")


def plot_changes(path, trials, title):
    """Draws how much the images of fixed latents change, in the same way.

    Args:
        path: File to write, `.png`.
        trials: Non-empty list of `(variant name, seed, list of (kimg, mean squared difference))`;
            those of a variant have the same kimg.
        title: Text above.
    """
    with _chart(path, title, 1, 1) as panels:
        panel = panels[0, 0]
        for index, variant in enumerate(dict.fromkeys(name for name, _, _ in trials)):
            pairs = np.array([pairs for name, _, pairs in trials if name == variant])
            label = f"{variant} ({count_of(len(pairs), 'seed')})"
            _draw(panel, index, pairs[0, :, 0], pairs[:, :, 1], label)
        panel.set_ylabel("mean squared change of images")
        panel.set_xlabel("training (kimg)")


@contextlib.contextmanager
def _chart(path, title, rows, columns):
    # Three inches are the legend's.
    with figure_file(path, 5.5 * columns + 3, 0.8 + 3.4 * rows) as figure:
        figure.suptitle(title)
        panels = figure.subplots(rows, columns, squeeze=False, sharey="row", sharex="col")
        for panel in panels.flat:
            _prepare(panel)
        yield panels
        # Those of all panels are the same. Beside them it hides no line.
        figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside right upper")


def _prepare(panel):
    from matplotlib.ticker import LogLocator, NullFormatter

    panel.grid(color="#cccccc", linewidth=0.8)
    panel.set_axisbelow(True)
    panel.spines[["top", "right"]].set_visible(False)
    # Untrained networks are far above all others.
    panel.set_yscale("log")
    panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    panel.yaxis.set_major_formatter("{x:g}")
    panel.yaxis.set_minor_formatter(NullFormatter())


def _draw(panel, index, x, values, label):
    """Line of the means and band of the range of `values` `[trials, P]` over `x` `[P]`."""
    colour = COLOURS[index % len(COLOURS)]
    line = _LINES[index // len(COLOURS) % len(_LINES)]
    panel.plot(x, values.mean(axis=0), line, color=colour, marker="o", markersize=4, label=label)
    panel.fill_between(
        x, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.15, linewidth=0
    )


def _common_points(trials, key):
    """Arrays of kimg `[P]`, mean seconds `[P]` and scores `[trials, P]` that all trials have."""
    found = [{p.kimg: p for p in trial if p.scores.get(key, 0) > 0} for trial in trials]
    kimg = sorted(set.intersection(*(set(points) for points in found)))
    seconds = np.array([[points[k].seconds for k in kimg] for points in found])
    scores = np.array([[points[k].scores[key] for k in kimg] for points in found])
    return np.array(kimg), seconds.mean(axis=0), scores
