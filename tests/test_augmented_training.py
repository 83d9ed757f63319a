"""Training with augmentation, small ones."""

import dataclasses

import numpy as np
import pytest
from support.tiny_training import (
    assert_same_checkpoints,
    checkpoint_values,
    make_tiny_dataset,
    tiny_config,
    train_tiny,
)

from msg_stylegan.files import read_json_lines
from msg_stylegan.options import AugmentOptions, changed

# Rises always, by an eighth in two updates: no mean sign is below -1.
ADAPTIVE = AugmentOptions(groups=("blit",), target=-1.0, kimg=0.128, interval=2, probability=0.25)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return make_tiny_dataset(tmp_path_factory.mktemp("data"))


def augmented(folder, options, **schedule):
    return dataclasses.replace(tiny_config(folder, **schedule), augment=options)


@pytest.mark.slow
@pytest.mark.further
def test_a_resumed_run_keeps_its_probability(dataset, tmp_path):
    whole = train_tiny(augmented(tmp_path, ADAPTIVE, total_kimg=0.064), dataset)
    part = augmented(tmp_path, ADAPTIVE, total_kimg=0.032)
    run_dir = train_tiny(part, dataset)
    part = changed(part, {"schedule.total_kimg": 0.064})
    train_tiny(part, dataset, run_dir)
    assert_same_checkpoints(run_dir, whole)
    values = checkpoint_values(run_dir)
    (probability,) = (value for name, value in values.items() if "adaptive/value" in name)
    assert probability == 0.75
    lines = read_json_lines(run_dir / "stats.jsonl")
    assert -1 <= lines[-1]["Loss/scores/real_sign"] <= 1
    assert 0 <= lines[-1]["Loss/augment/probability"] <= 1


def test_only_an_augmented_run_has_its_state_and_statistics(dataset, tmp_path):
    fixed = AugmentOptions(groups=("color",), adaptive=False, probability=1.0)
    plain = train_tiny(tiny_config(tmp_path, total_kimg=0.032), dataset)
    changed = train_tiny(augmented(tmp_path, fixed, total_kimg=0.032), dataset)
    before, after = checkpoint_values(plain), checkpoint_values(changed)
    assert not any("augmentation" in name for name in before)
    assert any(np.any(before[name] != after[name]) for name in before if "nets" in name)
    line = read_json_lines(changed / "stats.jsonl")[-1]
    assert line["Loss/augment/probability"] == 1.0
    assert "Loss/augment/probability" not in read_json_lines(plain / "stats.jsonl")[-1]
