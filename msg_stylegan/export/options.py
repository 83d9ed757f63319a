"""What is decided when a generator is written to a file."""

import dataclasses
import math


@dataclasses.dataclass(frozen=True)
class ExportOptions:
    """What is decided when a file is made. Everything else is an input of the file."""

    # Images per call; None for any number.
    batch_size: int | None = None
    # Strength of the truncation; None makes it an input, if the network has a mapping network.
    truncation_psi: float | None = None
    # Number of layers that are truncated.
    truncation_cutoff: int = 8
    # Noise inputs: "const", "none", or "random" for new noise in every call.
    noise_mode: str = "const"
    # Side of the only images to make; None for all scales.
    scale: int | None = None
    # Whether images are pixels from 0 to 255 instead of floats.
    as_uint8: bool = False
    # Whether weights are rounded to 16 bits.
    float16: bool = False

    def __post_init__(self):
        if self.batch_size is not None and self.batch_size < 1:
            raise ValueError(f"Expected a batch size of at least 1. Received {self.batch_size}.")
        if self.truncation_psi is not None and not math.isfinite(self.truncation_psi):
            raise ValueError(f"Expected a finite truncation_psi. Received {self.truncation_psi}.")

    def chosen(self):
        """Names of the options that differ from their defaults."""
        fields = dataclasses.fields(self)
        return [field.name for field in fields if getattr(self, field.name) != field.default]
