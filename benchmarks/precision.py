"""Speed of one training step in every precision, with and without XLA.

    python benchmarks/precision.py [--sizes 64,512,64,16] [--rounds 5] [--steps 4]
        [--variants float32 mixed_bfloat16 float32,xla]

The variants are timed in turn in one process; the ratio to the first one is the median over the
rounds.
"""

from step_variants import compare_variants

VARIANTS = {
    f"{precision}{',xla' if xla else ''}": {
        "hardware.precision": precision,
        "hardware.xla": xla,
    }
    for precision, xla in (
        ("float32", False),
        ("mixed_bfloat16", False),
        ("mixed_float16", False),
        ("float32", True),
        ("mixed_bfloat16", True),
    )
}


if __name__ == "__main__":
    compare_variants(__doc__.splitlines()[0], VARIANTS)
