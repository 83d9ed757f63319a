"""Signals are requests to stop, and lose nothing."""

import signal
import threading

import pytest
from support.tiny_training import checkpoint_values, make_tiny_dataset, tiny_config, train_tiny

from msg_stylegan import load_networks
from msg_stylegan.training import loop
from msg_stylegan.training.interruption import ABORT_FILE, StopRequest
from msg_stylegan.training.run_output import RunOutput
from msg_stylegan.training.snapshots import read_best

SIGHUP = getattr(signal, "SIGHUP", None)
needs_sighup = pytest.mark.skipif(SIGHUP is None, reason="the system has no SIGHUP")


@pytest.fixture
def hangup_handler():
    """Sets what happens at SIGHUP until the end of the test."""
    before = signal.getsignal(SIGHUP)
    yield lambda handler: signal.signal(SIGHUP, handler)
    signal.signal(SIGHUP, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_are_requests_to_stop(number, tmp_path):
    assert threading.current_thread() is threading.main_thread()
    before = signal.getsignal(number)
    with StopRequest(tmp_path).listening() as request:
        assert request.reason() is None
        signal.raise_signal(number)
        assert request.reason() == signal.Signals(number).name
        # A second one is not swallowed.
        assert signal.getsignal(number) == before
    assert signal.getsignal(number) == before


@needs_sighup
def test_a_closed_terminal_may_be_reported_twice(tmp_path, hangup_handler):
    hangup_handler(signal.SIG_DFL)
    with StopRequest(tmp_path).listening() as request:
        signal.raise_signal(SIGHUP)
        signal.raise_signal(SIGHUP)
        assert request.reason() == "SIGHUP"
    assert signal.getsignal(SIGHUP) == signal.SIG_DFL


@needs_sighup
def test_nohup_is_heeded(tmp_path, hangup_handler):
    hangup_handler(signal.SIG_IGN)
    with StopRequest(tmp_path).listening() as request:
        signal.raise_signal(SIGHUP)
        assert request.reason() is None
        assert signal.getsignal(SIGHUP) == signal.SIG_IGN


def test_a_signal_ends_what_is_not_needed_and_nothing_else(tmp_path):
    with StopRequest(tmp_path).listening() as request:
        assert request.call_or_stop(lambda number: number + 1, 2) == 3
        with pytest.raises(ZeroDivisionError):
            request.call_or_stop(lambda: 1 // 0)

        def scoring():
            try:
                signal.raise_signal(signal.SIGTERM)
            except Exception:
                raise AssertionError("whoever handles errors must not see it") from None
            raise AssertionError("it goes on")

        assert request.call_or_stop(scoring) is None
        assert request.reason() == "SIGTERM"


def images_in_checkpoint(run_dir):
    return int(checkpoint_values(run_dir)["progress/cur_nimg/.ATTRIBUTES/VARIABLE_VALUE"])


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return make_tiny_dataset(tmp_path_factory.mktemp("data"))


def test_a_signal_while_scoring_stops_at_once_and_saves(dataset, tmp_path):
    scored = []

    def evaluate(nets, snapshot, kimg, writer, on_best):
        scored.append(kimg)
        if kimg:
            signal.raise_signal(signal.SIGTERM)
            raise AssertionError("it goes on")

    config = tiny_config(tmp_path, network_snapshot_ticks=2, checkpoint_ticks=0)
    run_dir = train_tiny(config, dataset, evaluate=evaluate)
    assert scored == [0.0, 0.064]
    assert images_in_checkpoint(run_dir) == 64
    assert load_networks(run_dir).info["cur_nimg"] == 64
    log = (run_dir / "log.txt").read_text(encoding="utf-8")
    assert "the metrics of network-snapshot-" in log
    assert log.endswith("Stopped by SIGTERM at 0.064 kimg. Everything is saved.\n")


@pytest.mark.parametrize("how", ["file", "signal"])
def test_a_stop_while_the_best_snapshot_is_scored_leaves_its_record(dataset, tmp_path, how):
    """By a file while all metrics are computed, or by a signal after the first of them."""
    scored = []

    def evaluate(nets, snapshot, kimg, writer, on_best):
        scored.append(kimg)
        on_best("score", 100.0 - kimg)
        if kimg and how == "file":
            (snapshot.parent / ABORT_FILE).touch()
        elif kimg:
            signal.raise_signal(signal.SIGTERM)

    config = tiny_config(tmp_path, network_snapshot_ticks=2)
    run_dir = train_tiny(config, dataset, evaluate=evaluate)
    assert scored == [0.0, 0.064]
    assert read_best(run_dir)["snapshot"] == "network-snapshot-000000_064.keras"


@pytest.mark.slow
def test_metrics_that_kill_the_process_lose_no_training(dataset, tmp_path):
    """When scoring begins, the checkpoint is written."""
    held = []

    def evaluate(nets, snapshot, kimg, writer, on_best):
        held.append(images_in_checkpoint(snapshot.parent))

    config = tiny_config(tmp_path, total_kimg=0.064, network_snapshot_ticks=1)
    train_tiny(config, dataset, evaluate=evaluate)
    assert held == [0, 32, 64]


def test_a_signal_before_the_first_image_leaves_a_run_to_resume(dataset, tmp_path, monkeypatch):
    describe = loop.describe_networks

    def interrupted(nets):
        signal.raise_signal(signal.SIGINT)
        return describe(nets)

    monkeypatch.setattr(loop, "describe_networks", interrupted)
    run_dir = train_tiny(tiny_config(tmp_path), dataset)
    assert images_in_checkpoint(run_dir) == 0
    log = (run_dir / "log.txt").read_text(encoding="utf-8")
    assert "Stopped by SIGINT at 0 kimg" in log


def test_a_signal_while_pictures_are_written_is_not_forgotten(dataset, tmp_path, monkeypatch):
    write_images = RunOutput.write_images

    def interrupted(self, tick):
        write_images(self, tick)
        if tick.nimg == 32:
            signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(RunOutput, "write_images", interrupted)
    config = tiny_config(tmp_path, checkpoint_ticks=0)
    run_dir = train_tiny(config, dataset)
    assert images_in_checkpoint(run_dir) == 32
