"""Charts of metrics over the training, as PNG files.

Scales have the colours of viridis, which can be told apart with any colour vision, too.
"""

import contextlib
import math
import re

import numpy as np

from metrics.figure_file import COLOURS, figure_file

_HEADLINE_COLOUR, *_COLOURS = COLOURS[:6]
_STROKES = ("-", "--", ":", "-.")
_FONT_SIZE = 11

# Values that span more than this are drawn on a logarithmic axis.
_WIDE = 20.0
# Results whose typical values differ by more than this have a panel of their own.
_FAR = 8.0
# More lines than this have the legend beside the chart.
_MANY = 5


def plot_metric(path, metric, lines):
    """Draws all results of one metric over the training.

    The headline is thick and has its best value marked. Results that end with a number, such as
    those of scales, are coloured in the order of these numbers. Results of another order of
    magnitude than the headline have a panel below.

    Args:
        path: File to write, `.png`.
        metric: `Metric`.
        lines: Results as `report.record_result` writes them, in any order. Those without kimg,
            values that are not finite, and keys that a line lacks are left out.

    Returns:
        Whether there was anything to draw; otherwise no file is written.
    """
    series = _series(lines)
    headline = series.pop(metric.headline, None)
    if headline is None:
        return False
    near = {key: points for key, points in series.items() if _are_near(points, headline)}
    far = {key: points for key, points in series.items() if key not in near}
    looks = _looks(series)

    with _chart(path, metric.name, num_panels=2 if far else 1) as panels:
        _draw_headline(panels[0], metric, headline)
        for panel, some in zip(panels, (near, far), strict=False):
            _draw_lines(panel, some, looks)
            _finish_panel(panel)
    return True


def plot_stability(path, metric, lines):
    """Draws how much fixed images still change, at all scales, on a logarithmic axis.

    Args:
        path: File to write, `.png`.
        metric: `Metric` of stability, whose results are named `<metric>_<resolution>`.
        lines: As in `plot_metric`. Values of 0 are left out too.

    Returns:
        Whether there was anything to draw; otherwise no file is written.
    """
    scales = {}
    for key, (kimg, values) in _series(lines).items():
        is_scale = re.fullmatch(re.escape(metric.name) + "_[0-9]+", key)
        if is_scale and (values > 0).any():
            scales[key] = kimg[values > 0], values[values > 0]
    if not scales:
        return False
    title = f"{metric.name}: change of the images of fixed latents"
    with _chart(path, title, num_panels=1) as (panel,):
        _draw_lines(panel, scales, _looks(scales))
        panel.set_ylabel("mean squared difference to the snapshot before", fontsize=_FONT_SIZE)
        _finish_panel(panel, logarithmic=True)
    return True


def _series(lines):
    """Dict of result key -> arrays (kimg, finite values), both of them not empty, by kimg."""
    lines = sorted((line for line in lines if line["kimg"] is not None), key=lambda x: x["kimg"])
    keys = dict.fromkeys(key for line in lines for key in line["results"])
    series = {}
    for key in keys:
        points = [
            (line["kimg"], line["results"][key])
            for line in lines
            if math.isfinite(line["results"].get(key, math.nan))
        ]
        if points:
            series[key] = tuple(np.array(points, np.float64).T)
    return series


def _are_near(points, others):
    """Whether two series can share an axis."""
    sizes = [float(np.median(np.abs(values))) for _, values in (points, others)]
    return min(sizes) * _FAR >= max(sizes)


@contextlib.contextmanager
def _chart(path, title, num_panels):
    with figure_file(path, 9.0, 1.2 + 4.0 * num_panels) as figure:
        panels = figure.subplots(num_panels, 1, sharex=True, squeeze=False)[:, 0]
        panels[-1].set_xlabel("training (kimg)", fontsize=_FONT_SIZE)
        figure.suptitle(title, fontsize=_FONT_SIZE + 3)
        yield panels


def _looks(keys):
    """Dict of key -> tuple of colour and stroke.

    The colour of a key that ends with a number is its rank among all of these numbers, and its
    stroke is that of the text before.
    """
    import matplotlib

    found = {key: re.fullmatch("(.*?)([0-9]+)", key) for key in keys}
    numbers = sorted({int(match[2]) for match in found.values() if match})
    texts = list(dict.fromkeys(match[1] for match in found.values() if match))
    others = [key for key, match in found.items() if not match]
    looks = {}
    for key, match in found.items():
        if match:
            rank = numbers.index(int(match[2])) / max(1, len(numbers) - 1)
            # The bright end of viridis is too pale for lines on white.
            colour = matplotlib.colormaps["viridis_r"](0.12 + 0.88 * rank)
            looks[key] = colour, _STROKES[texts.index(match[1]) % len(_STROKES)]
        else:
            again, position = divmod(others.index(key), len(_COLOURS))
            looks[key] = _COLOURS[position], _STROKES[again % len(_STROKES)]
    return looks


def _draw_lines(panel, series, looks):
    for key, points in series.items():
        colour, stroke = looks[key]
        panel.plot(
            *points, stroke, color=colour, linewidth=1.5, marker="o", markersize=4, label=key
        )


def _draw_headline(panel, metric, points):
    kimg, values = points
    panel.plot(
        *points,
        color=_HEADLINE_COLOUR,
        linewidth=3,
        marker="o",
        markersize=6,
        zorder=3,
        label=metric.headline,
    )
    best = int(np.argmin(values) if metric.lower_is_better else np.argmax(values))
    panel.plot(
        kimg[best],
        values[best],
        linestyle="none",
        marker="*",
        markersize=17,
        color="black",
        markeredgecolor="white",
        zorder=4,
        label=f"best: {values[best]:.4g} at {kimg[best]:.6g} kimg",
    )


def _finish_panel(panel, logarithmic=False):
    values = np.concatenate([line.get_ydata() for line in panel.lines])
    low, high = values.min(), values.max()
    if logarithmic or (low > 0 and high > _WIDE * low):
        _make_logarithmic(panel, math.log10(high / low))
    panel.grid(which="major", color="#cccccc", linewidth=0.8)
    panel.set_axisbelow(True)
    panel.tick_params(labelsize=_FONT_SIZE)
    panel.spines[["top", "right"]].set_visible(False)
    beside = {"loc": "center left", "bbox_to_anchor": (1.01, 0.5)}
    place = beside if len(panel.lines) > _MANY else {"loc": "best"}
    panel.legend(fontsize=_FONT_SIZE, **place)


def _make_logarithmic(panel, decades):
    from matplotlib.ticker import AutoLocator, LogLocator, NullLocator

    panel.set_yscale("log")
    if decades < 1:
        # Fewer than two or three of the logarithmic ticks might show.
        panel.yaxis.set_major_locator(AutoLocator())
    else:
        steps = (1, 2, 5) if decades < 4 else (1,)
        panel.yaxis.set_major_locator(LogLocator(10, subs=steps, numticks=100))
    panel.yaxis.set_minor_locator(NullLocator())
    panel.yaxis.set_major_formatter("{x:g}")
