"""What a clone without the original's recordings still knows of them.

Their weights and inputs are random numbers of known seeds, so they are drawn again here. Of what
the original computed from them, `recordings/original_*.json` holds a digest of every array, and the
scores and losses themselves.
`python -m support.original_facts` in `tests` writes these files from the recordings.
"""

import json
import re

import numpy as np
import tensorflow as tf

from support.checkout import GOLDEN
from support.original_recording import OWN, Digest, RecordedArrays, kind_of

# Seed of each recording that has facts: that of NumPy's draws and that of TensorFlow's graph.
SEEDS = {"msg_stylegan_32": 1, "trajectory_16": 21}


def read_facts(path):
    """Settings of a recording, and its arrays: drawn again, as values, or as digests."""
    facts = json.loads(path.read_text(encoding="utf-8"))
    arrays = _draw_again(facts)
    digests = {
        name: Digest(tuple(shape), scale, sums, arrays.get(start_of(name), 0.0))
        for name, (shape, scale, sums) in facts["digests"].items()
    }
    values = {name: np.array(value, np.float32) for name, value in facts["values"].items()}
    return facts["meta"], arrays | digests | values


def start_of(name):
    """Name of the weights from which those after a number of steps have come, or of nothing."""
    found = re.fullmatch(r"after\d+/([GD])s?/(.*)", name)
    return f"init/{found[1]}/{found[2]}" if found else ""


def _draw_again(facts):
    """Weights and inputs of a recording by their names in it."""
    random = np.random.RandomState(facts["seed"])
    arrays = {name: _draw(random, facts["seed"], *how) for name, how in facts["variables"].items()}
    draw_inputs = _inputs_of_training if "steps" in facts["meta"] else _inputs_of_networks
    return arrays | draw_inputs(random, facts["meta"], arrays)


def _draw(random, seed, shape, mean, spread, op):
    """Normal values, by NumPy or, with the number of an operation, by TensorFlow's; float32."""
    if spread == 0:
        return np.full(shape, mean, np.float32)
    if op is None:
        values = random.standard_normal(shape)
    else:
        values = tf.raw_ops.RandomStandardNormal(
            shape=shape, dtype=tf.float32, seed=seed, seed2=op
        ).numpy()
    return np.asarray(mean + spread * values, np.float32)


def _inputs_of_networks(random, meta, arrays):
    """An average near G, latents, and uniform noise with its smaller scales."""
    near = {
        name.replace("G/", "Gs/", 1): (values + 0.02 * random.standard_normal(values.shape))
        for name, values in arrays.items()
        if name.startswith("G/")
    }
    n, size = meta["batch"], meta["resolution"]
    inputs = {"in/z": random.standard_normal((n, meta["latent_size"]))}
    reals = random.uniform(-1, 1, (n, meta["num_channels"], size, size))
    while size >= 4:
        inputs[f"in/reals/{size}"] = reals
        size //= 2
        reals = reals.reshape(n, -1, size, 2, size, 2).mean((3, 5))
    inputs["in/labels"] = np.zeros((n, meta["label_size"]))
    return {name: values.astype(np.float32) for name, values in (near | inputs).items()}


def _inputs_of_training(random, meta, arrays):
    """Latents, and images of waves and noise."""
    steps, n, size = meta["steps"], meta["batch"], meta["resolution"]
    z = random.standard_normal((steps, 2, n, meta["latent_size"])).astype(np.float32)
    noise = random.uniform(-0.3, 0.3, (steps, n, meta["num_channels"], size, size))
    waves = 0.6 * np.sin(0.4 * np.arange(size))[:, np.newaxis]
    reals = np.rint((waves + noise + 1) * 127.5).astype(np.uint8)
    labels = np.zeros((steps, 2, n, meta["label_size"]), np.float32)
    return {"in/z": z, "in/reals_uint8": reals, "in/labels": labels}


def find_facts(path):
    """All that repeats the weights and inputs of a recording, and digests of its results."""
    recording = RecordedArrays.read(path)
    seed, prefix = SEEDS[path.stem], "init/" if kind_of(path) == "trajectory" else ""
    variables = {
        name: _find_draw(name, values, seed, prefix)
        for name, values in recording.arrays.items()
        if name.startswith((f"{prefix}G/", f"{prefix}D/"))
    }
    results = {k: v for k, v in recording.arrays.items() if k.startswith(("out/", "after"))}
    values = {k: v for k, v in results.items() if k.startswith(("out/loss/", "out/D/"))}
    digests = {
        name: Digest.of(array - recording.arrays.get(start_of(name), 0.0))
        for name, array in results.items()
        if name not in values
    }
    digests = {name: (d.shape, d.scale, d.sums) for name, d in digests.items()}
    facts = {"seed": seed, "meta": recording.meta, "variables": variables, "digests": digests}
    return facts | {"values": {k: v.tolist() for k, v in values.items()}}


def _find_draw(name, values, seed, prefix):
    """Shape, mean, spread and the number of TensorFlow's operation of a variable."""
    mean = float(name.endswith("Const/const"))
    drawn_by_numpy = name.endswith(("bias", "Noise/weight", "dlatent_avg", "Const/const"))
    if drawn_by_numpy:
        spread = 0.1 if name.endswith("Noise/weight") else 0.0
        return values.shape, mean, spread if prefix else 0.3, None
    spread = 100.0 if "/G_mapping/" in name else 1.0
    for op in range(10_000):
        start = _draw(None, seed, (4,), mean, spread, op)[: values.size]
        if np.allclose(start, values.ravel()[:4], rtol=1e-5, atol=1e-5 * spread):
            return values.shape, mean, spread, op
    raise ValueError(f"{name}: from no operation of TensorFlow with this seed")


def main():
    for name in SEEDS:
        facts = find_facts(GOLDEN / f"{name}.npz")
        # One array a line.
        parts = []
        for part, content in facts.items():
            if part in ("variables", "digests", "values"):
                lines = ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in content.items())
                parts.append(f'"{part}": {{\n{lines}\n}}')
            else:
                parts.append(f'"{part}": {json.dumps(content)}')
        text = "{\n" + ",\n".join(parts) + "\n}\n"
        (OWN / f"original_{name}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
