"""Options of a run that starts from trained networks. Importable without TensorFlow."""

from dataclasses import dataclass

from msg_stylegan.option import at_least, option
from msg_stylegan.resolutions import scales


@dataclass(frozen=True)
class TransferOptions:
    """Networks to start from instead of random weights."""

    # A run cannot be continued with others: its optimizers know the weights that are trained.
    decides_networks = True

    init_from: str = option(
        "",
        "File of networks, or run, to start from; --init_from=FILE is short for it. Options of the "
        "networks are those of the file unless they are given one by one. Empty = random weights.",
    )
    freeze_D: int = option(  # noqa: N815
        0,
        "Blocks of the discriminator, from the one of the full resolution down, that keep the "
        "weights of the file (FreezeD).",
        at_least(0),
    )
    freeze_mapping: bool = option(
        False, "Let the mapping network keep the weights of the file, those of its average."
    )

    def problems(self, config, data):
        """What does not go together: a list of lines.

        Args:
            config: `Config`.
            data: `Interface`; its resolution is 0 where it is not known yet.
        """
        resolution = data.resolution
        frozen = {
            "transfer.freeze_D": self.freeze_D,
            "transfer.freeze_mapping": self.freeze_mapping,
        }
        if not self.init_from:
            return [
                f"{name}={value!r}: needs transfer.init_from, or random weights would stay as they "
                "are"
                for name, value in frozen.items()
                if value
            ]
        problems = []
        if self.freeze_D and config.growing.start_resolution:
            problems.append(
                f"transfer.freeze_D={self.freeze_D}: must be 0 with growing.start_resolution"
            )
        if self.freeze_D and config.discriminator.body == "scogan":
            problems.append(
                f"transfer.freeze_D={self.freeze_D}: must be 0 with discriminator.body='scogan', "
                "whose layers are no blocks of one resolution"
            )
        elif resolution and self.freeze_D >= len(scales(resolution)):
            problems.append(
                f"transfer.freeze_D={self.freeze_D}: must be less than {len(scales(resolution))}, "
                f"the number of blocks at {resolution}x{resolution}"
            )
        if self.freeze_mapping and not config.generator.resolved(data).mapping_layers:
            problems.append(
                "transfer.freeze_mapping=True: the generator has no mapping network, see "
                "generator.body and generator.mapping_layers"
            )
        return problems
