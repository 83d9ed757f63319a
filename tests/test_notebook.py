"""The notebook that trains on a folder of pictures, run from its first cell to its last."""

import json
import os
import re
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOK = ROOT / "notebooks" / "train_on_your_pictures.ipynb"
# Small enough for a minute.
OPTIONS = (
    "--config.schedule.total_kimg=0.128 --config.schedule.tick_kimg=0.064 "
    "--config.schedule.batch_size=16 --config.generator.channel_max=8 "
    "--config.discriminator.channel_max=8 --config.metrics.names=none"
)


def cells():
    return json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]


def test_it_is_stored_without_results():
    for cell in cells():
        if cell["cell_type"] == "code":
            assert cell["outputs"] == [] and cell["execution_count"] is None


def test_it_installs_what_exists():
    text = "".join("".join(cell["source"]) for cell in cells())
    (extras,) = re.findall(r'EXTRAS = "\[(.*)\]"', text)
    setup = (ROOT / "setup.cfg").read_text(encoding="utf-8")
    for extra in extras.split(","):
        assert re.search(rf"^{extra} =$", setup, re.MULTILINE)
    assert (ROOT / re.search(r"constraint \{CHECKOUT\}/(\S+)", text)[1]).exists()


@pytest.mark.slow
def test_it_trains_and_draws_on_the_digits(tmp_path, monkeypatch):
    reason = "needs the extra notebook"
    nbformat = pytest.importorskip("nbformat", reason=reason)
    nbclient = pytest.importorskip("nbclient", reason=reason)
    pytest.importorskip("ipykernel", reason=reason)
    notebook = nbformat.reads(NOTEBOOK.read_text(encoding="utf-8"), as_version=4)
    commands = os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]])
    monkeypatch.setenv("PATH", commands)
    # What it would install is installed, and may be this checkout.
    notebook.cells = [cell for cell in notebook.cells if "%pip" not in cell.source]
    (settings,) = (cell for cell in notebook.cells if 'OPTIONS = ""' in cell.source)
    settings.source = settings.source.replace('OPTIONS = ""', f"OPTIONS = {OPTIONS!r}")
    settings.source = settings.source.replace('FOLDER = "."', f"FOLDER = {str(tmp_path)!r}")
    nbclient.NotebookClient(notebook, timeout=600).execute()

    (run,) = (tmp_path / "results").iterdir()
    assert "Finished at 0.128 kimg" in (run / "log.txt").read_text(encoding="utf-8")
    assert len(list((tmp_path / "out").glob("*.png"))) == 8
    shown = [
        output
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if output.output_type == "display_data"
    ]
    assert sum("image/png" in output.data for output in shown) == 9

    # All cells once more: what is finished stays as it is.
    before = {path: path.stat().st_mtime_ns for path in run.glob("*.keras")}
    nbclient.NotebookClient(notebook, timeout=600).execute()
    assert {path: path.stat().st_mtime_ns for path in run.glob("*.keras")} == before
