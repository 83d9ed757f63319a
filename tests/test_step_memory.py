"""The memory of a step that is told before it runs."""

import pytest
import tensorflow as tf
from support.slow_cases import first_is_fast
from support.step_cases import STEP_CASES
from support.tiny_run import make_dataset
from support.tiny_training import make_tiny_dataset, tiny_config

from msg_stylegan.options import changed
from msg_stylegan.training.graph_memory import peak_memory
from msg_stylegan.training.step_memory import estimate_memory

KIB = 256  # float32 numbers


def peak(function, *shapes):
    specs = [tf.TensorSpec(shape, tf.float32) for shape in shapes]
    graph = tf.function(function, autograph=False).get_concrete_function(*specs).graph
    return sum(peak_memory(graph).values()) / 1024


@pytest.mark.parametrize(
    "function, expected",
    [
        pytest.param(lambda x: tf.concat([x, x], 0), 2, id="inputs do not count"),
        pytest.param(lambda x: tf.reshape(tf.cumsum(x), [16, 16]), 1, id="views are free"),
        pytest.param(lambda x: tf.tanh(tf.exp(tf.sqrt(tf.cumsum(x)))), 1, id="in place"),
        pytest.param(lambda x: tf.cumsum(tf.cumsum(tf.cumsum(x))), 2, id="in turn"),
        # Both factors stay while the first one is read a second time.
        pytest.param(lambda x: (y := tf.cumsum(x)) * tf.exp(y), 2, id="read again"),
        pytest.param(lambda x: [tf.cumsum(x + i) for i in range(5)], 6, id="results stay"),
        pytest.param(lambda x: (tf.cumsum(x), tf.cumsum(x))[0], 1, id="what nobody needs"),
        pytest.param(
            lambda x: tf.reduce_sum(tf.cumsum(tf.concat([x, x, x], 0))[:KIB]),
            6,
            id="largest moment",
        ),
    ],
)
def test_peaks_of_small_graphs(function, expected):
    assert peak(function, [KIB]) == pytest.approx(expected, abs=0.1)


def test_a_chain_of_layers_keeps_its_activations_for_the_gradient():
    def gradient(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = x
            for _ in range(7):
                y = tf.sin(tf.cumsum(y))
        return tape.gradient(y, x)

    # Seven results of cumsum, and one or two on the way.
    assert 8 <= peak(gradient, [KIB]) <= 9


def test_sizes_must_be_known():
    with pytest.raises(ValueError, match="not known"):
        peak(lambda x: tf.cumsum(x), [None])


@pytest.fixture(scope="module")
def memory_of(tmp_path_factory):
    """Function of options that returns the `StepMemory` of a training on tiny pictures."""
    folder = tmp_path_factory.mktemp("memory")
    datasets = {
        "tiny": make_tiny_dataset(folder, label_size=3),
        "tiny_b": make_dataset(folder / "tiny_b", label_size=3, seed=1),
    }

    def estimate(num_replicas=1, **options):
        config = changed(tiny_config(folder), {k.replace("__", "."): v for k, v in options.items()})
        names = [name for name in (config.dataset.path, config.dataset.path_b) if name]
        return estimate_memory(config, [datasets[name] for name in names], num_replicas)[0]

    return estimate


def test_memory_grows_with_the_batch(memory_of):
    # Discriminators of whole groups of four.
    small, middle, large = (memory_of(schedule__batch_size=n) for n in (8, 16, 32))
    assert small.weights == middle.weights == large.weights
    assert small.slots == middle.slots == large.slots
    for name in small.updates:
        sizes = [sum(memory.updates[name].values()) for memory in (small, middle, large)]
        assert small.updates[name].keys() == {None, 4, 8, 16}
        # At each moment kernels, and activations in proportion to the batch, are live. The
        # largest of such lines is convex, and grows at most in proportion.
        assert sizes[2] - sizes[1] >= 2 * (sizes[1] - sizes[0]) > 0
        assert sizes[2] <= 4 * sizes[0]


@pytest.mark.slow
def test_rounds_and_replicas_need_what_their_images_need(memory_of):
    small = memory_of(schedule__batch_size=8)
    in_rounds = memory_of(schedule__batch_size=32, schedule__batch_per_device=8)
    assert (in_rounds.images, in_rounds.rounds) == (8, 4)
    assert in_rounds.updates == small.updates
    assert small.sums == 0 < in_rounds.sums
    assert in_rounds.total == small.total + in_rounds.sums
    assert memory_of(num_replicas=2, schedule__batch_size=16) == small


def test_weights_are_those_of_all_networks(memory_of):
    memory = memory_of()
    # G, its average and D, and two slots for each weight that is trained.
    names = [("mapping_layers", 2), ("mapping_layers", 3)]
    deeper, flat = (memory_of(**{f"generator__{name}": value}) for name, value in names[::-1])
    layer = 4 * (8 * 8 + 8)
    assert deeper.weights - flat.weights == 2 * layer
    assert deeper.slots - flat.slots == 2 * layer
    assert memory.total == memory.weights + memory.slots + max(
        sum(parts.values()) for parts in memory.updates.values()
    )


@pytest.mark.parametrize("name", first_is_fast(STEP_CASES))
def test_every_kind_of_step_can_be_estimated(memory_of, name):
    changes = {key.replace(".", "__"): value for key, value in STEP_CASES[name].items()}
    memory = memory_of(**changes)
    if name == "pair":
        assert memory.weights > 1.9 * memory_of().weights
    assert memory.total > memory_of(loss__r1_gamma=0.0).total


def test_lazy_penalties_are_an_update_of_their_own(memory_of):
    memory = memory_of(loss__r1_gamma=1.0, loss__penalty_interval=4)
    sizes = {name: sum(parts.values()) for name, parts in memory.updates.items()}
    assert sizes.keys() == {"D", "G", "D by penalties"}
    assert sizes["D by penalties"] > sizes["D"]


@pytest.mark.slow
def test_path_lengths_are_an_update_of_their_own(memory_of):
    options = {"generator__body": "stylegan2", "loss__path_length_weight": 2.0}
    memory = memory_of(**options)
    assert memory.updates.keys() == {"D", "G", "G by path lengths"}
    # Activations of half of the batch, but for gradients of gradients, too.
    of_images = memory.updates["G by path lengths"]
    assert {4, 8, 16} <= of_images.keys() and of_images[16] < 2.0 * memory.updates["G"][16]
    merged = memory_of(**options, loss__path_length_interval=1)
    assert merged.updates.keys() == {"D", "G"}


def test_the_words_add_up(memory_of):
    memory = memory_of(schedule__batch_size=32, schedule__batch_per_device=8)
    first, *lines = str(memory).splitlines()
    assert f"{memory.total / 2**20:.1f} MiB" in first and "8 images of 16x16" in first
    titles = [line.partition(":")[0].strip() for line in lines]
    assert titles[:5] == [
        "weights and averages",
        "slots of the optimizers",
        "gradients of 4 rounds",
        "update of D",
        "update of G",
    ]
    assert titles[5:] == [f"of D, at {r}x{r}" for r in (16, 8, 4)] + ["of D, kernels and gradients"]
