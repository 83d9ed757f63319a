"""The probability that follows the discriminator, alone, in checkpoints and on two replicas."""

import numpy as np
import pytest
import tensorflow as tf
from support.new_process import arrays_of_python

from msg_stylegan.augmentation.adaptive import AdaptiveProbability
from msg_stylegan.augmentation.pipeline import Augmentation


def run(adaptive, signs, num_images=100.0, is_applied=1.0):
    for sign in signs:
        adaptive.update(tf.constant(sign), num_images, tf.constant(is_applied))
    return float(adaptive.value)


def test_the_probability_moves_by_images_over_the_time_from_0_to_1():
    adaptive = AdaptiveProbability(target=0.6, kimg=4, interval=4)
    assert run(adaptive, [1.0] * 3) == 0.0
    assert run(adaptive, [1.0]) == pytest.approx(0.1)
    assert run(adaptive, [1.0] * 36) == pytest.approx(1.0)
    assert run(adaptive, [1.0] * 8) == 1.0
    assert run(adaptive, [0.5] * 8) == pytest.approx(0.8)
    assert run(adaptive, [-1.0] * 80) == 0.0


def test_the_mean_over_the_interval_decides():
    adaptive = AdaptiveProbability(target=0.6, kimg=4, interval=4, initial=0.5)
    assert run(adaptive, [1.0, 1.0, 0.5, 0.5]) == pytest.approx(0.6)
    assert run(adaptive, [1.0, 0.4, 0.4, 0.4]) == pytest.approx(0.5)
    stays = AdaptiveProbability(target=0.5, kimg=4, interval=2, initial=0.5)
    assert run(stays, [1.0, 0.0]) == 0.5


def test_skipped_updates_do_not_count():
    adaptive = AdaptiveProbability(target=0.6, kimg=4, interval=2, initial=0.5)
    run(adaptive, [1.0])
    assert run(adaptive, [0.0] * 5, is_applied=0.0) == 0.5
    assert run(adaptive, [1.0]) == pytest.approx(0.55)


def test_a_checkpoint_continues_exactly(tmp_path):
    signs = np.random.default_rng(0).choice([0.2, 0.9], 30).tolist()
    uninterrupted = AdaptiveProbability(kimg=4, interval=4)
    first = Augmentation(["blit"], AdaptiveProbability(kimg=4, interval=4))
    run(uninterrupted, signs)
    run(first.adaptive, signs[:13])
    path = tf.train.Checkpoint(augmentation=first).save(str(tmp_path / "checkpoint"))
    second = Augmentation(["blit"], AdaptiveProbability(kimg=4, interval=4))
    tf.train.Checkpoint(augmentation=second).restore(path).assert_consumed()
    assert float(second.probability_at()) == float(first.probability_at()) > 0.0
    run(second.adaptive, signs[13:])
    assert float(second.probability_at()) == float(uninterrupted.value)


def test_the_probability_is_read_at_every_step():
    augmentation = Augmentation(["scale"], AdaptiveProbability(initial=0.0))
    draw = tf.function(lambda: augmentation.draw((1, 2), 8)["scale"], autograph=False)
    np.testing.assert_array_equal(draw(), np.ones(8))
    augmentation.adaptive.value.assign(1.0)
    assert np.all(draw() != 1.0)


REPLICAS = """
import sys
import numpy as np
import tensorflow as tf
from msg_stylegan.augmentation.adaptive import AdaptiveProbability
from msg_stylegan.augmentation.pipeline import Augmentation

n, target = int(sys.argv[1]), sys.argv[2]
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * n)
devices = [f"CPU:{i}" for i in range(n)]
strategy = tf.distribute.MirroredStrategy(devices) if n > 1 else tf.distribute.get_strategy()
with strategy.scope():
    augmentation = Augmentation(["all"], AdaptiveProbability(kimg=0.16, interval=2))
images = np.random.default_rng(0).uniform(-1, 1, [8, 8, 8, 3]).astype(np.float32)

def replica_step():
    context = tf.distribute.get_replica_context()
    first = tf.convert_to_tensor(context.replica_id_in_sync_group, tf.int32) * (8 // n)
    def share(x):
        return x[first : first + 8 // n]
    parameters = {k: share(v) for k, v in augmentation.draw((1, 2), 8).items()}
    seen = augmentation([share(tf.constant(images))], parameters)[0]
    return seen, tf.reduce_sum(tf.sign(tf.reduce_mean(seen, [1, 2, 3]) + 1.0)) / 8.0

@tf.function(autograph=False)
def steps():
    for _ in range(5):
        seen, sign = strategy.run(replica_step)
        sign = strategy.reduce("SUM", sign, axis=None)
        augmentation.adaptive.update(sign, 8, tf.constant(1.0))
    return seen, augmentation.adaptive.value

seen, p = steps()
copies = strategy.experimental_local_results(augmentation.adaptive.value)
np.savez(
    target,
    seen=np.concatenate([s.numpy() for s in strategy.experimental_local_results(seen)]),
    p=[copy.numpy() for copy in copies],
)
"""


@pytest.mark.slow
def test_two_replicas_see_what_one_sees(tmp_path):
    results = []
    for n in (1, 2):
        results.append(arrays_of_python(tmp_path / f"{n}.npz", "-c", REPLICAS, n))
    one, two = results
    np.testing.assert_allclose(two["seen"], one["seen"], atol=1e-5)
    # Two changes of 16 images each out of 160.
    np.testing.assert_allclose(one["p"], [0.2], rtol=1e-6)
    np.testing.assert_array_equal(two["p"], [one["p"][0]] * 2)
