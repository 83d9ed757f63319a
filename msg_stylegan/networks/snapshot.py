"""One self-describing file with all networks of a run: a Keras `.keras` archive."""

import collections
import dataclasses
import json
import types
from pathlib import Path

from tensorflow import keras

from msg_stylegan import files
from msg_stylegan.domains import SUFFIX_B, SUFFIXES
from msg_stylegan.image_counts import SNAPSHOTS
from msg_stylegan.networks.discriminator import Discriminator
from msg_stylegan.networks.encoder import Encoder
from msg_stylegan.networks.float32 import Float32
from msg_stylegan.networks.generator import Generator
from msg_stylegan.networks.growing import GrowingDiscriminator, GrowingGenerator
from msg_stylegan.tensorflow_files import plain_path

MEMBERS = ("G", "D", "G_ema")
# What the networks of domain B are called in a pair.
MEMBERS_B = tuple(f"{name}{SUFFIX_B}" for name in MEMBERS)

Domain = collections.namedtuple("Domain", MEMBERS)


@keras.utils.register_keras_serializable("msg_stylegan")
class Networks(Float32, keras.Model):
    """The three networks of a run, or those of both domains of a pair.

    Files of other systems may lack some of the three.

    Attributes:
        G: The generator that is trained, or None.
        D: The discriminator, or None.
        G_ema: Moving average of G, or None; use this one to make images.
        G_b, D_b, G_ema_b: Those of domain B, whose images of the same latent belong to those of
            domain A; None for a single domain.
        E: `Encoder` of both domains, or None.
        info: Dictionary that describes the run: its options, data set and progress. JSON values.

    Raises:
        ValueError: All networks are None, or G and G_ema have different options.
    """

    def __init__(self, G, D, G_ema, info=None, G_b=None, D_b=None, G_ema_b=None, E=None, **kwargs):
        super().__init__(**kwargs)
        if G is D is G_ema is None:
            raise ValueError("Expected at least one network of `G`, `D` and `G_ema`.")
        for g, average in ((G, G_ema), (G_b, G_ema_b)):
            if g is not None and average is not None and _options(g) != _options(average):
                raise ValueError("Expected `G` and `G_ema` to have the same options.")
        self.G = G
        self.D = D
        self.G_ema = G_ema
        self.G_b = G_b
        self.D_b = D_b
        self.G_ema_b = G_ema_b
        self.E = E
        # As text, because Keras would wrap a dictionary and lose it on the way to the file.
        self.info_json = json.dumps(info or {})

    @property
    def info(self):
        return json.loads(self.info_json)

    @property
    def members(self):
        """Mapping from name to network, of those that are there."""
        networks = {name: getattr(self, name) for name in (*MEMBERS, *MEMBERS_B, "E")}
        # Not a dictionary: Keras 2 would save the weights in it a second time.
        return types.MappingProxyType({k: v for k, v in networks.items() if v is not None})

    @property
    def is_pair(self):
        """Whether there are two domains."""
        return self.G_ema_b is not None

    @property
    def domains(self):
        """List of `Domain`s, A and possibly B: tuples of `G`, `D` and `G_ema`."""
        names = (MEMBERS, MEMBERS_B) if self.is_pair else (MEMBERS,)
        return [Domain(*(getattr(self, name) for name in members)) for members in names]

    def trainable(self, kind):
        """Trainable variables of the networks that one update trains.

        Args:
            kind: "G" for the generators of all domains and the encoder, or "D" for the
                discriminators.
        """
        networks = [getattr(domain, kind) for domain in self.domains]
        if kind == "G" and self.E is not None:
            networks.append(self.E)
        return [variable for network in networks for variable in network.trainable_variables]

    def of_domain(self, name):
        """The networks of one domain, as if they had been trained alone.

        Args:
            name: "a" or "b".

        Returns:
            `Networks` that share the weights; `info` is that of the domain.

        Raises:
            ValueError: There is no domain B.
        """
        if not self.is_pair:
            # What was taken out of a pair keeps its name, but is all that there is.
            if name == "b" and self.info.get("domain") != "b":
                raise ValueError("There is no domain B: the networks are not those of a pair.")
            return self
        domain = self.domains["ab".index(name)]
        nets = Networks(*domain, info=info_of_domain(self.info, name), name="networks")
        nets.build()
        return nets

    def build(self, input_shape=None):
        for network in self.members.values():
            if not network.built:
                network.build()
        self.built = True

    def call(self, z):
        return self.G_ema(z)

    def get_config(self):
        config = {}
        for suffix, domain in zip(SUFFIXES, self.domains, strict=False):
            G = domain.G_ema if domain.G is None else domain.G
            config[f"generator{suffix}"] = None if G is None else G.get_config()
            config[f"discriminator{suffix}"] = None if domain.D is None else domain.D.get_config()
        if self.E is not None:
            config["encoder"] = self.E.get_config()
        return {**config, "members": list(self.members), "info": self.info_json}

    @classmethod
    def from_config(cls, config):
        # Files from before the member list hold all three.
        members = {}
        for name in config.get("members", MEMBERS):
            if name == "E":
                members[name] = Encoder.from_config(config["encoder"])
                continue
            kind = name.removesuffix(SUFFIX_B)
            part = "discriminator" if kind == "D" else "generator"
            description = _upgraded(config[f"{part}{name.removeprefix(kind)}"])
            # Only networks that grow have a stage.
            classes = _GROWING if "stage_resolution" in description else _CLASSES
            members[name] = classes[kind].from_config({**description, "name": name})
        nets = cls(
            **{**dict.fromkeys(MEMBERS), **members},
            info=json.loads(config["info"]),
            name="networks",
        )
        nets.build()
        return nets

    def get_build_config(self):
        return {"input_shape": None}

    def build_from_config(self, config):
        self.build()


def build_networks(
    G_options, D_options, data, info=None, stage_resolution=0, data_b=None, has_encoder=False
):
    """Makes the networks with all their weights; G_ema starts equal to G.

    Args:
        G_options: `GeneratorOptions`.
        D_options: `DiscriminatorOptions`.
        data: `Interface`.
        info: Dictionary that describes the run, see `Networks`.
        stage_resolution: Side of the images at the beginning of networks that grow; 0 for others.
        data_b: `Interface` of domain B; None for a single domain.
        has_encoder: Whether there is an encoder of both domains.
    """
    stage = {"stage_resolution": stage_resolution} if stage_resolution else {}
    classes = _GROWING if stage else _CLASSES
    members = {}
    for names, interface in ((MEMBERS, data), (MEMBERS_B, data_b)):
        for kind, name in zip(MEMBERS, names, strict=True) if interface else ():
            options = D_options if kind == "D" else G_options
            members[name] = classes[kind](options, interface, name=name, **stage)
    if has_encoder:
        colours = max(data.num_channels, data_b.num_channels)
        images = dataclasses.replace(data, num_channels=colours, label_size=0)
        members["E"] = Encoder(D_options, images, G_options.z_dim, name="E")
    nets = Networks(**members, info=info, name="networks")
    nets.build()
    if nets.is_pair:
        # The fixed noise is a part of the latent, which the domains share.
        _copy(nets.G.non_trainable_variables, nets.G_b.non_trainable_variables)
    for domain in nets.domains:
        _copy(domain.G.variables, domain.G_ema.variables)
    return nets


def _copy(sources, targets):
    for target, source in zip(targets, sources, strict=True):
        target.assign(source)


_CLASSES = {"G": Generator, "D": Discriminator, "G_ema": Generator}
_GROWING = {"G": GrowingGenerator, "D": GrowingDiscriminator, "G_ema": GrowingGenerator}


def _upgraded(config):
    """Stored description of a network in today's words; newer options have their defaults."""
    config = dict(config)
    # What `connect` was called while it had two values.
    if config.pop("output", "msg") == "single":
        config["connect"] = "none"
    return config


def info_of_domain(info, name):
    """What describes one domain of a pair, as if it were a run of its own.

    Args:
        info: `Networks.info` of the pair. Keys that end in `SUFFIX_B` belong to domain B.
        name: "a" or "b".
    """
    own = {key: value for key, value in info.items() if not key.endswith(SUFFIX_B)}
    of_b = {
        key.removesuffix(SUFFIX_B): value for key, value in info.items() if key.endswith(SUFFIX_B)
    }
    if options := info.get("options"):
        dataset = dict(options["dataset"])
        path_b = dataset.pop("path_b", "")
        path = path_b if name == "b" else dataset["path"]
        own["options"] = {**options, "dataset": {**dataset, "path": path}}
    if name == "b":
        of_a = ("dataset", "fingerprint", "labels")
        own = {key: value for key, value in own.items() if key not in of_a} | of_b
    return {**own, "domain": name}


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
