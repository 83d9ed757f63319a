"""Numbers as functions of the images shown: their form, their values, options that have them."""

import json
import math

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from msg_stylegan import options
from msg_stylegan.commands import train, train_arguments
from msg_stylegan.kimg_schedule import KimgSchedule, ScheduledFloat, schedules_of, values_at
from msg_stylegan.losses.registry import LOSSES, make_loss, own_options
from msg_stylegan.options import validate
from msg_stylegan.presets import get_preset

# Those too small to be normal count as 0 in TensorFlow.
NUMBERS = st.floats(-(2.0**99), 2.0**99, width=32, allow_subnormal=False)
IMAGES = st.integers(0, 10**9)


@st.composite
def schedules(draw, values=NUMBERS):
    images = sorted(draw(st.sets(IMAGES, min_size=2, max_size=6)))
    return KimgSchedule(",".join(f"{draw(values)!r}@{count / 1000!r}" for count in images))


def changed(changes):
    return options.changed(get_preset("digits"), changes)


@given(schedules())
def test_the_text_is_the_schedule(schedule):
    """Parsed again, in JSON, and written in any other way."""
    assert KimgSchedule(str(schedule)) == schedule
    assert KimgSchedule(json.loads(json.dumps(schedule))).knots == schedule.knots
    other = ", ".join(f"{value:.17e} @ {images / 1000:.17e}" for value, images in schedule.knots)
    assert KimgSchedule(other) == schedule
    assert hash(KimgSchedule(other)) == hash(schedule)


@given(schedules(), st.integers(1, 1000), st.integers(0, 2 * 10**9))
def test_a_stretched_schedule_has_the_same_values_later(schedule, factor, nimg):
    stretched = schedule.stretched(factor)
    assert stretched.knots == [(value, images * factor) for value, images in schedule.knots]
    rounding = 1e-5 * max(map(abs, schedule.values))
    expected = pytest.approx(float(schedule.at(nimg)), abs=rounding)
    assert float(stretched.at(nimg * factor)) == expected


def test_normal_form():
    assert KimgSchedule("10.0@0, 1e-3@2e2,-0@201.5") == "10@0,0.001@200,0@201.5"


@given(schedules(), st.data())
def test_a_schedule_keeps_its_knots_and_stays_between_them(schedule, data):
    knots = [(np.float32(value), images) for value, images in schedule.knots]
    for value, images in knots:
        assert float(schedule.at(images)) == value
    nimg = data.draw(st.integers(0, 2 * 10**9))
    value = float(schedule.at(nimg))
    before = [knot for knot in knots if knot[1] <= nimg] or knots[:1]
    after = [knot for knot in knots if knot[1] > nimg] or knots[-1:]
    low, high = sorted([before[-1][0], after[0][0]])
    assert low <= value <= high


@given(
    st.lists(st.floats(0, 1, allow_subnormal=False), min_size=2, max_size=2),
    st.lists(st.integers(0, 10**6), min_size=2, max_size=3),
)
def test_between_two_knots_it_never_turns_back(values, places):
    start, end = values
    schedule = KimgSchedule(f"{start}@0,{end}@1000")
    steps = np.diff([float(schedule.at(nimg)) for nimg in sorted(places)])
    # The rounding of a number up to 1.
    assert np.all(steps >= -1e-7) if end >= start else np.all(steps <= 1e-7)


@given(st.floats(0, 1))
def test_it_is_half_a_cosine(share):
    schedule = KimgSchedule("7@100,7@200,-3@1100")
    nimg = 200_000 + round(share * 900_000)
    share = (nimg - 200_000) / 900_000
    expected = -3 + 10 * (1 + math.cos(math.pi * share)) / 2
    assert float(schedule.at(nimg)) == pytest.approx(expected, abs=1e-5)
    assert float(schedule.at(round(share * 200_000))) == 7.0


def test_another_number_of_images_is_no_other_graph():
    schedule, nimg = KimgSchedule("10@0,1@0.2"), tf.Variable(0, dtype=tf.int64)
    traced = []

    @tf.function(autograph=False)
    def value():
        traced.append(True)
        return schedule.at(nimg)

    values = []
    for images in (0, 100, 200, 5000):
        nimg.assign(images)
        values.append(float(value()))
    assert values == [10.0, 5.5, 1.0, 1.0]
    assert len(traced) == 1


def test_numbers_stay_numbers():
    """The very same object: not even a constant is added to a graph."""
    config = changed({})
    assert values_at(config.loss, tf.constant(0)) is config.loss
    with_one = changed({"loss.r1_gamma": "4@0,2@1"})
    now = values_at(with_one.loss, tf.constant(500))
    assert float(now.r1_gamma) == 3.0
    assert now.r2_gamma is with_one.loss.r2_gamma
    assert schedules_of(with_one) == {"loss.r1_gamma": "4@0,2@1"}


def test_a_loss_has_the_present_values_of_its_options():
    logits = tf.constant([[3.0]])
    loss = make_loss("wgan", drift_epsilon=KimgSchedule("0@0,1@1"))
    for nimg, epsilon in ((0, 0.0), (500, 0.5), (9000, 1.0)):
        value = values_at(loss, nimg).D(logits, 0 * logits)
        assert float(value[0, 0]) == pytest.approx(-3 + 9 * epsilon)


SCHEDULED = [n for n, f in options.option_fields().items() if f.type == ScheduledFloat]
OTHERS = [n for n, f in options.option_fields().items() if f.type in (bool, int, float)]


def test_what_may_have_a_schedule():
    """Numbers of loss, optimizer, augmentation and average, but for what is a time of the run."""
    of_groups = {
        name
        for name, field in options.option_fields().items()
        if name.startswith(("loss.", "optimizer.", "augment.", "schedule.ema_"))
        and field.type in (float, ScheduledFloat)
    }
    assert set(SCHEDULED) == of_groups - {"optimizer.rampup_kimg"}


# Right at both ends for every option that may have one.
HALF = "0.5@0,0.25@1.5"


@pytest.mark.parametrize("name", SCHEDULED)
def test_options_are_stored_as_they_were_given(name):
    config = changed({name: HALF})
    (found,) = schedules_of(config).items()
    assert found == (name, HALF)
    assert options.from_dict(json.loads(json.dumps(options.to_dict(config)))) == config
    assert options.differences(get_preset("digits"), config)[0][2] == HALF
    own = {"mine": ("digits", {name: HALF})}
    assert schedules_of(get_preset("mine", own)) == dict([found])
    key = name.removeprefix("loss.")
    having = [n for n, loss in LOSSES.items() if key in {f.name for f in own_options(loss)}]
    # Path lengths need those networks.
    arguments = ["--config.generator.body=stylegan2", "--config.loss.r1_gamma=0"]
    arguments += [f"--config.{name}={HALF}"]
    arguments += [f"--config.loss.name={loss}" for loss in having[-1:]]
    parsed = train_arguments.parse_command_line(arguments).config
    assert schedules_of(parsed) == dict([found])


@pytest.mark.parametrize("name", OTHERS)
def test_other_options_have_one_value(name, capsys):
    with pytest.raises(ValueError, match=rf"{name}='{HALF}': .* not a schedule"):
        changed({name: HALF})
    assert train.main([f"--config.{name}={HALF}"]) == 2
    assert f"--config.{name}={HALF}: must be one value" in capsys.readouterr().err


@pytest.mark.parametrize(
    "text, problem",
    [
        ("1@", "such as 10@0,1@200"),
        ("@1", "such as 10@0,1@200"),
        ("1@0", "such as 10@0,1@200"),
        ("1@0,2", "such as 10@0,1@200"),
        ("1@0,2@1,", "such as 10@0,1@200"),
        ("1@0@1,2@3", "such as 10@0,1@200"),
        ("a@0,1@b", "such as 10@0,1@200"),
        ("1@0,2@0", "0.001, one image, after"),
        ("1@2,2@1", "0.001, one image, after"),
        ("1@0,2@0.0004", "0.001, one image, after"),
        ("1@-1,2@1", "each KIMG must be from 0"),
        ("1@0,2@nan", "each KIMG must be from 0"),
        ("1@0,2@1e12", "each KIMG must be from 0"),
        ("nan@0,2@1", "each VALUE must be finite"),
        ("1@0,1e39@1", "each VALUE must be finite"),
    ],
)
def test_what_is_no_schedule(text, problem, capsys):
    with pytest.raises(ValueError, match=rf"loss\.r1_gamma='{text}': .*{problem}"):
        changed({"loss.r1_gamma": text})
    assert train.main([f"--config.loss.r1_gamma={text}"]) == 2
    error = capsys.readouterr().err
    assert f"--config.loss.r1_gamma={text}: " in error and problem in error


@pytest.mark.parametrize(
    "changes, problem",
    [
        ({"loss.r1_gamma": "1@0,-1@1"}, r"loss\.r1_gamma='1@0,-1@1': must be at least 0"),
        ({"optimizer.beta2": "0@0,1@1"}, r"optimizer\.beta2='0@0,1@1': must be .* below 1"),
        (
            {"augment.groups": ["color"], "augment.probability": "0@0,1@1"},
            r"augment\.probability=0@0,1@1: must be a number with augment\.adaptive=True",
        ),
        (
            {"optimizer.name": "RMSprop", "optimizer.beta1": "0.1@0,0.2@1"},
            r"optimizer\.beta1=0\.1@0,0\.2@1: must be a number with optimizer\.name='RMSprop'",
        ),
        (
            {"optimizer.name": "tfa.LAMB", "optimizer.epsilon": "0.1@0,0.2@1"},
            r"optimizer\.epsilon=0\.1@0,0\.2@1: must be left out with .*'tfa\.LAMB'",
        ),
        (
            {"loss.name": "wgan_gp", "loss.r1_gamma": "1@0,0@1"},
            r"set loss\.r1_gamma=0 and loss\.r2_gamma=0",
        ),
        (
            {"loss.drift_epsilon": "0@0,1@1"},
            r"loss\.drift_epsilon=0@0,1@1: must be 0\.001 with loss\.name='logistic'",
        ),
    ],
)
def test_schedules_that_are_not_possible(changes, problem):
    with pytest.raises(ValueError, match=problem):
        validate(changed(changes))
