"""What a generator and a discriminator have in common: options, interface, their stored form."""

import dataclasses

from tensorflow import keras

from msg_stylegan.interface import Interface
from msg_stylegan.networks.float32 import Float32
from msg_stylegan.option import problems_of


class PairMember(Float32, keras.Model):
    """Base of the networks.

    Args:
        options: Group of options of the class `options_class`.
        data: `Interface`.

    Attributes:
        options: The group, resolved.
        data: `Interface`.

    Raises:
        ValueError: Options that are not possible, a line for each.
    """

    def __init__(self, options, data, **kwargs):
        super().__init__(**kwargs)
        problems = [*problems_of(options, options.prefix).values()] or options.problems(data)
        if problems:
            raise ValueError("\n".join(problems))
        self.options = options.resolved(data)
        self.data = data
        self.resolution = data.resolution
        self.num_channels = data.num_channels
        self.label_size = data.label_size

    def get_config(self):
        return {"name": self.name, **flat_config(self.options, self.data)}

    @classmethod
    def from_config(cls, config):
        options, data, rest = split_config(cls.options_class, config)
        return cls(options, data, **rest)

    def get_build_config(self):
        return {"input_shape": None}

    def build_from_config(self, config):
        self.build()


def flat_config(options, data):
    """Stored description of a network: its options and its `Interface` in one dictionary."""
    values = {
        stored: getattr(group, name)
        for group in (data, options)
        for name, stored in stored_names(group).items()
    }
    return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}


def split_config(options_class, config):
    """Splits a stored description of a network into its options, its `Interface` and the rest.

    Args:
        options_class: `GeneratorOptions` or `DiscriminatorOptions`.
        config: Dictionary as from `get_config`. What is absent has its default.
    """
    rest = dict(config)

    def take(group):
        values = {
            name: rest.pop(stored) for name, stored in stored_names(group).items() if stored in rest
        }
        return group(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})

    return take(options_class), take(Interface), rest


def stored_names(group):
    """Names of the fields of a group -> their names in stored descriptions.

    That is the first name that an option had, so that files can be read by every version.
    """
    return {
        field.name: [field.name, *field.metadata.get("formerly", ())][-1].rpartition(".")[2]
        for field in dataclasses.fields(group)
    }
