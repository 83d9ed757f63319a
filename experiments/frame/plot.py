"""Charts of an experiment: scores over the length and time of training, changes of images."""

import numpy as np

from metrics.plots import default_style
from msg_stylegan.files import atomic_path
from msg_stylegan.wording import count_of

# Okabe and Ito (2008); can be told apart with any colour vision.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
# Lines beyond the colours.
_LINES = ("-", "--", ":")
_DPI = 120


@default_style()
def plot_curves(path, curves, keys, title):
    """Draws the mean over the seeds as a line and their range as a band.

    Args:
        path: File to write, `.png`.
        curves: Dictionary of variant name -> non-empty list of trials, each a list of `Point`.
        keys: Result keys, a row of panels each.
        title: Text above.
    """
    figure, panels = _new_figure(title, len(keys), 2)
    for (left, right), key in zip(panels, keys, strict=True):
        for index, (variant, trials) in enumerate(curves.items()):
            kimg, seconds, scores = _common_points(trials, key)
            label = f"{variant} ({count_of(len(trials), 'seed')})"
            _draw(left, index, kimg, scores, label)
            _draw(right, index, seconds / 60, scores, label)
        left.set_ylabel(key)
    panels[-1, 0].set_xlabel("training (kimg)")
    panels[-1, 1].set_xlabel("training (minutes)")
    _save(figure, path)


@default_style()
def plot_changes(path, trials, title):
    """Draws how much the images of fixed latents change, in the same way.

    Args:
        path: File to write, `.png`.
        trials: Non-empty list of `(variant name, seed, list of (kimg, mean squared difference))`;
            those of a variant have the same kimg.
        title: Text above.
    """
    figure, panels = _new_figure(title, 1, 1)
    panel = panels[0, 0]
    for index, variant in enumerate(dict.fromkeys(name for name, _, _ in trials)):
        pairs = np.array([pairs for name, _, pairs in trials if name == variant])
        label = f"{variant} ({count_of(len(pairs), 'seed')})"
        _draw(panel, index, pairs[0, :, 0], pairs[:, :, 1], label)
    panel.set_ylabel("mean squared change of images")
    panel.set_xlabel("training (kimg)")
    _save(figure, path)


def _new_figure(title, rows, columns):
    # Matplotlib's objects and not pyplot, which would keep global state and look for a display.
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullFormatter

    size = (5.5 * columns + 3, 0.8 + 3.4 * rows)  # three inches are the legend's
    figure = Figure(figsize=size, dpi=_DPI, layout="constrained")
    figure.suptitle(title)
    panels = figure.subplots(rows, columns, squeeze=False, sharey="row", sharex="col")
    for panel in panels.flat:
        panel.grid(color="#cccccc", linewidth=0.8)
        panel.set_axisbelow(True)
        panel.spines[["top", "right"]].set_visible(False)
        # Untrained networks are far above all others.
        panel.set_yscale("log")
        panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        panel.yaxis.set_major_formatter("{x:g}")
        panel.yaxis.set_minor_formatter(NullFormatter())
    return figure, panels


def _draw(panel, index, x, values, label):
    """Line of the means and band of the range of `values` `[trials, P]` over `x` `[P]`."""
    colour = _COLOURS[index % len(_COLOURS)]
    line = _LINES[index // len(_COLOURS) % len(_LINES)]
    panel.plot(x, values.mean(axis=0), line, color=colour, marker="o", markersize=4, label=label)
    panel.fill_between(
        x, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.15, linewidth=0
    )


def _save(figure, path):
    # Those of all panels are the same. Beside them it hides no line.
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside right upper")
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png")


def _common_points(trials, key):
    """Arrays of kimg `[P]`, mean seconds `[P]` and scores `[trials, P]` that all trials have."""
    found = [{p.kimg: p for p in trial if p.scores.get(key, 0) > 0} for trial in trials]
    kimg = sorted(set.intersection(*(set(points) for points in found)))
    seconds = np.array([[points[k].seconds for k in kimg] for points in found])
    scores = np.array([[points[k].scores[key] for k in kimg] for points in found])
    return np.array(kimg), seconds.mean(axis=0), scores
