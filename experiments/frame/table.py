"""Tables of an experiment: every snapshot of every trial, and one row per variant."""

import csv
import io

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


def write_table(path, rows, keys):
    """Writes means and standard deviations as CSV, a line per variant.

    Args:
        path: File to write.
        rows: List of `Row`.
        keys: Result keys.
    """
    columns = ["variant", "finished", "failed"]
    for key in [*keys, *(f"{key} at equal time" for key in keys), "sec/kimg"]:
        columns += [f"{key} mean", f"{key} deviation"]
    lines = []
    for row in rows:
        spreads = [*_of(row.scores, keys), *_of(row.scores_at_equal_time, keys), row.sec_per_kimg]
        numbers = [(s.mean, s.deviation) if s else (None, None) for s in spreads]
        lines.append(
            [row.variant, row.finished, row.failed, *(n for pair in numbers for n in pair)]
        )
    _write_csv(path, [columns, *lines])


def markdown_table(rows, keys):
    """The same as Markdown: `mean ± standard deviation`."""
    titles = ["variant", "runs", *keys, *(f"{key} at equal time" for key in keys), "sec/kimg"]
    lines = [titles, ["---"] + ["---:"] * (len(titles) - 1)]
    for row in rows:
        runs = f"{row.finished}" + (f", {row.failed} failed" if row.failed else "")
        spreads = [*_of(row.scores, keys), *_of(row.scores_at_equal_time, keys), row.sec_per_kimg]
        lines.append([row.variant, runs, *("" if s is None else str(s) for s in spreads)])
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _of(spreads, keys):
    return [spreads.get(key) for key in keys]


def _write_csv(path, rows):
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    write_text(path, text.getvalue())
