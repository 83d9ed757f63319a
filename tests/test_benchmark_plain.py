"""The benchmark's yardstick does the same work: equal losses and gradients from equal weights."""

from pathlib import Path

import pytest


@pytest.mark.slow
def test_plain_and_ours_are_the_same_function(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[1] / "benchmarks"))
    import plain_msg_stylegan
    import step_comparison
    import train_step

    size = train_step.Size(resolution=16, channel_base=64, channel_max=16, batch_size=8)
    losses, gradients = train_step.differences(size)
    assert losses < 1e-6
    assert gradients < 1e-4
    step_comparison.check_agreement((losses, gradients))
    # What differs in all batches is found, were it only a little.
    monkeypatch.setattr(plain_msg_stylegan, "R1_GAMMA", 10.01)
    with pytest.raises(SystemExit, match="not the same function"):
        step_comparison.check_agreement(train_step.differences(size))
