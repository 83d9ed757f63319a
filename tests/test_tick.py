"""The clock of training."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from msg_stylegan.training.stats import format_time
from msg_stylegan.training.tick import Tick


def ends_of_ticks(nimg, batch_size, tick_kimg, total_kimg, steps_per_call):
    """Trains without training; returns `(tick, images)` at every report."""
    tick = Tick(nimg, tick_kimg, total_kimg, batch_size)
    reports = []
    while True:
        if tick.is_over or tick.is_training_done:
            reports.append((tick.number, tick.nimg))
            tick.start()
        if tick.is_training_done:
            return reports
        tick.add({}, min(steps_per_call, tick.iterations_left()))


SIZES = {
    "batch_size": st.integers(1, 64),
    "tick_kimg": st.floats(0.064, 1.0),
    "total_kimg": st.floats(0.1, 3.0),
    "steps_per_call": st.integers(1, 50),
}


@given(**SIZES)
def test_ticks_do_not_depend_on_the_steps_per_call(
    batch_size, tick_kimg, total_kimg, steps_per_call
):
    sizes = (batch_size, tick_kimg, total_kimg)
    assert ends_of_ticks(0, *sizes, steps_per_call) == ends_of_ticks(0, *sizes, 1)


@given(stop=st.integers(1, 3000), **SIZES)
def test_an_interrupted_run_has_the_same_ticks(
    stop, batch_size, tick_kimg, total_kimg, steps_per_call
):
    reports = ends_of_ticks(0, batch_size, tick_kimg, total_kimg, steps_per_call)
    nimg = min(stop // batch_size * batch_size, reports[-1][1])
    resumed = ends_of_ticks(nimg, batch_size, tick_kimg, total_kimg, steps_per_call)
    expected = [report for report in reports if report[1] > nimg] or [reports[-1]]
    assert resumed[-len(expected) :] == expected


@given(**SIZES)
def test_every_tick_is_reported_once_and_ends_at_its_place(
    batch_size, tick_kimg, total_kimg, steps_per_call
):
    reports = ends_of_ticks(0, batch_size, tick_kimg, total_kimg, steps_per_call)
    length = round(tick_kimg * 1000)
    assert reports[0] == (0, 0)
    for number, nimg in reports[1:-1]:
        assert number * length <= nimg < number * length + batch_size
    assert reports[-1][1] - round(total_kimg * 1000) in range(batch_size)


def test_turns():
    tick = Tick(0, 0.1, 1.0, 100)
    due = {every: [] for every in (0, 1, 3)}
    for number in range(11):
        for every, numbers in due.items():
            if tick.is_due(every):
                numbers.append(number)
        tick.start()
        tick.add({}, 1)
    assert due == {0: [0, 10], 1: list(range(11)), 3: [0, 3, 6, 9, 10]}


@pytest.mark.parametrize(
    "seconds, text",
    [(0.4, "0m 00s"), (65, "1m 05s"), (3600, "1h 00m 00s"), (90061, "1d 01h 01m 01s")],
)
def test_format_time(seconds, text):
    assert format_time(seconds) == text
