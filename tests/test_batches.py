import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from support.new_process import run_python
from support.stored_data_sets import write_records

from msg_stylegan.data.batches import ShuffledOrder, training_batches
from msg_stylegan.data.dataset import TFRecordDataset

NUM_IMAGES = 10


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """Ten images; every pixel of image `i`, and its label, is `i`."""
    directory = tmp_path_factory.mktemp("data") / "ten"
    numbers = np.arange(NUM_IMAGES, dtype=np.uint8)
    images = np.tile(numbers[:, np.newaxis, np.newaxis, np.newaxis], (1, 8, 8, 3))
    write_records(directory, images, numbers[:, np.newaxis])
    return TFRecordDataset(directory, max_label_size=-1)


def numbers(batches, count):
    """The image numbers in the first `count` elements, `[count, n]`."""
    result = []
    for batch in batches.take(count).as_numpy_iterator():
        image_numbers = batch["images"][:, 0, 0, 0]
        np.testing.assert_array_equal(
            batch["images"],
            np.broadcast_to(image_numbers[:, None, None, None], batch["images"].shape),
        )
        np.testing.assert_array_equal(batch["labels"][:, 0], image_numbers)
        result.append(image_numbers)
    return np.asarray(result)


def context(pipelines, pipeline, replicas):
    return tf.distribute.InputContext(pipelines, pipeline, replicas)


def test_specification_is_static(dataset):
    spec = training_batches(dataset, batch_size=4, seed=0).element_spec
    assert spec == {
        "images": tf.TensorSpec([4, 8, 8, 3], tf.uint8),
        "labels": tf.TensorSpec([4, 1], tf.float32),
    }


def test_without_labels(dataset):
    unlabelled = TFRecordDataset(dataset.path)
    batch = next(iter(training_batches(unlabelled, batch_size=4, seed=0)))
    assert batch["labels"].shape == (4, 0)


@pytest.mark.parametrize("batch_size", [1, 4, 10, 25])
def test_every_epoch_is_a_permutation(dataset, batch_size):
    batches = training_batches(dataset, batch_size=batch_size, seed=3)
    stream = numbers(batches, 100 // batch_size).reshape(-1)
    epochs = stream.reshape(-1, NUM_IMAGES)
    np.testing.assert_array_equal(np.sort(epochs), np.tile(np.arange(NUM_IMAGES), (10, 1)))
    assert len({tuple(epoch) for epoch in epochs}) == 10


def test_stream_depends_on_the_seed_only(dataset):
    def stream(batch_size, seed):
        return numbers(
            training_batches(dataset, batch_size=batch_size, seed=seed), 60 // batch_size
        )

    np.testing.assert_array_equal(stream(4, 3).reshape(-1), stream(15, 3).reshape(-1))
    assert not np.array_equal(stream(4, 3), stream(4, 4))


@pytest.mark.parametrize("start", [0, 4, 8, 13, 1000])
def test_resumed_stream_is_the_same(dataset, start):
    order = ShuffledOrder(NUM_IMAGES, seed=3).at(np.arange(start, start + 40))
    batches = training_batches(dataset, batch_size=4, seed=3, start=start)
    np.testing.assert_array_equal(numbers(batches, 10).reshape(-1), order)


@pytest.mark.parametrize(
    ("pipelines", "replicas"), [(1, 1), (1, 2), (2, 2), (2, 4), (4, 4), (3, 6)]
)
def test_replicas_share_the_global_batch(dataset, pipelines, replicas):
    whole = numbers(training_batches(dataset, batch_size=12, seed=1, start=7), 5)
    local = replicas // pipelines
    shards = [
        numbers(
            training_batches(
                dataset,
                batch_size=12,
                seed=1,
                start=7,
                input_context=context(pipelines, pipeline, replicas),
            ),
            5 * local,
        )
        for pipeline in range(pipelines)
    ]
    # [step, pipeline, local replica, image]
    parts = [shard.reshape(5, 1, local, 12 // replicas) for shard in shards]
    np.testing.assert_array_equal(np.concatenate(parts, axis=1).reshape(5, 12), whole)


@pytest.mark.parametrize(
    ("batch_size", "start", "shard"),
    [(0, 0, None), (4, -1, None), (4, 0, (1, 0, 3)), (4, 0, (2, 0, 1))],
)
def test_errors(dataset, batch_size, start, shard):
    shard = shard and context(*shard)
    with pytest.raises(ValueError, match="batch_size"):
        training_batches(dataset, batch_size=batch_size, seed=0, start=start, input_context=shard)


@settings(deadline=None)
@given(
    num_images=st.integers(1, 30),
    seed=st.integers(0, 2**32),
    begin=st.integers(0, 10**12),
    count=st.integers(0, 100),
)
def test_order_is_arithmetic(num_images, seed, begin, count):
    order = ShuffledOrder(num_images, seed)
    positions = np.arange(begin, begin + count)
    together = order.at(positions)
    alone = [ShuffledOrder(num_images, seed).at([position])[0] for position in positions[:5]]
    assert together[:5].tolist() == alone
    backwards = order.at(positions[::-1])[::-1]
    np.testing.assert_array_equal(backwards, together)


def test_order_is_the_same_everywhere():
    # A resumed run must find this order with any version of numpy.
    assert ShuffledOrder(10, seed=333).at(np.arange(20)).tolist() == [
        9,
        2,
        7,
        5,
        6,
        3,
        8,
        1,
        0,
        4,
        9,
        4,
        1,
        2,
        8,
        0,
        5,
        7,
        6,
        3,
    ]


_MIRRORED_SCRIPT = """
import sys
import numpy as np, tensorflow as tf
from msg_stylegan.data.batches import training_batches
from msg_stylegan.data.dataset import TFRecordDataset

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
dataset = TFRecordDataset(sys.argv[1])
batches = iter(strategy.distribute_datasets_from_function(
    lambda context: training_batches(
        dataset, batch_size=4, seed=1, start=7, input_context=context)))
for _ in range(6):
    parts = strategy.experimental_local_results(next(batches)["images"])
    print(*[int(n) for part in parts for n in part.numpy()[:, 0, 0, 0]])
"""


def test_mirrored_strategy_gets_the_global_batch_in_order(dataset):
    # The iterator lives until Python shuts down, while the next batches are being read: unless
    # `batches.py` takes care, one process in four never ends.
    output = run_python("-c", _MIRRORED_SCRIPT, dataset.path)
    result = [list(map(int, line.split())) for line in output.splitlines()]
    whole = numbers(training_batches(dataset, batch_size=4, seed=1, start=7), 6)
    np.testing.assert_array_equal(result, whole)
