"""Whether two implementations are the same function, whatever the processor's rounding is.

Rounding decides on which side of the kink of the leaky ReLU an activation near 0 falls. That
changes the penalty and the gradients of this one sample and says nothing about either
implementation, see docs/benchmarks.md. Therefore several small batches are compared. What two
formulas do differently shows in all of them, a kink only in its own, so that the smallest
difference is the one that counts.
"""

import numpy as np

# Batches to compare; of a whole group of the minibatch standard deviation.
NUM_BATCHES, BATCH_SIZE = 8, 4
LOSS_TOLERANCE, GRADIENT_TOLERANCE = 1e-5, 1e-3


def least_differences(compare, resolution, z_dim):
    """Smallest differences over the batches.

    Args:
        compare: Function of reals, uint8 `[BATCH_SIZE, resolution, resolution, 3]`, and z,
            `[BATCH_SIZE, z_dim]`. Returns two lists for each of the networks' losses and gradients:
            pairs of ours and theirs.
        resolution: Side of the reals.
        z_dim: Components of z.

    Returns:
        Tuple `(losses, gradients)`: the largest relative difference of a loss (absolute below 1),
        and of the gradient of any variable in the L2 norm.
    """
    rng = np.random.RandomState(1)
    results = []
    for _ in range(NUM_BATCHES):
        reals = rng.randint(0, 256, (BATCH_SIZE, resolution, resolution, 3)).astype(np.uint8)
        losses, gradients = compare(reals, rng.randn(BATCH_SIZE, z_dim).astype(np.float32))
        results.append(
            (
                max(abs(float(a) - float(b)) / max(abs(float(b)), 1.0) for a, b in losses),
                max(_relative_distance(a, b) for a, b in gradients),
            )
        )
    return tuple(map(min, zip(*results, strict=True)))


def check_agreement(differences):
    """Ends the program if `least_differences` are more than rounding."""
    losses, gradients = differences
    if losses > LOSS_TOLERANCE or gradients > GRADIENT_TOLERANCE:
        raise SystemExit(f"error: not the same function: {losses:.1e} {gradients:.1e}")


def _relative_distance(a, b):
    a, b = np.asarray(a), np.asarray(b)
    # Some gradients vanish, such as that of a bias on which no difference of scores depends.
    return np.linalg.norm(a - b) / max(np.linalg.norm(b), 1e-6)
