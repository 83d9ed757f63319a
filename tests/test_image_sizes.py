"""Images that differ in size, or are not square: what metrics say of them, once per set."""

import re

import numpy as np
import pytest
from support.image_sources import noise, write_folder
from support.tiny_feature_network import write_feature_network
from support.tiny_run import make_networks

from metrics.evaluation import MetricEvaluator
from metrics.feature_networks.library import FeatureNetworks
from metrics.image_files import open_images, unevenness
from msg_stylegan.commands import run_metrics

SETS = {
    "even": [(32, 32)] * 4,
    "mixed": [(32, 32), (32, 32), (40, 48), (32, 32)],
    "squares": [(32, 32), (64, 64), (32, 32), (32, 32)],
    "wide": [(32, 48)] * 4,
    "small": [(16, 16)] * 4,
    "odd": [(30, 30)] * 4,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sizes")
    for name, sizes in SETS.items():
        files = {f"{i}.png": noise(i, *size) for i, size in enumerate(sizes)}
        write_folder(folder / name, files)
    write_feature_network(folder)
    return folder


def call(folder, reals, fakes, metrics):
    network = f"--feature_network={folder / 'tiny.keras'}"
    sets = [f"--reals={folder / reals}", f"--fakes={folder / fakes}"]
    cache = f"--cache_dir={folder / 'cache'}"
    return run_metrics.main([network, cache, f"--metrics={metrics}", *sets])


DIFFERENT = {
    "mixed": "differ in size: .*0.png is 32x32, .*2.png is 48x40. .*--resolution=32",
    "squares": "differ in size: .*0.png is 32x32, .*1.png is 64x64. .*--resolution=32",
    "wide": "are not square: .*0.png is 48x32, as all are. .*--resolution=32",
}


@pytest.mark.parametrize("fakes", DIFFERENT)
def test_fakes_that_differ(folder, fakes, capsys):
    assert call(folder, "even", fakes, "swd4,msssim,fid,kid") == 1
    lines = capsys.readouterr().err.splitlines()
    error, again, notice = [line for line in lines if re.match("error|notice: feature", line)]
    pattern = f"the images of {folder / fakes} {DIFFERENT[fakes]}.*give OUT[.]"
    assert re.fullmatch(f"error: swd4 of {fakes} failed: .* {pattern}", error)
    assert again == f"error: msssim of {fakes} failed as swd4 did."
    assert re.fullmatch(f"notice: feature networks stretch all .* {pattern}", notice)


@pytest.mark.parametrize("reals", DIFFERENT)
def test_reals_that_differ_do_not_matter_to_metrics_of_fakes(folder, reals, capsys):
    assert call(folder, reals, "even", "swd4,msssim") == 1
    out, err = capsys.readouterr()
    assert err.count("failed") == 1 and re.search(f"swd4 of even failed: .*{DIFFERENT[reals]}", err)
    assert "msssim" in out


def test_both_sets_are_named_once_each(folder, capsys):
    assert call(folder, "mixed", "wide", "fid,kid") == 0
    lines = capsys.readouterr().err.splitlines()
    first, second = [line for line in lines if line.startswith("notice: feature")]
    assert str(folder / "mixed") in first and str(folder / "wide") in second


def test_sets_of_two_sizes(folder, capsys):
    assert call(folder, "even", "small", "swd4") == 1
    pattern = f"those of {folder / 'even'} are 32x32 and those of {folder / 'small'} 16x16"
    assert re.search(pattern + ".*--resolution=32", capsys.readouterr().err)


def test_sizes_that_a_metric_cannot_use(folder, capsys):
    assert call(folder, "odd", "odd", "swd4,msssim") == 1
    err = capsys.readouterr().err
    assert err.count("`msg-stylegan dataset create_from_images`, with `--resolution`") == 2


def test_sets_that_are_alike_are_not_spoken_of(folder, capsys):
    assert call(folder, "even", "even", "swd4,msssim,fid") == 0
    assert "notice: feature" not in capsys.readouterr().err


def test_reals_that_differ_beside_a_generator(folder, tmp_path):
    reals = open_images(folder / "mixed")
    evaluator = MetricEvaluator([], reals, networks=FeatureNetworks(tmp_path), cache_dir=tmp_path)
    with pytest.raises(
        ValueError, match=f"make images of shape .*, the images.*{DIFFERENT['mixed']}"
    ):
        evaluator.of_generator(make_networks(channels=3).G_ema)


@pytest.mark.parametrize("seed", range(20))
def test_the_first_that_differs_is_named_and_all_fit_the_size(seed):
    rng = np.random.default_rng(seed)
    sizes = [tuple(map(int, rng.integers(4, 9, 2) * rng.integers(1, 9))) for _ in range(5)]
    text = unevenness("set", [(f"{i}.png", size) for i, size in enumerate(sizes)])
    other = next(i for i, size in enumerate(sizes) if size != sizes[0])
    assert f"0.png is {sizes[0][1]}x{sizes[0][0]}, {other}.png is" in text
    side = int(re.search(r"resolution=(\d+)", text)[1])
    assert side <= min(map(min, sizes)) < 2 * side and side & (side - 1) == 0
