"""The ramp-up of the learning rate follows the images, whatever an update consists of."""

import pytest
import tensorflow as tf
from support.tiny_training import (
    assert_same_checkpoints,
    make_tiny_dataset,
    tiny_config,
    train_tiny,
)
from tensorflow import keras

from msg_stylegan.options import OptimizerOptions, changed
from msg_stylegan.training.optimizers import (
    make_optimizer,
    number_of_updates,
    ramp_up_of,
    reset_optimizer,
)
from msg_stylegan.training.training_state import TrainingState

KERAS_3 = hasattr(keras, "ops")
ONE = tf.distribute.get_strategy()


def optimizer_of(images_per_update, name="Adam", **options):
    variable = tf.Variable([0.0])
    options = {"images_per_update": images_per_update, **options}
    return make_optimizer(OptimizerOptions(name=name), 1.0, 1000.0, [variable], **options)


def rate(optimizer):
    """Rate of the next update. Keras 2 shows that of the last one as `optimizer.learning_rate`."""
    return float(ramp_up_of(optimizer)(optimizer.iterations))


NAMES = ["Adam", "RMSprop", *([] if KERAS_3 else ["tfa.LAMB"])]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("new_size", [3, 8, 17])
def test_another_batch_size_goes_on_from_the_same_image(name, new_size, tmp_path):
    before = optimizer_of(8, name)
    before.iterations.assign(40)
    after = optimizer_of(new_size, name)
    path = tf.train.Checkpoint(o=before).save(str(tmp_path / "c"))
    tf.train.Checkpoint(o=after).restore(path).assert_consumed()
    assert rate(after) == rate(before) == pytest.approx(0.328)

    ramp_up_of(after).set_images_per_update(number_of_updates(after), new_size)
    for update in range(3):
        assert rate(after) == pytest.approx((320 + (update + 1) * new_size) / 1000)
        after.iterations.assign_add(1)


def test_the_same_batch_size_changes_no_number():
    optimizer = optimizer_of(7, lazy_interval=3)
    optimizer.iterations.assign(5)
    clock = ramp_up_of(optimizer).clock.numpy().tolist()
    ramp_up_of(optimizer).set_images_per_update(5, 7)
    assert ramp_up_of(optimizer).clock.numpy().tolist() == clock


def test_a_lazy_interval_counts_the_images_of_its_updates():
    """Five updates for four batches of 8 images."""
    optimizer = optimizer_of(8, lazy_interval=4)
    optimizer.iterations.assign(49)
    assert rate(optimizer) == pytest.approx(0.8 * 40 * 8 / 1000)


def test_a_reset_optimizer_keeps_its_images():
    optimizer = optimizer_of(8)
    optimizer.iterations.assign(50)
    reset_optimizer(optimizer)
    ramp_up_of(optimizer).set_images_per_update(0, 4)
    assert number_of_updates(optimizer) == 0
    assert rate(optimizer) == pytest.approx(0.404)


def ramped(folder, **schedule):
    return changed(tiny_config(folder, **schedule), {"optimizer.rampup_kimg": 0.256})


def state_of(config, run_dir, dataset):
    state = TrainingState(config, run_dir, [dataset], ONE)
    state.enter(state.stage)
    return state


@pytest.fixture(scope="module")
def half(tmp_path_factory):
    """Half of a ramp-up, in batches of 8 images; G sees every second one."""
    folder = tmp_path_factory.mktemp("half")
    dataset = make_tiny_dataset(folder)
    config = ramped(folder, total_kimg=0.064, D_steps_per_G_step=2)
    return train_tiny(config, dataset), dataset, folder


def test_a_run_goes_on_with_another_batch_size(half):
    run_dir, dataset, folder = half
    for batch_size in (4, 16):
        config = ramped(folder, batch_size=batch_size, D_steps_per_G_step=2)
        state = state_of(config, run_dir, dataset)
        assert rate(state.D_opt) == pytest.approx(0.003 * (64 + batch_size) / 256)
        assert rate(state.G_opt) == pytest.approx(0.003 * (64 + 2 * batch_size) / 256)


@pytest.mark.slow
@pytest.mark.further
def test_a_ramp_up_that_was_interrupted_is_bit_for_bit_the_whole_one(half, tmp_path):
    _, dataset, _ = half
    options = {"D_steps_per_G_step": 2}
    whole = train_tiny(ramped(tmp_path / "whole", total_kimg=0.128, **options), dataset)
    parts = train_tiny(ramped(tmp_path / "parts", total_kimg=0.080, **options), dataset)
    train_tiny(ramped(tmp_path / "parts", total_kimg=0.128, **options), dataset, run_dir=parts)
    assert_same_checkpoints(parts, whole)


def test_a_checkpoint_that_knows_no_images_is_read(half, tmp_path):
    """Those of older versions. What they lack otherwise is still an error."""
    run_dir, dataset, folder = half
    config = ramped(folder, batch_size=4)
    state = TrainingState(config, run_dir, [dataset], ONE)
    objects = {name: getattr(state, name) for name in ("nets", "G_opt", "D_opt", "progress")}
    with ramp_up_of(state.G_opt).hidden_clock(), ramp_up_of(state.D_opt).hidden_clock():
        tf.train.CheckpointManager(
            tf.train.Checkpoint(**objects), str(tmp_path / "old" / "checkpoints"), 1
        ).save(64)
        objects.pop("progress")
        tf.train.CheckpointManager(
            tf.train.Checkpoint(**objects), str(tmp_path / "damaged" / "checkpoints"), 1
        ).save(64)
    old = state_of(config, tmp_path / "old", dataset)
    assert old.progress.nimg == 64
    for optimizer in (old.G_opt, old.D_opt):
        assert rate(optimizer) == pytest.approx(0.003 * 68 / 256)
    with pytest.raises(ValueError, match="does not fit"):
        TrainingState(config, tmp_path / "damaged", [dataset], ONE)
