"""How much memory a step of training needs on a device, before it runs."""

import collections
import dataclasses
import math
import tempfile

import tensorflow as tf

from msg_stylegan.training.graph_memory import peak_memory
from msg_stylegan.training.optimizers import variables_of
from msg_stylegan.training.stages import stages_of
from msg_stylegan.training.training_state import TrainingState
from msg_stylegan.wording import count_of


@dataclasses.dataclass(frozen=True)
class StepMemory:
    """Bytes on one device, apart from what TensorFlow itself needs.

    Attributes:
        resolution: Of the largest images.
        images: Images that the device sees at a time.
        rounds: How often it does so in an update.
        weights: Of all networks, averages included.
        slots: Of both optimizers.
        sums: Gradients that are kept while rounds are added up.
        updates: For each kind of update, by name, what is live at its peak: dictionary from a
            resolution to the bytes of its activations; under None kernels and gradients.
    """

    resolution: int
    images: int
    rounds: int
    weights: int
    slots: int
    sums: int
    updates: dict

    @property
    def total(self):
        """Bytes at the peak of the update that needs most."""
        return self.weights + self.slots + self.sums + max(self._of_updates().values())

    def _of_updates(self):
        return {name: sum(parts.values()) for name, parts in self.updates.items()}

    def __str__(self):
        of_updates = self._of_updates()
        largest = max(of_updates, key=of_updates.get)
        images = count_of(self.images, "image")
        rows = [
            ("weights and averages", self.weights),
            ("slots of the optimizers", self.slots),
            *([(f"gradients of {self.rounds} rounds", self.sums)] if self.sums else []),
            *((f"update of {name}", size) for name, size in of_updates.items()),
        ]
        parts = self.updates[largest]
        scales = sorted((key for key in parts if key), reverse=True)
        rows += [(f"  of {largest}, at {r}x{r}", parts[r]) for r in scales]
        rows.append((f"  of {largest}, kernels and gradients", parts.get(None, 0)))
        return "\n".join(
            [
                f"Memory of a step:  {_in_words(self.total)} on each device, estimated for "
                f"{images} of {self.resolution}x{self.resolution} at a time; TensorFlow itself "
                "comes on top",
                *(f"  {title + ':':<36}{_in_words(size):>10}" for title, size in rows),
            ]
        )


def estimate_memory(config, datasets, num_replicas, judges=None, origin=None):
    """Estimates the memory of a step at the full resolution by building its graphs.

    Args:
        config: `Config`.
        datasets: The data set of each domain.
        num_replicas: Devices that share a batch.
        judges: See `Coupling`.
        origin: `Origin` of the initial weights, if they are not random.

    Returns:
        Tuple of the `StepMemory` and the `TrainingState` that it was found with, which has no run.
    """
    stage = stages_of(config, datasets[0].resolution)[-1]
    share = stage.batch_size // num_replicas
    images = min(config.schedule.batch_per_device or share, share)
    parts = {
        "schedule": dataclasses.replace(config.schedule, batch_per_device=0),
        # Of what XLA fuses nothing is known.
        "hardware": dataclasses.replace(config.hardware, xla=False),
    }
    if origin is None:
        parts["transfer"] = dataclasses.replace(config.transfer, init_from="")
    with tempfile.TemporaryDirectory() as no_run:
        state = TrainingState(
            dataclasses.replace(config, **parts),
            no_run,
            datasets,
            tf.distribute.get_strategy(),
            judges,
            lambda: origin,
        )
    step = state.enter(dataclasses.replace(stage, batch_size=images))
    return memory_of_step(step, datasets, rounds=share // images), state


def memory_of_step(step, interfaces, rounds=1, graphs=None):
    """The `StepMemory` of a `TrainStep` of the default strategy, without rounds of its own.

    Args:
        step: `TrainStep` whose batch is what the device sees at a time.
        interfaces: For each domain something with `resolution`, `num_channels`, `label_size`.
        rounds: How many such batches make an update.
        graphs: What `update_graphs` returns, if it is there already.
    """
    images = step.batch_size
    members = [v for network in step.nets.members.values() for v in network.variables]
    gradients = {name: _size(step.nets.trainable(name)) for name in "DG"}
    return StepMemory(
        resolution=interfaces[0].resolution,
        images=images,
        rounds=rounds,
        weights=_size(members),
        slots=sum(_size(variables_of(opt)) for opt in (step.G_opt, step.D_opt)),
        sums=max(gradients.values()) if rounds > 1 else 0,
        updates={
            name: _peak_of(graph, step)
            for name, graph in (graphs or update_graphs(step, interfaces)).items()
        },
    )


def update_graphs(step, interfaces):
    """Graph of each kind of update, by name, see `memory_of_step`."""
    images = step.batch_size
    batch = tuple(
        {
            "images": tf.TensorSpec(
                [images, data.resolution, data.resolution, data.num_channels], tf.uint8
            ),
            "labels": tf.TensorSpec([images, data.label_size], tf.float32),
        }
        for data in interfaces
    )
    return {
        name: tf.function(update, autograph=False).get_concrete_function(batch).graph
        for name, update in step.replica_updates().items()
    }


def _peak_of(graph, step):
    resolutions = step.nets.D.resolutions
    batch_sizes = {step.batch_size} | ({step.paths.batch_size} if step.paths else set())
    by_scale = collections.Counter()
    for shape, size in peak_memory(graph).items():
        by_scale[_scale_of(shape, batch_sizes, resolutions)] += size
    return dict(by_scale)


def _scale_of(shape, batch_sizes, resolutions):
    """Resolution of activations, which layers also hold as rows of pixels or in groups; or None."""
    for r in resolutions:
        pairs = {4: shape[1:3], 5: shape[1:3], 6: shape[2:4]}
        if pairs.get(len(shape)) == (r, r) or (
            len(shape) == 2 and shape[0] in {images * r * r for images in batch_sizes}
        ):
            return r
    return None


def _size(variables):
    return sum(math.prod(v.shape) * tf.as_dtype(v.dtype).size for v in variables)


def _in_words(size):
    return f"{size / 2**30:.2f} GiB" if size >= 2**30 else f"{size / 2**20:.1f} MiB"
