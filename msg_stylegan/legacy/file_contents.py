"""What a reader of another system's files hands back."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class FileContents:
    """Networks from files of one kind."""

    # Whose files they are, for people.
    format: str
    # "G", "G_ema", "D" -> built network. Without a generator both of "G" and "G_ema" are missing.
    networks: dict
    # Paths that were read, beginning with the one that was asked for.
    paths: list
    # Sentences: what in the files is not in `networks`, and why.
    left_out: list = dataclasses.field(default_factory=list)
    # What the file says about the training of the networks.
    info: dict = dataclasses.field(default_factory=dict)
