"""Tables of an experiment: every snapshot of every trial, and one row per variant."""

import csv
import io
import itertools

from msg_stylegan.files import write_text


def write_points(path, trials, keys):
    """Writes all scores as CSV, a line per snapshot.

    Args:
        path: File to write.
        trials: List of `(variant name, seed, list of Point)`.
        keys: Result keys, a column each.
    """
    rows = [
        [variant, seed, point.kimg, round(point.seconds, 1), *map(point.scores.get, keys)]
        for variant, seed, points in trials
        for point in points
    ]
    _write_csv(path, [["variant", "seed", "kimg", "seconds", *keys], *rows])


def write_changes(path, trials):
    """Writes how images change as CSV, a line per snapshot.

    Args:
        path: File to write.
        trials: List of `(variant name, seed, list of (kimg, mean squared difference))`.
    """
    rows = [[variant, seed, *pair] for variant, seed, pairs in trials for pair in pairs]
    _write_csv(path, [["variant", "seed", "kimg", "mean squared difference"], *rows])


def write_table(path, rows):
    """Writes means and standard deviations as CSV, a line per variant.

    Args:
        path: File to write.
        rows: Non-empty list of `Row`.
    """
    lines = [["variant", "finished", "failed"]]
    lines[0] += [f"{column} {what}" for column in rows[0].spreads for what in ("mean", "deviation")]
    for row in rows:
        numbers = [(s.mean, s.deviation) if s else (None, None) for s in row.spreads.values()]
        lines.append([row.variant, row.finished, row.failed, *itertools.chain(*numbers)])
    _write_csv(path, lines)


def markdown_table(rows):
    """The same as Markdown: `mean ± standard deviation`."""
    titles = ["variant", "runs", *rows[0].spreads]
    lines = [titles, ["---"] + ["---:"] * (len(titles) - 1)]
    for row in rows:
        runs = f"{row.finished}" + (f", {row.failed} failed" if row.failed else "")
        lines.append(
            [row.variant, runs, *("" if s is None else str(s) for s in row.spreads.values())]
        )
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _write_csv(path, rows):
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    write_text(path, text.getvalue())
