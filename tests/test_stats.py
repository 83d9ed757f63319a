"""Statistics of a run in files."""

import json

import pytest

from msg_stylegan.training.stats import STATS_FILE, StatsWriter


@pytest.mark.parametrize("nimg", [0, 48, 2007, 32112])
def test_a_resumed_run_keeps_the_lines_up_to_its_checkpoint(tmp_path, nimg):
    """Also where a thousandth, taken a thousand times, is a little more: 2007, 32112."""
    lines = [json.dumps({"Progress/kimg": images / 1000.0}) for images in range(nimg + 8)]
    (tmp_path / STATS_FILE).write_text("".join(line + "\n" for line in lines))
    StatsWriter(tmp_path, nimg).close()
    assert (tmp_path / STATS_FILE).read_text().splitlines() == lines[: nimg + 1]
