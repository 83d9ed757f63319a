"""Matplotlib's figures as PNG files, and the colours of their lines."""

import contextlib

from msg_stylegan.files import atomic_path

# Okabe and Ito (2008); can be told apart with any colour vision.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")


@contextlib.contextmanager
def figure_file(path, width, height, dpi=120, layout="constrained"):
    """Gives a figure to draw on; it is written when the block ends without an error.

    It looks as matplotlib draws without a personal `matplotlibrc`, which may ask for programs that
    are not there, such as LaTeX.

    Args:
        path: File to write, `.png`.
        width: In inches.
        height: The same.
        dpi: Pixels per inch.
        layout: What arranges panels, as matplotlib names it; None = the caller.
    """
    # Imported here, because it takes its time; and not pyplot, which would keep global state and
    # look for a display.
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        figure = Figure(figsize=(width, height), dpi=dpi, layout=layout)
        yield figure
        with atomic_path(path) as temporary:
            figure.savefig(temporary, format="png")
