"""The reader of recordings takes any recording of its format, and refuses what it cannot repeat."""

import pytest
from support.original_recording import Recording, kind_of, original_paths, own_paths

META = {
    "latent_size": 4,
    "dlatent_size": 4,
    "mapping_fmaps": 4,
    "fmap_base": 16,
    "fmap_max": 4,
    "num_channels": 1,
    "resolution": 8,
}
# What arrays that `test_recordings.py` compares, or uses, begin with.
COMPARED = {
    "networks": (
        *("in/", "G/", "D/", "Gs/", "out/w", "out/G/images/", "out/Gs_truncated/images/"),
        *("out/D/scores_real", "out/D/scores_fake", "out/loss/G_logistic_nonsaturating"),
        *("out/loss/D_logistic", "out/grad/G/", "out/grad/D/", "out/dlatent_avg_after"),
    ),
    "trajectory": ("in/", "init/", "after", "out/loss/D", "out/loss/G"),
}


def test_arguments_stand_at_the_top_or_with_their_network():
    joint = {"mapping_layers": 1, "mbstd_group_size": 2, "nonlinearity": "relu"}
    split = {
        "G": {"mapping_layers": 1, "nonlinearity": "relu"},
        "D": {"mbstd_group_size": 2, "nonlinearity": "relu"},
    }
    for changes in (joint, split):
        nets = Recording({**META, **changes}, {}).make_networks()
        assert len(nets.G.mapping.dense_layers) == 1
        assert nets.G.options.nonlinearity == nets.D.options.nonlinearity == "relu"
        assert nets.D.options.mbstd_group_size == 2


def test_what_is_absent_has_the_default_of_the_original():
    nets = Recording({**META, "fused_scale": True}, {}).make_networks()
    assert nets.G.options.mapping_layers == 8 and nets.G.label_size == 0
    assert Recording(META, {}).truncation == {"truncation_psi": 0.7, "truncation_cutoff": 8}
    changed = Recording({**META, "G": {"truncation_psi": 0.4}}, {})
    assert changed.truncation == {"truncation_psi": 0.4, "truncation_cutoff": 8}
    assert Recording({**META, "truncation_cutoff": None}, {}).truncation == {"truncation_psi": 1.0}


@pytest.mark.parametrize(
    "changes",
    [
        {"mapping_lyaers": 0},
        {"G": {"unheard_of": 1}},
        {"D": {"unheard_of": 1}},
        {"dtype": "float16"},
        {"G": {"randomize_noise": True}},
        {"truncation_psi_val": 0.5},
        {"style_mixing_prob": 0.9},
        {"order": "per step: G update, then Gs, then D update"},
    ],
)
def test_unknown_settings_are_refused(changes):
    with pytest.raises(ValueError, match=r"Unknown|Cannot repeat|Another order"):
        Recording({**META, **changes}, {})


@pytest.mark.parametrize("path", original_paths() + own_paths("networks") + own_paths("trajectory"))
def test_every_recording_has_a_test(path):
    kind = kind_of(path)
    if kind in COMPARED:
        arrays = Recording.read(path).arrays
        assert [name for name in arrays if not name.startswith(COMPARED[kind])] == []
