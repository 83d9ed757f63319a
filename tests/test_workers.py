"""Workers find out who they are, agree, and learn what became of the others."""

import dataclasses
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.checkout import ROOT
from support.free_addresses import free_addresses

from msg_stylegan.options import Config, HardwareOptions
from msg_stylegan.workers import group
from msg_stylegan.workers.cluster import Cluster, find_cluster, hosts_of
from msg_stylegan.workers.group import ALONE, WorkerLostError
from msg_stylegan.workers.meeting import join

WORKERS = ("a:1", "b:2", "c:3")


def tf_config(cluster, kind, index):
    return {"TF_CONFIG": json.dumps({"cluster": cluster, "task": {"type": kind, "index": index}})}


def test_addresses_and_a_number_say_who_one_is():
    assert find_cluster(WORKERS, 2, {}) == Cluster(WORKERS, 2)
    for wrong in (None, -1, 3):
        with pytest.raises(ValueError, match="--worker"):
            find_cluster(WORKERS, wrong, {})
    with pytest.raises(ValueError, match="no such addresses"):
        find_cluster((), 0, {})


@pytest.mark.parametrize(
    "environ", [{}, {"TF_CONFIG": ""}, tf_config({"worker": ["a:1"]}, "worker", 0)]
)
def test_a_process_may_be_alone(environ):
    assert find_cluster((), None, environ) is None


def test_tf_config_names_the_chief_first():
    cluster = {"worker": ["b:2", "c:3"], "chief": ["a:1"]}
    tasks = [("chief", 0), ("worker", 0), ("worker", 1)]
    found = [find_cluster((), None, tf_config(cluster, *task)) for task in tasks]
    assert found == [Cluster(WORKERS, index) for index in range(3)]
    for kind, index in (("worker", 2), ("evaluator", 0), ("ps", 0)):
        with pytest.raises(ValueError, match="TF_CONFIG"):
            find_cluster((), None, tf_config(cluster, kind, index))
    for address in ("b", "b:65536", "b:x"):
        with pytest.raises(ValueError, match=f"TF_CONFIG names the address '{address}'"):
            find_cluster((), None, tf_config({"worker": ["a:1", address]}, "worker", 0))
    with pytest.raises(ValueError, match="TF_CONFIG cannot be understood"):
        find_cluster((), None, {"TF_CONFIG": "[1"})


def slurm(nodes, tasks, rank, **more):
    values = {"STEP_NODELIST": nodes, "STEP_TASKS_PER_NODE": tasks, "PROCID": rank, **more}
    return {f"SLURM_{name}": str(value) for name, value in values.items()}


def test_ranks_follow_the_order_of_slurm():
    found = find_cluster(("slurm",), None, slurm("n[9-10],m5", "2,1(x2)", 3, JOB_ID=8, NODEID=2))
    assert found == Cluster(("n9:12008", "n9:12009", "n10:12008", "m5:12008"), 3)
    with pytest.raises(ValueError, match="srun"):
        find_cluster(("slurm",), None, {})
    with pytest.raises(ValueError, match="--distribution=block"):
        find_cluster(("slurm",), None, slurm("n[1-2]", "2(x2)", 1, NODEID=1))


@given(st.lists(st.tuples(st.integers(0, 120), st.integers(0, 9)), min_size=1, max_size=4))
def test_node_lists_are_read_as_they_are_written(ranges):
    names, parts = [], []
    for low, more in ranges:
        parts.append(f"{low:03d}-{low + more:03d}" if more else f"{low:03d}")
        names += [f"node{number:03d}-x" for number in range(low, low + more + 1)]
    assert hosts_of(f"node[{','.join(parts)}]-x,login") == [*names, "login"]


def test_tensorflow_reads_slurm_alike(monkeypatch):
    """Where it sorts the hosts as Slurm does."""
    import tensorflow as tf

    environ = slurm("n[1-3]", "2(x2),1", 3, STEP_NUM_TASKS=5)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    resolver = tf.distribute.cluster_resolver.SlurmClusterResolver(
        port_base=12_000, gpus_per_node=2, gpus_per_task=1, auto_set_gpu=False
    )
    expected = resolver.cluster_spec().as_dict()["worker"]
    found = find_cluster(("slurm",), None, environ)
    assert (list(found.addresses), found.index) == (expected, resolver.task_id)


def problems(**hardware):
    config = Config()
    hardware = HardwareOptions(**hardware)
    return hardware.problems(dataclasses.replace(config, hardware=hardware), None)


@pytest.mark.parametrize("workers", [("a:1",), ("a:1", "a:1"), ("slurm", "a:1")])
def test_options_name_two_or_more_workers(workers):
    assert problems(workers=workers)
    assert not problems(workers=("slurm",))
    assert not problems(workers=WORKERS)
    assert problems(workers=WORKERS, logical_cpus=2)


def test_one_worker_agrees_with_itself():
    assert ALONE.is_chief and ALONE.first(None) is None and ALONE.first("x") == "x"
    assert ALONE.from_chief([1]) == [1] and ALONE.exchange(2) == [2]
    ALONE.barrier()
    ALONE.check_same({"a": 1})


def together(
    function, count=3, addresses_of=lambda index, addresses: addresses, end=lambda fault: None
):
    """What a function of `Workers` returns, or raises, for each of several that are connected."""
    addresses = free_addresses(count)

    def work(index):
        cluster = Cluster(addresses_of(index, addresses), index)
        try:
            with join(cluster, print, end, patience=60.0) as workers:
                return function(workers)
        except Exception as error:
            return error

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(work, range(count)))


def test_workers_exchange_values_in_their_order():
    def function(workers):
        number = workers.index
        return (
            workers.exchange({"of": (number,)}),
            workers.first([None, "one", "two"][number]),
            workers.first(None),
            workers.from_chief(number + 7),
            workers.on_chief(lambda: "written"),
        )

    *same, written = zip(*together(function), strict=True)
    assert written == ("written", None, None)
    for values, expected in zip(
        same, ([{"of": [0]}, {"of": [1]}, {"of": [2]}], "one", None, 7), strict=True
    ):
        assert list(values) == [expected] * 3


def test_all_learn_which_worker_differs():
    errors = together(lambda workers: workers.check_same({"a": 1, "b": workers.index == 2}))
    assert {type(error) for error in errors} == {ValueError}
    assert len({str(error) for error in errors}) == 1
    assert "b: True for worker 2" in str(errors[0]) and "a:" not in str(errors[0])


def test_an_error_of_one_ends_all_and_is_named():
    def function(workers):
        if workers.index == 1:
            raise OSError("the disk is full")
        workers.barrier()

    chief, failed, other = together(function)
    assert str(failed) == "the disk is full"
    for error in (chief, other):
        assert isinstance(error, WorkerLostError)
        assert str(error).startswith("worker 1 (localhost:")
        assert "stopped: the disk is full" in str(error) and "--resume" in str(error)


def _wait_for(is_reached, seconds=60.0):
    end = time.monotonic() + seconds
    while not is_reached() and time.monotonic() < end:
        time.sleep(0.01)


def test_what_does_not_end_by_itself_is_ended(monkeypatch):
    monkeypatch.setattr(group, "_GRACE", 0.2)
    ended = []

    def function(workers):
        if workers.index == 1:
            raise OSError("the disk is full")
        # As inside of TensorFlow, where nothing reaches a thread.
        _wait_for(lambda: len(ended) == 2)

    together(function, end=ended.append)
    assert len(ended) == 2
    assert all("stopped: the disk is full" in fault for fault in ended)


def test_who_has_raised_what_there_is_to_tell_ends_without_a_word(monkeypatch):
    # Far longer than the main threads need to raise it, also on a busy machine.
    monkeypatch.setattr(group, "_GRACE", 5.0)
    ended = []
    together(lambda workers: workers.index == 1 and 1 / 0, end=ended.append)
    _wait_for(lambda: len(ended) == 2)
    assert ended == [None, None]


def test_workers_with_other_addresses_are_refused():
    results = together(
        lambda workers: None, 2, lambda index, own: own if index == 0 else (own[0], "elsewhere:1")
    )
    assert all(isinstance(error, ValueError) and "elsewhere:1" in str(error) for error in results)


def test_a_request_to_stop_reaches_a_busy_chief():
    heard = []

    def function(workers):
        workers.on_stop(heard.append)
        workers.barrier()
        if workers.index == 2:
            workers.announce_stop("SIGTERM")
        workers.barrier()

    together(function)
    (reason,) = heard
    assert reason.startswith("SIGTERM of worker 2")


def test_who_is_missing_is_named():
    addresses = free_addresses(2)
    with pytest.raises(ConnectionError, match=f"Missing: {addresses[1]}"):
        join(Cluster(addresses, 0), print, print, patience=1.0)


@pytest.mark.parametrize("killed", [0, 1])
def test_a_killed_process_is_noticed_at_once(killed):
    addresses = free_addresses(2)
    program = (
        "import sys, time; from msg_stylegan.workers.meeting import join\n"
        "from msg_stylegan.workers.cluster import Cluster\n"
        f"with join(Cluster({addresses!r}, int(sys.argv[1])), print, print) as workers:\n"
        "    workers.barrier(); print('met', flush=True)\n"
        f"    time.sleep(600) if workers.index == {killed} else workers.barrier()\n"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(index)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for index in range(2)
    ]
    try:
        assert [process.stdout.readline() for process in processes] == ["met\n"] * 2
        processes[killed].kill()
        _, errors = processes[1 - killed].communicate(timeout=15)
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    assert processes[1 - killed].returncode == 1
    assert f"worker {killed} ({addresses[killed]}) has ended" in errors
