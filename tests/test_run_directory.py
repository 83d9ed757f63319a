"""Numbered run directories: reserved numbers, and how a run is found."""

import threading

import pytest

from msg_stylegan.training import run_directory


def make(result_dir, description):
    run_dir = run_directory.next_run_directory(result_dir, description, 1)
    run_directory.create_run_directory(run_dir, {})
    return run_dir


def test_run_directories_are_numbered_and_found(tmp_path):
    first = run_directory.next_run_directory(tmp_path, "digits", 1)
    assert first.name == "00001-digits-1gpu"
    run_directory.create_run_directory(first, {"seed": 1})
    (tmp_path / "00007-other").mkdir()
    second = run_directory.next_run_directory(tmp_path, "ffhq", 8)
    assert second.name == "00008-ffhq-8gpu"
    run_directory.create_run_directory(second, {})
    for which in ("latest", "8", "00008", second.name, str(second)):
        assert run_directory.find_run(tmp_path, which) == second
    assert run_directory.find_run(tmp_path, "1") == first
    for which in ("2", "7", "nothing", str(tmp_path / "none")):
        with pytest.raises(FileNotFoundError, match="no run"):
            run_directory.find_run(tmp_path, which)


def test_a_number_that_was_chosen_is_taken(tmp_path):
    """Whatever the descriptions are, and in whichever order the folders are made."""
    chosen = [run_directory.next_run_directory(tmp_path, name, 1) for name in ("a", "a", "b")]
    assert [path.name[:5] for path in chosen] == ["00001", "00002", "00003"]
    assert not any(path.exists() for path in chosen)
    for path in reversed(chosen):
        run_directory.create_run_directory(path, {})
    assert sorted(tmp_path.iterdir()) == chosen
    assert make(tmp_path, "c").name == "00004-c-1gpu"


def test_looking_ahead_writes_nothing(tmp_path):
    folder = tmp_path / "results"
    ahead = run_directory.next_run_directory(folder, "a", 1, reserve=False)
    assert ahead.name == "00001-a-1gpu"
    assert not folder.exists()


def test_starts_at_the_same_moment_get_numbers_of_their_own(tmp_path):
    number, rounds = 4, 10
    barrier = threading.Barrier(number)
    errors = []

    def start(name):
        try:
            for _ in range(rounds):
                barrier.wait(timeout=60)
                make(tmp_path, name)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=start, args=(f"run{n % 2}",)) for n in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    numbers = sorted(int(path.name[:5]) for path in tmp_path.iterdir())
    assert numbers == sorted(set(numbers))
    assert len(numbers) == number * rounds


def test_a_failed_start_gives_its_number_back(tmp_path):
    run_dir = run_directory.next_run_directory(tmp_path, "a", 1)
    with pytest.raises(TypeError):
        run_directory.create_run_directory(run_dir, {"no JSON": object()})
    assert list(tmp_path.iterdir()) == []


def test_two_old_runs_of_one_number_are_named(tmp_path):
    for name in ("00003-a-1gpu", "00003-b-1gpu"):
        run_directory.create_run_directory(tmp_path / name, {})
    for which in ("3", "latest"):
        with pytest.raises(ValueError, match=r"2 runs .*: 00003-a-1gpu, 00003-b-1gpu\. Choose"):
            run_directory.find_run(tmp_path, which)
    assert run_directory.find_run(tmp_path, "00003-b-1gpu").name == "00003-b-1gpu"
