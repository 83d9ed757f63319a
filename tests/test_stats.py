"""Statistics of a run in files."""

import json

import pytest

from msg_stylegan.training.stats import STATS_FILE, StatsWriter, read_stats


@pytest.mark.parametrize("nimg", [0, 48, 2007, 32112])
def test_a_resumed_run_keeps_the_lines_up_to_its_checkpoint(tmp_path, nimg):
    """Also where a thousandth, taken a thousand times, is a little more: 2007, 32112."""
    lines = [json.dumps({"Progress/kimg": images / 1000.0}) for images in range(nimg + 8)]
    (tmp_path / STATS_FILE).write_text("".join(line + "\n" for line in lines))
    StatsWriter(tmp_path, nimg).close()
    assert (tmp_path / STATS_FILE).read_text().splitlines() == lines[: nimg + 1]


@pytest.mark.parametrize("kimg", ["NaN", "Infinity", "1e999", "null", '"8"', "[]"])
def test_a_line_without_a_number_of_images_is_named(tmp_path, kimg):
    (tmp_path / STATS_FILE).write_text(f'{{"Progress/kimg": {kimg}}}\n{{"Progress/kimg": 1}}\n')
    with pytest.raises(ValueError, match=r"stats\.jsonl is damaged: .* Remove that line"):
        read_stats(tmp_path)
