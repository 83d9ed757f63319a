"""Speed of one training step with StyleGAN2's blocks beside those of StyleGAN.

    python benchmarks/bodies.py [--sizes 64,512,64,16] [--rounds 5] [--steps 4]
        [--variants stylegan stylegan2 residual]

As in `precision.py`. Every update of D has R1; paths are those of every fourth update of G.
"""

from step_variants import compare_variants

G_BODY, D_BODY = {"generator.body": "stylegan2"}, {"discriminator.body": "residual"}
VARIANTS = {
    "stylegan": {},
    "stylegan2": G_BODY,
    "residual": D_BODY,
    "both": {**G_BODY, **D_BODY},
    "both,paths": {**G_BODY, **D_BODY, "loss.path_length_weight": 2.0},
}


if __name__ == "__main__":
    compare_variants(__doc__.splitlines()[0], VARIANTS)
