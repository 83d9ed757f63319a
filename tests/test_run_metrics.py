import json
import os
from pathlib import Path

import numpy as np
import pytest
from support.event_files import events
from support.tiny_run import make_dataset, make_run

from msg_stylegan.commands import run_metrics


@pytest.fixture
def run_dir(tmp_path):
    make_dataset(tmp_path / "data" / "tiny")
    return make_run(tmp_path / "results", tmp_path / "data")


def call(tmp_path, network, *arguments, option="--network"):
    return run_metrics.main(
        [
            f"{option}={network}",
            "--metrics=swd32",
            "--batch_size=16",
            f"--result_dir={tmp_path / 'results'}",
            f"--cache_dir={tmp_path / 'cache'}",
            *arguments,
        ]
    )


def lines(run_dir, name="swd32"):
    path = run_dir / f"metric-{name}.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_all_snapshots_of_a_run_are_scored_once(tmp_path, run_dir, capsys):
    assert call(tmp_path, "1", "--all", option="--run") == 0
    first = lines(run_dir)
    names = ["network-snapshot-000000.keras", "network-snapshot-000001.keras"]
    assert [line["snapshot_pkl"] for line in first] == names
    assert [line["kimg"] for line in first] == [0, 1]
    assert first[0]["results"] != first[1]["results"]
    assert first[0]["settings"]["dataset"] == "tiny"
    # The scalars are at the number of images, as those of the training are.
    expected = [(line["kimg"] * 1000, line["results"]["swd32_avg"]) for line in first]
    np.testing.assert_allclose(events(run_dir)["Metrics/swd32_avg"], expected, rtol=1e-6)
    table = capsys.readouterr().out.split("\n\n")[-1].splitlines()
    assert table[0].split() == [
        "snapshot",
        "kimg",
        "swd32_avg",
        "swd32_16",
        "swd32_floor_16",
        "swd32_floor_avg",
    ]
    assert [row.split()[0] for row in table[1:]] == names

    # Again: nothing to do but to show the table. Forced: the same numbers.
    assert call(tmp_path, run_dir, "--all", option="--run") == 0
    assert lines(run_dir) == first
    assert names[1] in capsys.readouterr().out
    assert call(tmp_path, "latest", "--all", "--force", option="--run") == 0
    again = lines(run_dir)
    assert len(again) == 4
    assert [line["results"] for line in again[2:]] == [line["results"] for line in first]

    # The best one is noted, as in the training, and there is a plot.
    best = min(first, key=lambda line: line["results"]["swd32_avg"])
    assert json.loads((run_dir / "best_snapshot.json").read_text()) == {
        "snapshot": best["snapshot_pkl"],
        "metric": "swd32_avg",
        "value": best["results"]["swd32_avg"],
    }
    assert (run_dir / "metric-swd32.png").stat().st_size > 1000

    # One that was removed cannot be used as the best.
    (run_dir / best["snapshot_pkl"]).unlink()
    assert call(tmp_path, run_dir, "--all", option="--run") == 0
    (other,) = {line["snapshot_pkl"] for line in first} - {best["snapshot_pkl"]}
    assert json.loads((run_dir / "best_snapshot.json").read_text())["snapshot"] == other


def test_stability_of_a_finished_run(tmp_path, run_dir, capsys):
    arguments = ["--all", "--metrics=stability4,swd32"]
    assert call(tmp_path, "1", *arguments, option="--run") == 0
    (line,) = lines(run_dir, "stability4")
    assert line["kimg"] == 1 and line["results"]["stability4_16"] > 0
    assert (run_dir / "metric-stability4.png").stat().st_size > 1000
    # One table for all metrics; of those with many values it has the headline.
    table = capsys.readouterr().out.split("\n\n")[-1].splitlines()
    swd = ["swd32_avg", "swd32_16", "swd32_floor_16", "swd32_floor_avg"]
    assert table[0].split() == ["snapshot", "kimg", "stability4", *swd]
    assert [len(row.split()) for row in table[1:]] == [6, 7]


def test_there_is_a_file_for_tensorboard_where_something_was_scored(tmp_path, run_dir):
    for _ in range(2):
        assert call(tmp_path, "1", option="--run") == 0
        (path,) = run_dir.glob("events.out.tfevents.*")
        opened = [os.path.realpath(link) for link in Path("/proc/self/fd").glob("*")]
        assert str(path) not in opened


def test_without_all_the_newest_snapshot_is_scored(tmp_path, run_dir):
    assert call(tmp_path, "1", option="--run") == 0
    assert call(tmp_path, "1", option="--run") == 0
    assert [line["kimg"] for line in lines(run_dir)] == [1]
    assert call(tmp_path, "1") == 0
    assert [line["kimg"] for line in lines(run_dir)] == [1, 1]


def test_other_settings_are_other_results(tmp_path, run_dir):
    snapshot = run_dir / "network-snapshot-000001.keras"
    assert call(tmp_path, snapshot, "--num_images=20") == 0
    assert call(tmp_path, snapshot, "--num_images=20", "--mirror", "--seed=3") == 0
    settings = [line["settings"] for line in lines(run_dir, "swd20")]
    assert [(s["mirror"], s["seed"]) for s in settings] == [(False, 0), (True, 3)]


def test_mirroring_is_the_one_of_the_training(tmp_path):
    make_dataset(tmp_path / "data" / "tiny")
    run_dir = make_run(tmp_path / "results", tmp_path / "data", snapshots=[0], mirror=True)
    assert call(tmp_path, run_dir) == 0
    assert call(tmp_path, run_dir, "--no-mirror") == 0
    assert [line["settings"]["mirror"] for line in lines(run_dir)] == [True, False]


@pytest.mark.parametrize(
    ("network", "arguments", "message"),
    [
        ("7", [], "There is no run '7'"),
        ("nothing.keras", [], "There is no snapshot nothing.keras"),
        ("1", ["--metrics=swd2k,fidd50k"], "Unknown metric 'fidd50k'"),
        ("1", ["--reals=nowhere"], "There is no nowhere"),
        ("1", ["--num_images=-1"], "--num_images must not be negative"),
        # Before anything is opened.
        ("7", ["--export_stats=a.txt"], "a file name that ends with .npz. Received a.txt"),
    ],
)
def test_wrong_requests_give_one_clear_error(
    tmp_path, run_dir, capsys, network, arguments, message
):
    before = sorted(path.name for path in run_dir.iterdir())
    assert call(tmp_path, network, *arguments) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message in error and "Traceback" not in error
    assert sorted(path.name for path in run_dir.iterdir()) == before


@pytest.mark.parametrize(
    ("what", "option", "message"),
    [
        ("--network=1", "--output=a.jsonl", "--output goes with --fakes"),
        ("--run=1", "--output=a.jsonl", "--output goes with --fakes"),
        ("--network=1", "--force", "--all and --force go with --run"),
        ("--fakes=a", "--partners=b", "--partners goes with --network or --run"),
    ],
)
def test_options_that_would_do_nothing_are_refused(capsys, what, option, message):
    with pytest.raises(SystemExit):
        run_metrics.main([what, option])
    assert message in capsys.readouterr().err


def test_a_data_set_that_moved_is_missed_until_it_is_named(tmp_path, run_dir, capsys):
    (tmp_path / "data").rename(tmp_path / "moved")
    snapshot = run_dir / "network-snapshot-000000.keras"
    assert call(tmp_path, snapshot) == 1
    assert "Say by --reals where it is now" in capsys.readouterr().err
    assert call(tmp_path, snapshot, f"--reals={tmp_path / 'moved' / 'tiny'}") == 0
    assert lines(run_dir)[0]["settings"]["dataset"] == "tiny"


def test_a_run_without_snapshots_is_said(tmp_path, capsys):
    make_run(tmp_path / "results", tmp_path, snapshots=())
    assert call(tmp_path, "1") == 1
    assert "does not hold any network-snapshot-*.keras yet" in capsys.readouterr().err


def test_failures_of_a_metric_show_in_the_exit_status(tmp_path, capsys):
    # Colour images, for networks that make gray ones.
    make_dataset(tmp_path / "data" / "tiny", channels=3)
    make_run(tmp_path / "results", tmp_path / "data", snapshots=[0])
    assert call(tmp_path, "1") == 1
    assert "error: swd32 of network-snapshot-000000.keras failed" in capsys.readouterr().err


def test_a_line_that_was_cut_short_empties_no_table(tmp_path, run_dir, capsys):
    assert call(tmp_path, run_dir, "--all", option="--run") == 0
    first = lines(run_dir)
    path = run_dir / "metric-swd32.jsonl"
    path.write_bytes(path.read_bytes()[:-50])
    capsys.readouterr()
    assert call(tmp_path, run_dir, "--all", option="--run") == 0
    captured = capsys.readouterr()
    assert f"notice: line 2 of {path}" in captured.err
    assert [row.split()[1:3] for row in captured.out.split("\n\n")[-1].splitlines()[1:]] == [
        [f"{line['kimg']:.1f}", f"{line['results']['swd32_avg']:.4f}"] for line in first
    ]
    assert [line["results"] for line in lines(run_dir)] == [line["results"] for line in first]


def test_a_damaged_line_is_an_error_that_names_it(tmp_path, run_dir, capsys):
    assert call(tmp_path, run_dir, "--all", option="--run") == 0
    path = run_dir / "metric-swd32.jsonl"
    path.write_bytes(b'{"half": \n' + path.read_bytes())
    assert call(tmp_path, run_dir, "--all", option="--run") == 1
    assert f"error: Line 1 of {path} is damaged" in capsys.readouterr().err
