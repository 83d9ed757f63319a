"""One self-describing file with G, D and G_ema: a Keras `.keras` archive."""

import json
import types
from pathlib import Path

from tensorflow import keras

from msg_stylegan import files
from msg_stylegan.image_counts import SNAPSHOTS
from msg_stylegan.networks.discriminator import Discriminator
from msg_stylegan.networks.float32 import Float32
from msg_stylegan.networks.generator import Generator
from msg_stylegan.networks.growing import GrowingDiscriminator, GrowingGenerator
from msg_stylegan.tensorflow_files import plain_path

MEMBERS = ("G", "D", "G_ema")


@keras.utils.register_keras_serializable("msg_stylegan")
class Networks(Float32, keras.Model):
    """The three networks of a run. Files of other systems may lack some of them.

    Attributes:
        G: The generator that is trained, or None.
        D: The discriminator, or None.
        G_ema: Moving average of G, or None; use this one to make images.
        info: Dictionary that describes the run: its options, data set and progress. JSON values.

    Raises:
        ValueError: All networks are None, or G and G_ema have different options.
    """

    def __init__(self, G, D, G_ema, info=None, **kwargs):
        super().__init__(**kwargs)
        if G is D is G_ema is None:
            raise ValueError("Expected at least one network of `G`, `D` and `G_ema`.")
        if G is not None and G_ema is not None and _options(G) != _options(G_ema):
            raise ValueError("Expected `G` and `G_ema` to have the same options.")
        self.G = G
        self.D = D
        self.G_ema = G_ema
        # As text, because Keras would wrap a dictionary and lose it on the way to the file.
        self.info_json = json.dumps(info or {})

    @property
    def info(self):
        return json.loads(self.info_json)

    @property
    def members(self):
        """Mapping from name to network, of those that are there."""
        networks = {name: getattr(self, name) for name in MEMBERS}
        # Not a dictionary: Keras 2 would save the weights in it a second time.
        return types.MappingProxyType({k: v for k, v in networks.items() if v is not None})

    def build(self, input_shape=None):
        for network in self.members.values():
            if not network.built:
                network.build()
        self.built = True

    def call(self, z):
        return self.G_ema(z)

    def get_config(self):
        G = self.G_ema if self.G is None else self.G
        return {
            "generator": None if G is None else G.get_config(),
            "discriminator": None if self.D is None else self.D.get_config(),
            "members": list(self.members),
            "info": self.info_json,
        }

    @classmethod
    def from_config(cls, config):
        # Files from before the member list hold all three.
        return _make_networks(
            config.get("members", MEMBERS),
            _upgraded(config["generator"]),
            _upgraded(config["discriminator"]),
            json.loads(config["info"]),
        )

    def get_build_config(self):
        return {"input_shape": None}

    def build_from_config(self, config):
        self.build()


def build_networks(G_options, D_options, data, info=None, stage_resolution=0):
    """Makes the three networks with all their weights; G_ema starts equal to G.

    Args:
        G_options: `GeneratorOptions`.
        D_options: `DiscriminatorOptions`.
        data: `Interface`.
        info: Dictionary that describes the run, see `Networks`.
        stage_resolution: Side of the images at the beginning of networks that grow; 0 for others.
    """
    stage = {"stage_resolution": stage_resolution} if stage_resolution else {}
    classes = _GROWING if stage else _CLASSES
    members = {}
    for name in MEMBERS:
        options = D_options if name == "D" else G_options
        members[name] = classes[name](options, data, name=name, **stage)
    nets = Networks(**members, info=info, name="networks")
    nets.build()
    for average, variable in zip(nets.G_ema.variables, nets.G.variables, strict=True):
        average.assign(variable)
    return nets


_CLASSES = {"G": Generator, "D": Discriminator, "G_ema": Generator}
_GROWING = {"G": GrowingGenerator, "D": GrowingDiscriminator, "G_ema": GrowingGenerator}


def _make_networks(members, G_config, D_config, info):
    networks = dict.fromkeys(MEMBERS)
    for name in members:
        config = {**(D_config if name == "D" else G_config), "name": name}
        # Only networks that grow have a stage.
        classes = _GROWING if "stage_resolution" in config else _CLASSES
        networks[name] = classes[name].from_config(config)
    nets = Networks(**networks, info=info, name="networks")
    nets.build()
    return nets


def _upgraded(config):
    """Stored description of a network in today's words; newer options have their defaults."""
    if config is None:
        return None
    config = dict(config)
    # What `connect` was called while it had two values.
    if config.pop("output", "msg") == "single":
        config["connect"] = "none"
    return config


def _options(network):
    return {k: v for k, v in network.get_config().items() if k != "name"}


def save_networks(nets, path, info):
    """Writes a snapshot in one piece.

    Args:
        nets: `Networks`.
        path: File to write; ends in `.keras`.
        info: Replaces `nets.info` in the file.
    """
    nets.info_json = json.dumps(info)
    with files.atomic_path(path) as temporary:
        nets.save(temporary)


def load_snapshot(path):
    """Opens a snapshot.

    Args:
        path: A snapshot file, or a run directory, of which the newest snapshot is taken.

    Returns:
        `Networks` with `G`, `D`, `G_ema` (None for those that are not in the file) and `info`.

    Raises:
        FileNotFoundError: There is no such file, or no snapshot in the folder.
        ValueError: The file is not a snapshot.
    """
    path = Path(path)
    if path.is_dir():
        path = newest_snapshot(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist. Give a snapshot file or a run directory.")
    try:
        # Keras 2 opens files by TensorFlow.
        with plain_path(path) as plain:
            nets = keras.models.load_model(plain, compile=False)
    except Exception as error:
        # Damaged bytes can make the readers of ZIP, JSON, HDF5 and Keras raise anything.
        raise ValueError(f"{path} is not a readable snapshot: {error}") from error
    if not isinstance(nets, Networks):
        raise ValueError(f"{path} holds a {type(nets).__name__}, not the networks of a run.")
    return nets


def snapshots_of_run(run_dir):
    """Snapshot files of a run, oldest first."""
    return SNAPSHOTS.paths(run_dir)


def newest_snapshot(run_dir):
    """The snapshot of a run with the most training.

    Raises:
        FileNotFoundError: The run has none yet.
    """
    snapshots = snapshots_of_run(run_dir)
    if not snapshots:
        raise FileNotFoundError(f"{run_dir} does not hold any network-snapshot-*.keras yet.")
    return snapshots[-1]
