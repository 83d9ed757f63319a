"""Speed of one training step of BMSG-GAN's networks on the CPU beside PyTorch.

    python benchmarks/progan_step.py [--sizes 4,64,32 5,64,16 6,128,8] [--rounds 7]

Needs the extra `compare`. One step is a D update and a G update with the same latents
(relativistic average hinge loss, which looks at the reals again for G) and the moving average.
Per size: both are given the same weights, latents and reals and must agree in losses and
gradients, see `step_comparison.py`; then they are timed in turn, A B A B ..., in one process, and
the ratio is the median over the rounds.
"""

from typing import NamedTuple

import step_comparison
import torch
from pytorch_progan import TorchTraining
from step_comparison import BATCH_SIZE, compare, least_differences, move_weights, random_reals
from tensorflow import keras

from msg_stylegan.legacy import bmsg_variables
from msg_stylegan.legacy.original_variables import export
from msg_stylegan.options import changed
from msg_stylegan.presets import get_preset


class Size(NamedTuple):
    """One row of the table."""

    depth: int
    latent_size: int
    batch_size: int


SIZES = (Size(4, 64, 32), Size(5, 64, 16), Size(6, 128, 8))


def make_ours(size):
    """Our step as `train --config=bmsg:DEPTH,LATENT_SIZE` makes it."""
    config = changed(
        get_preset(f"bmsg:{size.depth},{size.latent_size}"),
        {"schedule.batch_size": size.batch_size},
    )
    return step_comparison.make_ours(config, config.dataset.resolution)


def differences(size):
    """`least_differences` between both, with equal weights and inputs."""
    keras.utils.set_random_seed(0)
    size = size._replace(batch_size=BATCH_SIZE)
    ours, plain = make_ours(size), TorchTraining(size.depth, size.latent_size)
    tables = {
        "D": bmsg_variables.discriminator_variables(ours.nets.D),
        "G": bmsg_variables.generator_variables(ours.nets.G),
    }
    move_weights(tables, scale=0.1)
    for name, table in tables.items():
        arrays = {key: torch.tensor(array) for key, array in export(table).items()}
        getattr(plain, name).load_state_dict(arrays)

    def theirs(reals, z):
        images = torch.tensor(reals.transpose(0, 3, 1, 2)).float() / 127.5 - 1.0
        inputs, results = (plain.pyramid(images), torch.tensor(z)), {}
        for name, loss_of in (("D", plain.D_loss), ("G", plain.G_loss)):
            loss = loss_of(*inputs)
            parameters = dict(getattr(plain, name).named_parameters())
            gradients = torch.autograd.grad(loss, list(parameters.values()))
            results[name] = (
                loss.item(),
                {
                    key: tables[name][key][1].to_ours(gradient.numpy())
                    for key, gradient in zip(parameters, gradients, strict=True)
                },
            )
        return results

    return least_differences(ours, tables, theirs)


def contestants(size):
    """Our step, reals and a step in PyTorch, for `compare`."""
    plain = TorchTraining(size.depth, size.latent_size)
    reals = random_reals(size.batch_size, 2 ** (size.depth + 1))
    of_torch = torch.tensor(reals.transpose(0, 3, 1, 2).copy())
    return make_ours(size), reals, lambda: plain.step(of_torch)


if __name__ == "__main__":
    other = f"PyTorch {torch.__version__}"
    compare(__doc__.splitlines()[0], SIZES, other, differences, contestants, steps=4)
