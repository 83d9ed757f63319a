"""The options of a training run. Importable without TensorFlow."""

from msg_stylegan.options.check import validate
from msg_stylegan.options.groups import (
    AugmentOptions,
    Config,
    CouplingOptions,
    DatasetOptions,
    DiscriminatorOptions,
    GeneratorOptions,
    GrowingOptions,
    HardwareOptions,
    LossOptions,
    MetricsOptions,
    OptimizerOptions,
    ScheduleOptions,
    TransferOptions,
)
from msg_stylegan.options.tree import (
    changed,
    differences,
    from_dict,
    network_differences,
    option_fields,
    option_values,
    to_dict,
)

__all__ = [
    "AugmentOptions",
    "Config",
    "CouplingOptions",
    "DatasetOptions",
    "DiscriminatorOptions",
    "GeneratorOptions",
    "GrowingOptions",
    "HardwareOptions",
    "LossOptions",
    "MetricsOptions",
    "OptimizerOptions",
    "ScheduleOptions",
    "TransferOptions",
    "changed",
    "differences",
    "from_dict",
    "network_differences",
    "option_fields",
    "option_values",
    "to_dict",
    "validate",
]
