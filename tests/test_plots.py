import contextlib
import sys

import matplotlib
import numpy as np
import pytest
from PIL import Image

from metrics import plots
from metrics.metric import Metric
from metrics.plots import plot_metric, plot_stability

FID = Metric("fid50k", "fid50k", True, None)
STABILITY = Metric("stability36", "stability36", True, None)


def lines_of(**results):
    """Lines as they are recorded, one per kimg, from a list of values per key."""
    count = max(len(values) for values in results.values())
    return [
        {"kimg": 10.0 * i, "results": {key: values[i] for key, values in results.items()}}
        for i in range(count)
    ]


@pytest.fixture
def drawn(monkeypatch):
    """The figures that were drawn, in order; files are written all the same."""
    figures = []
    figure_file = plots.figure_file

    @contextlib.contextmanager
    def keep(*args):
        with figure_file(*args) as figure:
            figures.append(figure)
            yield figure

    monkeypatch.setattr(plots, "figure_file", keep)
    return figures


def curves(panel):
    """Dict of legend text -> list of points (kimg, value)."""
    return {line.get_label(): [tuple(xy) for xy in line.get_xydata()] for line in panel.lines}


def is_drawing(path):
    with Image.open(path) as image:
        assert image.format == "PNG"
        pixels = np.asarray(image.convert("RGB"))
    assert pixels.shape[0] >= 600 and pixels.shape[1] >= 1000
    # Neither empty nor blackened.
    return 0.005 < np.mean(pixels.min(axis=2) < 200) < 0.3


def test_curve_and_best_value(tmp_path, drawn):
    assert plot_metric(tmp_path / "new" / "x.png", FID, lines_of(fid50k=[9.0, 4.0, 5.0]))
    assert is_drawing(tmp_path / "new" / "x.png")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["x.png"]
    (panel,) = drawn[0].axes
    assert curves(panel) == {
        "fid50k": [(0, 9), (10, 4), (20, 5)],
        "best: 4 at 10 kimg": [(10, 4)],
    }
    assert panel.get_xlabel() == "training (kimg)"
    assert drawn[0].get_suptitle() == "fid50k"


def test_best_may_be_the_highest(tmp_path, drawn):
    metric = Metric("is50k", "is50k_mean", False, None)
    plot_metric(tmp_path / "x.png", metric, lines_of(is50k_mean=[1.5, 8.25, 7.0]))
    assert "best: 8.25 at 10 kimg" in curves(drawn[0].axes[0])


def test_order_and_gaps_of_the_lines_do_not_matter(tmp_path, drawn):
    nan, infinity = float("nan"), float("inf")
    lines = lines_of(fid50k=[9.0, nan, 5.0, infinity], fid50k_other=[nan, 2.0, nan, nan])
    lines += [{"kimg": None, "results": {"fid50k": 1.0}}, {"kimg": 99.0, "results": {}}]
    assert plot_metric(tmp_path / "x.png", FID, lines[::-1])
    found = curves(drawn[0].axes[0])
    assert found["fid50k"] == [(0, 9), (20, 5)]
    assert found["fid50k_other"] == [(10, 2)]
    assert "best: 5 at 20 kimg" in found


@pytest.mark.parametrize(
    "lines",
    [
        [],
        lines_of(fid50k=[float("nan")]),
        lines_of(other=[1.0]),
        [{"kimg": None, "results": {"fid50k": 1.0}}],
    ],
)
def test_nothing_to_draw(tmp_path, lines):
    assert not plot_metric(tmp_path / "x.png", FID, lines)
    assert not plot_stability(tmp_path / "x.png", STABILITY, lines)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("value", [0.0, -0.0003, 5.0, 1e9])
def test_one_point(tmp_path, value):
    assert plot_metric(tmp_path / "x.png", FID, lines_of(fid50k=[value]))
    assert is_drawing(tmp_path / "x.png")


def test_axis_is_logarithmic_for_a_wide_range_only(tmp_path, drawn):
    for values in ([5.0, 6.0], [300.0, 5.0], [300.0, 0.0], [300.0, -1.0]):
        plot_metric(tmp_path / "x.png", FID, lines_of(fid50k=values))
    assert [figure.axes[0].get_yscale() for figure in drawn] == ["linear", "log"] + 2 * ["linear"]


def test_other_magnitudes_have_a_panel_of_their_own(tmp_path, drawn):
    results = {"fid50k": [50.0, 40.0], "fid50k_near": [30.0, 20.0], "fid50k_far": [0.5, 0.1]}
    assert plot_metric(tmp_path / "x.png", FID, lines_of(**results))
    assert is_drawing(tmp_path / "x.png")
    top, bottom = drawn[0].axes
    assert list(curves(top)) == ["fid50k", "best: 40 at 10 kimg", "fid50k_near"]
    assert list(curves(bottom)) == ["fid50k_far"]


def test_curves_can_be_told_apart(tmp_path, drawn):
    scales = {f"swd1k{kind}_{res}": [3.0, 2.0] for kind in ("", "_floor") for res in (16, 128, 32)}
    others = {f"swd1k_{letter}": [3.0, 2.0] for letter in "abcdefgh"}
    metric = Metric("swd1k", "swd1k_avg", True, None)
    plot_metric(tmp_path / "x.png", metric, lines_of(swd1k_avg=[3.0, 2.0], **scales, **others))
    (panel,) = drawn[0].axes
    looks = {line.get_label(): (line.get_color(), line.get_linestyle()) for line in panel.lines}
    assert len(looks) == 16 and len(set(looks.values())) == 16
    # One colour per scale, darker with the resolution, and one stroke per kind.
    darkness = [-sum(looks[f"swd1k_{res}"][0][:3]) for res in (16, 32, 128)]
    assert darkness == sorted(darkness)
    for res in (16, 32, 128):
        assert looks[f"swd1k_{res}"][0] == looks[f"swd1k_floor_{res}"][0]
    thickest = max(panel.lines, key=lambda line: line.get_linewidth())
    assert thickest.get_label() == "swd1k_avg"


def test_stability_of_all_scales(tmp_path, drawn):
    results = {
        "stability36": [0.3, 0.1, 0.0],
        "stability36_4": [0.2, 0.05, 0.0],
        "stability36_128": [0.3, 0.1, 0.0],
    }
    assert plot_stability(tmp_path / "x.png", STABILITY, lines_of(**results))
    assert is_drawing(tmp_path / "x.png")
    (panel,) = drawn[0].axes
    # 0 has no place on a logarithmic axis.
    assert curves(panel) == {
        "stability36_4": [(0, 0.2), (10, 0.05)],
        "stability36_128": [(0, 0.3), (10, 0.1)],
    }
    assert panel.get_yscale() == "log"


@pytest.mark.parametrize("low", [0.09, 0.03, 1e-3, 1e-9])
def test_logarithmic_axes_have_numbers(tmp_path, drawn, low):
    plot_stability(tmp_path / "x.png", STABILITY, lines_of(stability36_4=[0.1, low]))
    (panel,) = drawn[0].axes
    bottom, top = panel.get_ylim()
    ticks = [tick for tick in panel.get_yticks() if bottom <= tick <= top]
    assert 3 <= len(ticks) <= 12
    labels = panel.yaxis.get_major_formatter().format_ticks(ticks)
    numbers = [float(label.replace("\N{MINUS SIGN}", "-")) for label in labels]
    assert numbers == pytest.approx(ticks)


def test_a_failed_drawing_leaves_the_older_one(tmp_path):
    plot_metric(tmp_path / "x.png", FID, lines_of(fid50k=[9.0]))
    before = (tmp_path / "x.png").read_bytes()
    metric = Metric("$\\nonsense$", "fid50k", True, None)
    with pytest.raises(ValueError, match="nonsense"):
        plot_metric(tmp_path / "x.png", metric, lines_of(fid50k=[8.0]))
    assert (tmp_path / "x.png").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["x.png"]


def test_a_personal_style_changes_nothing(tmp_path):
    plot_metric(tmp_path / "x.png", FID, lines_of(fid50k=[9.0]))
    # LaTeX is hardly ever there.
    with matplotlib.rc_context({"text.usetex": True, "axes.facecolor": "red"}):
        plot_metric(tmp_path / "y.png", FID, lines_of(fid50k=[9.0]))
    assert (tmp_path / "x.png").read_bytes() == (tmp_path / "y.png").read_bytes()


def test_global_state_of_matplotlib_is_left_alone(tmp_path):
    before = dict(matplotlib.rcParams)
    plot_metric(tmp_path / "x.png", FID, lines_of(fid50k=[9.0]))
    plot_stability(tmp_path / "x.png", STABILITY, lines_of(stability36_4=[0.1]))
    assert dict(matplotlib.rcParams) == before
    # Keras imports pyplot too.
    if "matplotlib.pyplot" in sys.modules:
        assert not sys.modules["matplotlib.pyplot"].get_fignums()
