"""The networks that a run starts from, and what became of them."""

import dataclasses
from pathlib import Path

from msg_stylegan import files, options
from msg_stylegan.networks.growing import Growing
from msg_stylegan.transfer.matching import copy_matching

# What a run knows about the networks that it started from.
ORIGIN_FILE = "init_from.json"


class Origin:
    """Trained networks of a file.

    Args:
        path: File.
        nets: `Networks` in it.

    Attributes:
        path: As given.
    """

    def __init__(self, path, nets):
        self.path = path
        self._nets = nets

    @property
    def is_pair(self):
        """Whether there are networks of two domains."""
        return self._nets.is_pair

    def applied_to(self, config):
        """A `Config` with the options of these networks."""
        named = {}
        generator = self._nets.G or self._nets.G_ema
        for network in filter(None, (self._nets.D, generator)):
            group = network.options.unresolved(network.data)
            named["connect"] = network.data.connect
            for field in dataclasses.fields(group):
                named[f"{group.prefix}{field.name}"] = getattr(group, field.name)
        decisive = options.network_differences(config, options.changed(config, named))
        return options.changed(config, {name: value for name, _, value in decisive})

    def check(self, config):
        """Raises ValueError if the weights mean nothing to the networks of a `Config`.

        Layers of networks that grow have the names and shapes of the others, and compute otherwise.
        """
        start = config.growing.start_resolution
        grows = any(isinstance(network, Growing) for network in self._nets.members.values())
        if grows != bool(start):
            kind = "grow" if grows else "do not grow"
            rule = "Set it to the resolution where they began" if grows else "Set it to 0"
            raise ValueError(
                f"growing.start_resolution={start}: {self.path} holds networks that {kind}, whose "
                f"weights mean nothing to others. {rule}, or start from other networks."
            )

    def differences(self, config):
        """Options of the networks in which a `Config` differs: `(name, value there, here)`."""
        return options.network_differences(self.applied_to(config), config)

    def give_to(self, nets):
        """Copies all weights that fit.

        Args:
            nets: `Networks` with initial weights. Both domains of a pair start from the one domain
                of a file that has no more.

        Returns:
            Dictionary from names of networks to `Match`.
        """
        members = self._nets.members
        return {
            name: copy_matching(members.get(self._source_of(name)), network)
            for name, network in nets.members.items()
        }

    def _source_of(self, name):
        """Name in the file of the network that one gets its weights from."""
        if not self.is_pair:
            name = name.removesuffix("_b")
        # Of a file with one generator, that is both.
        other = name.replace("_ema", "") if "_ema" in name else name.replace("G", "G_ema", 1)
        return name if name in self._nets.members else other

    def facts(self, matches):
        """What a run keeps about its origin: a dictionary for JSON.

        Args:
            matches: From `give_to`.
        """
        info = self._nets.info
        kept = {key: info[key] for key in ("source", "dataset", "cur_nimg") if key in info}
        return {
            "file": self.path.name,
            "sha256": files.sha256_of_file(self.path),
            **kept,
            "networks": {name: dataclasses.asdict(match) for name, match in matches.items()},
            "unused": self._unused(matches),
        }

    def lines(self, matches):
        """What to tell about the weights that were taken over; `matches` is from `give_to`."""
        lines = []
        for name, match in matches.items():
            # An average has the same variables.
            if not name.startswith("G_ema") or match != matches[name.replace("_ema", "")]:
                lines += match.lines(name)
        return lines + [f"{name}: not used" for name in self._unused(matches)]

    def _unused(self, matches):
        """Networks of the file that gave nothing, such as those of the other domain of a pair."""
        used = set(map(self._source_of, matches))
        return [name for name in self._nets.members if name not in used]


def read_origin(run_dir):
    """The `Origin.facts` of a run; None if it started from random weights."""
    path = Path(run_dir) / ORIGIN_FILE
    return files.read_json(path) if path.exists() else None
