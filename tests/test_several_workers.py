"""Two processes with a device each train as one process with two devices does.

Every training runs in processes of its own, as a user starts it.
"""

import contextlib
import signal

import numpy as np
import pytest
from support.free_addresses import free_addresses
from support.new_process import run_program, start_program, wait_for
from support.tiny_training import assert_same_checkpoints, checkpoint_values, make_tiny_dataset

from msg_stylegan.files import read_json_lines

_SIZES = {"channel_base": 64, "channel_max": 8}
OPTIONS = {
    "data_dir": ".",
    "dataset.path": "tiny",
    "dataset.resolution": 16,
    "dataset.mirror": True,
    **{
        f"{network}.{k}": v for network in ("generator", "discriminator") for k, v in _SIZES.items()
    },
    **{f"generator.{name}": 8 for name in ("z_dim", "w_dim", "mapping_width")},
    "generator.mapping_layers": 2,
    "augment.groups": "blit",
    "augment.kimg": 0.5,
    "schedule.batch_size": 8,
    "schedule.tick_kimg": 0.016,
    "schedule.network_snapshot_ticks": 0,
    "schedule.image_grid": "4x2",
    "metrics.names": "swd64",
    "metrics.num_images": 64,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("workers")
    make_tiny_dataset(folder)
    return folder


def arguments(name, kimg, **more):
    values = {**OPTIONS, "result_dir": name, "schedule.total_kimg": kimg, **more}
    return ["--config=digits", *(f"--config.{option}={value}" for option, value in values.items())]


@contextlib.contextmanager
def two_workers(folder, name, kimg, script="train.py", **more):
    """Starts both; none of them is left behind."""
    addresses = free_addresses(2)
    words = [*arguments(name, kimg, **more), f"--config.hardware.workers={','.join(addresses)}"]
    processes = [
        start_program(folder, script, *words, "--resume=auto", f"--worker={index}")
        for index in range(2)
    ]
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def train_two(folder, name, kimg, script="train.py", **more):
    """Trains with two workers to the end; returns what they said, and what went to stderr."""
    with two_workers(folder, name, kimg, script, **more) as processes:
        said = [process.communicate(timeout=300) for process in processes]
        assert [process.returncode for process in processes] == [0, 0], said
    return said


def run_of(folder, name):
    (run_dir,) = (folder / name).glob("0*")
    return run_dir


def images_of(run_dir):
    return int(checkpoint_values(run_dir)["progress/cur_nimg/.ATTRIBUTES/VARIABLE_VALUE"])


@pytest.fixture(scope="module")
def one(folder):
    """The run of one process with two devices: ten steps."""
    run_program(folder, "train.py", *arguments("one", 0.08, **{"hardware.logical_cpus": 2}))
    return run_of(folder, "one")


def losses_of(run_dir):
    lines = read_json_lines(run_dir / "stats.jsonl")
    return [{k: v for k, v in line.items() if k.startswith(("Loss", "Prog"))} for line in lines]


@pytest.mark.slow
def test_two_processes_train_as_one_with_two_devices(folder, one):
    (said, _), (silent, _) = train_two(folder, "two", 0.08)
    two = run_of(folder, "two")
    assert "Finished at 0.08 kimg" in said and silent == ""
    ours, expected = checkpoint_values(two), checkpoint_values(one)
    assert ours.keys() == expected.keys()
    for name in expected:
        np.testing.assert_allclose(ours[name], expected[name], rtol=1e-4, atol=1e-5, err_msg=name)
    # Means over all images and latents of both devices.
    for line, same in zip(losses_of(two), losses_of(one), strict=True):
        assert line == pytest.approx(same, rel=1e-3, abs=1e-5)
    # What the chief alone wrote.
    assert {
        path.name.partition(".v2")[0] for path in two.rglob("*") if "events" not in path.name
    } == {path.name for path in one.rglob("*") if "events" not in path.name}
    results = [read_json_lines(run / "metric-swd64.jsonl")[-1]["results"] for run in (one, two)]
    assert results[0] == pytest.approx(results[1], rel=1e-3)


@pytest.mark.slow
def test_all_devices_of_the_chief_compute_metrics(folder, one):
    train_two(folder, "devices", 0.08, "tests/support/worker_of_two_devices.py")
    runs = [one, run_of(folder, "devices")]
    # One line for the start, one for the end: the networks in training do not stay the first ones.
    of_one, of_devices = [read_json_lines(run / "metric-swd64.jsonl") for run in runs]
    assert [line["num_gpus"] for line in of_devices] == [2, 2]
    assert of_devices[0]["results"] != of_devices[1]["results"]
    for line, same in zip(of_devices, of_one, strict=True):
        assert line["results"] == pytest.approx(same["results"], rel=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("killed", [0, 1])
def test_a_killed_worker_ends_the_other_and_all_continue(folder, one, killed):
    name = f"killed{killed}"
    long = {"schedule.checkpoint_ticks": 2}
    with two_workers(folder, name, 1000, **long) as processes:
        wait_for(processes[0], lambda: any((folder / name).glob("0*/checkpoints/ckpt-32.index")))
        processes[killed].kill()
        _, errors = processes[1 - killed].communicate(timeout=60)
        assert processes[1 - killed].returncode == 1
    assert f"error: worker {killed} (localhost:" in errors and "--resume=auto" in errors
    run_dir = run_of(folder, name)
    # Back to the middle of the training that is to be repeated.
    for path in (run_dir / "checkpoints").iterdir():
        if "ckpt-32." not in path.name:
            path.unlink()
    train_two(folder, name, 0.08)
    assert run_of(folder, name) == run_dir
    assert images_of(run_dir) == 80
    whole = folder / "two"
    if not whole.exists():
        train_two(folder, "two", 0.08)
    assert_same_checkpoints(run_dir, run_of(folder, "two"))


@pytest.mark.slow
@pytest.mark.parametrize("asked", [0, 1, "abort.txt"])
def test_whoever_is_asked_to_stop_all_save_at_the_same_step(folder, asked):
    name = f"stopped{asked}"
    with two_workers(folder, name, 1000, **{"schedule.checkpoint_ticks": 0}) as processes:
        stats = wait_for(processes[0], lambda: [*(folder / name).glob("0*/stats.jsonl")])[0]
        if asked == "abort.txt":
            (stats.parent / asked).touch()
        else:
            processes[asked].send_signal(signal.SIGTERM)
        said = [process.communicate(timeout=60) for process in processes]
        assert [process.returncode for process in processes] == [0, 0], said
    reason = asked if asked == "abort.txt" else "SIGTERM"
    assert f"Stopped by {reason}" in said[0][0] and "Everything is saved" in said[0][0]
    assert "Continue by --resume=" in said[0][0] and "Continue by" not in said[1][0]
    run_dir = run_of(folder, name)
    assert 0 < images_of(run_dir) == round(1000 * losses_of(run_dir)[-1]["Progress/kimg"])
    assert not (run_dir / "abort.txt").exists()


@pytest.mark.slow
def test_what_prevents_one_worker_ends_both(folder):
    addresses = ",".join(free_addresses(2))
    words = [*arguments("never", 1), f"--config.hardware.workers={addresses}"]
    processes = [
        start_program(folder, "train.py", *words, f"--worker={index}", *more)
        for index, more in enumerate(([], ["--config.loss.r1_gamma=7"]))
    ]
    errors = [process.communicate(timeout=120)[1] for process in processes]
    assert [process.returncode for process in processes] == [1, 1]
    for error in errors:
        assert "loss.r1_gamma: 7.0 for worker 1" in error
    assert not (folder / "never").exists()
