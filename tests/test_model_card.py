import importlib.util
import json
import os
import re
import subprocess
import sys
import types

import numpy as np
import pytest
import yaml
from PIL import Image
from support.checkout import ROOT
from support.local_hub import running_hub
from support.tiny_pair import make_pair, make_pair_run
from support.tiny_run import make_run

from metrics.evaluation import MetricResult
from metrics.registry import get_metric
from metrics.results import record_result
from msg_stylegan import load_networks
from msg_stylegan.commands import model_card
from msg_stylegan.model_card import card
from msg_stylegan.model_card.run_facts import without_folders
from msg_stylegan.networks import save_networks
from msg_stylegan.sampling.label_table import LabelTable
from msg_stylegan.training.snapshots import Snapshots


def score(run_dir, kimg, metric, results):
    record_result(
        MetricResult(get_metric(metric), results, total_time=1.0),
        snapshot=run_dir / f"network-snapshot-{kimg:06d}.keras",
        kimg=kimg,
        settings={},
    )


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Two runs; in the first one the older snapshot is the best."""
    folder = tmp_path_factory.mktemp("results")
    run_dir = make_run(folder, folder / "data")
    for path in run_dir.glob("*.keras"):
        nets = load_networks(path)
        save_networks(nets, path, {**nets.info, "dataset": "tiny", "version": "0.1.0"})
    score(run_dir, 0, "swd1k", {"swd1k_avg": 99.0})
    score(run_dir, 0, "swd1k", {"swd1k_avg": 12.345678, "swd1k_16": 7.5})
    score(run_dir, 0, "fid50k", {"fid50k": float("nan")})
    score(run_dir, 1, "swd1k", {"swd1k_avg": 50.0})
    Snapshots(run_dir, 0).record_best(run_dir / "network-snapshot-000000.keras", "swd1k", 12.345678)
    make_run(folder / "labelled", folder, label_size=3, channels=3)
    return folder


def call(results, folder, *arguments):
    return model_card.main([f"--result_dir={results}", f"--output={folder}", *arguments])


def front_matter(text):
    return yaml.safe_load(re.match(r"---\n(.*?)^---\n", text, re.S | re.M)[1])


def test_the_card_says_what_the_run_recorded(results, tmp_path, capsys):
    folder = tmp_path / "card"
    assert call(results, folder, "--run=1", "--license=cc-by-4.0", "--title=Tiny | things") == 0
    snapshot = "network-snapshot-000000.keras"
    assert capsys.readouterr().out.strip().endswith(f"00001-tiny-1gpu/{snapshot}")
    assert sorted(p.name for p in folder.iterdir()) == ["README.md", snapshot, "samples.png"]

    text = (folder / "README.md").read_text(encoding="utf-8")
    matter = front_matter(text)
    assert (matter["license"], matter["datasets"]) == ("cc-by-4.0", ["tiny"])
    (model,) = matter["model-index"]
    assert model["name"] == "Tiny | things"
    # The last word on this snapshot, without what is not a number and without the other snapshot.
    assert {m["type"]: m["value"] for m in model["results"][0]["metrics"]} == {
        "swd1k_avg": 12.345678,
        "swd1k_16": 7.5,
    }
    assert "# Tiny | things\n" in text
    assert "| swd1k_avg | 12.3457 |" in text
    assert "| chosen as the best by | swd1k: 12.3457 |" in text
    assert "| real images shown | 0 kimg |" in text
    assert "| `loss.r1_gamma` | 10.0 |" in text
    assert "chosen by the publisher" in text and "nan" not in text


def test_the_published_snapshot_has_the_weights_and_no_folders(results, tmp_path):
    call(results, tmp_path / "card", "--run=latest")
    (published,) = (load_networks(p) for p in (tmp_path / "card").glob("*.keras"))
    original = load_networks(results / "00001-tiny-1gpu" / "network-snapshot-000000.keras")
    for ours, theirs in zip(published.variables, original.variables, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert published.info["options"]["data_dir"] == "data"
    assert str(results) not in json.dumps(published.info)
    assert str(results) not in (tmp_path / "card" / "README.md").read_text(encoding="utf-8")


def test_a_run_without_scores_shows_its_newest_snapshot(results, tmp_path):
    options = [f"--result_dir={results / 'labelled'}", "--run=1"]
    assert call(results, tmp_path / "card", *options) == 0
    assert (tmp_path / "card" / "network-snapshot-000001.keras").is_file()
    text = (tmp_path / "card" / "README.md").read_text(encoding="utf-8")
    assert "has not been scored" in text
    assert "model-index" not in front_matter(text)
    assert front_matter(text)["license"] == "unknown"
    with Image.open(tmp_path / "card" / "samples.png") as picture:
        # 16 samples in two columns; scales 4, 8 and 16, all shown at 64 pixels.
        assert picture.mode == "RGB"
        assert picture.size == (2 * (3 * 64 + 4) + 6, 8 * 64 + 7 * 6)


@pytest.mark.parametrize("labels", [False, True])
def test_the_example_of_the_card_runs(results, tmp_path, monkeypatch, labels):
    options = [f"--result_dir={results / 'labelled'}"] if labels else []
    call(results, tmp_path / "card", "--run=1", *options)
    text = (tmp_path / "card" / "README.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```", text, re.S | re.M)
    monkeypatch.chdir(tmp_path / "card")
    names = {}
    exec(compile(code, "README.md", "exec"), names)
    assert [image.shape for image in names["images"]] == [
        (4, side, side, 3 if labels else 1) for side in (4, 8, 16)
    ]


@pytest.mark.slow
@pytest.mark.parametrize("label_sizes", [(0, 0), (3, 0), (2, 3)])
def test_the_card_of_a_pair_is_about_both_domains(tmp_path, monkeypatch, label_sizes):
    info = {"dataset": "apples", "dataset_b": "oranges", "cur_nimg": 5}
    folder = tmp_path / "card"
    nets = make_pair(channels=(1, 3), label_sizes=label_sizes, info=info)
    run_dir = make_pair_run(tmp_path, snapshots=())
    save_networks(nets, run_dir / "network-snapshot-000005.keras", info)
    assert call(tmp_path / "results", folder, "--run=1") == 0
    text = (folder / "README.md").read_text(encoding="utf-8")
    assert front_matter(text)["datasets"] == ["apples", "oranges"]
    assert "two domains, apples and oranges" in text and "Soft-CoGAN" in text
    assert text.index("| data set | apples |") < text.index("| data set | oranges |")
    with Image.open(folder / "samples.png") as picture:
        # Pairs side by side: twice as many strips as for one domain.
        assert picture.mode == "RGB"
        assert picture.size == (2 * (3 * 64 + 4) + 6, 16 * 64 + 15 * 6)
    (code,) = re.findall(r"^```python\n(.*?)^```", text, re.S | re.M)
    monkeypatch.chdir(folder)
    names = {}
    exec(compile(code, "README.md", "exec"), names)
    shapes = [[image.shape for image in names[name]] for name in ("images", "partners")]
    assert shapes == [[(4, side, side, c) for side in (4, 8, 16)] for c in (1, 3)]
    assert load_networks("network-snapshot-000005.keras").is_pair


def test_labels_in_the_example_are_written_as_short_as_they_can_be():
    table = LabelTable(2, vectors=np.array([[0.036, 12]], np.float32), counts=np.array([1]))
    G = types.SimpleNamespace(
        label_size=2, has_mapping=False, z_dim=8, num_channels=3, resolutions=[4, 8]
    )
    assert "labels=np.array([[0.036, 12.0]] * 4)" in card._usage(G, table, "x.keras")


def test_paths_of_any_machine_are_cut():
    options = {"a": ["/home/me/data", "C:\\Users\\me\\data", "relative/data"], "b": {"c": 1}}
    assert without_folders(options) == {"a": ["data", "data", "relative/data"], "b": {"c": 1}}


def test_wrong_requests_leave_nothing(results, tmp_path, capsys):
    assert call(results, tmp_path / "card", "--run=9") == 1
    assert "There is no run '9'" in capsys.readouterr().err
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").touch()
    assert call(results, tmp_path / "full", "--run=1") == 1
    assert "exists already" in capsys.readouterr().err
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["full", "mine.txt"]
    with pytest.raises(SystemExit):
        call(results, tmp_path / "card", "--run=1", "--private")


def push(folder, home, endpoint, token="good", space_sdk=None):
    """Sends a folder in a process of its own, because the client reads its settings at import."""
    code = (
        "import sys\n"
        "from msg_stylegan.model_card.hub import push_folder\n"
        "try:\n"
        f"    options = {{'private': True, 'space_sdk': {space_sdk!r}}}\n"
        f"    print(push_folder({str(folder)!r}, 'someone/digits', **options))\n"
        "except ValueError as error:\n"
        "    sys.exit(str(error))\n"
    )
    settings = {"HF_ENDPOINT": endpoint, "HF_TOKEN": token, "HF_HOME": str(home)}
    environment = {**os.environ, **settings, "PYTHONPATH": str(ROOT)}
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True)


@pytest.fixture
def folder_to_push(tmp_path):
    if importlib.util.find_spec("huggingface_hub") is None:
        pytest.skip("huggingface_hub is not installed; the extra `hub` has it")
    folder = tmp_path / "card"
    folder.mkdir()
    (folder / "README.md").write_text("---\nlicense: mit\n---\n# Digits\n", encoding="utf-8")
    (folder / "network-snapshot-000001.keras").write_bytes(bytes(range(256)) * 100)
    return folder


@pytest.mark.parametrize("space_sdk", [None, "static"])
def test_a_hub_receives_the_files(folder_to_push, tmp_path, space_sdk):
    with running_hub() as hub:
        done = push(folder_to_push, tmp_path / "home", hub.endpoint, space_sdk=space_sdk)
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.decode().strip() == f"{hub.endpoint}/someone/digits/commit/1"
    assert hub.files == {path.name: path.read_bytes() for path in folder_to_push.iterdir()}
    (repository,) = hub.repositories
    assert (repository["organization"], repository["name"]) == ("someone", "digits")
    assert repository["visibility"] == "private"
    kind = {"type": "space", "sdk": "static"} if space_sdk else {"type": "model"}
    assert {name: repository[name] for name in ("type", "sdk") if name in repository} == kind


def test_a_hub_that_refuses_or_is_away_is_one_clear_error(folder_to_push, tmp_path):
    with running_hub() as hub:
        refused = push(folder_to_push, tmp_path / "home", hub.endpoint, token="bad")
    away = push(folder_to_push, tmp_path / "home", hub.endpoint, space_sdk="gradio")
    for done, kind in ((refused, "model"), (away, "space")):
        assert done.returncode == 1
        (line,) = done.stderr.decode().strip().splitlines()
        assert "is complete, but could not be sent to someone/digits" in line
        assert f"hf upload someone/digits {folder_to_push} --repo-type {kind}" in line
    assert "401" in refused.stderr.decode()


def test_a_missing_client_is_named(results, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    assert call(results, tmp_path / "card", "--run=1", "--push_to_hub=someone/digits") == 1
    assert "--push_to_hub needs huggingface_hub" in capsys.readouterr().err
    assert (tmp_path / "card" / "README.md").is_file()
