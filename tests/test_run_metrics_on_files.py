"""Scoring images in files, statistics in files, and networks of the user."""

import json
import zipfile

import numpy as np
import pytest
from PIL import Image
from support.checkout import ROOT
from support.new_process import run_python
from support.synthetic_inception import torch_arrays
from support.tiny_feature_network import DIM, write_feature_network
from support.tiny_run import make_dataset, make_run
from support.torch_writer import tensors, write_zip

from msg_stylegan.commands import run_metrics
from msg_stylegan.data.dataset import TFRecordDataset


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two sets of images, the first one in every form, and a feature network."""
    folder = tmp_path_factory.mktemp("files")
    reals = make_dataset(folder / "data" / "tiny", channels=3)
    fakes = make_dataset(folder / "fakes", num_images=30, channels=3, seed=1)
    for name, dataset in (("reals", reals), ("fakes", fakes)):
        (folder / f"{name}_png").mkdir()
        for index, image in enumerate(dataset.read_images(np.arange(dataset.num_images))):
            Image.fromarray(image).save(folder / f"{name}_png" / f"{index:03d}.png")
    with zipfile.ZipFile(folder / "reals.zip", "w") as archive:
        for path in sorted((folder / "reals_png").iterdir()):
            archive.write(path, f"inside/{path.name}")
    write_feature_network(folder)
    return folder


def call(folder, *arguments, metrics="fid,kid,pr3,dc5", network="tiny"):
    return run_metrics.main(
        [
            f"--metrics={metrics}",
            *([f"--feature_network={folder / network}.keras"] if network else []),
            f"--cache_dir={folder / 'cache'}",
            f"--result_dir={folder / 'results'}",
            *arguments,
        ]
    )


def scores(folder, fakes, reals, *arguments, **options):
    output = folder / "scores.jsonl"
    output.unlink(missing_ok=True)
    paths = [f"--fakes={folder / fakes}", f"--reals={folder / reals}", f"--output={output}"]
    assert call(folder, *paths, *arguments, **options) == 0
    lines = [json.loads(line) for line in output.read_text().splitlines()]
    return {key: value for line in lines for key, value in line["results"].items()}


def test_results_are_shown_even_if_their_file_cannot_be_written(folder, tmp_path, capsys):
    (tmp_path / "file").touch()
    paths = [f"--fakes={folder / 'fakes'}", f"--reals={folder / 'data' / 'tiny'}"]
    for output, status in (("new/folders/a.jsonl", 0), ("file/a.jsonl", 1)):
        assert call(folder, *paths, f"--output={tmp_path / output}", metrics="fid") == status
        assert "fd-tiny" in capsys.readouterr().out
    assert len((tmp_path / "new" / "folders" / "a.jsonl").read_text().splitlines()) == 1


def test_the_form_of_the_files_does_not_matter(folder, capsys):
    expected = scores(folder, "fakes", "data/tiny")
    assert expected.keys() == {
        f"{name}{floor}{value}"
        for name, values in {
            "fd-tiny": ("",),
            "kd-tiny": ("",),
            "pr3-tiny": ("_precision", "_recall"),
            "dc5-tiny": ("_density", "_coverage"),
        }.items()
        for floor in ("", "_floor")
        for value in values
    }
    table = capsys.readouterr().out.splitlines()
    assert table[0].split()[:3] == ["fakes", "images", "fd-tiny"]
    assert table[1].split()[:2] == ["fakes", "30"]
    for fakes, reals in (("fakes_png", "reals.zip"), ("fakes", "reals_png")):
        assert scores(folder, fakes, reals) == pytest.approx(expected, rel=1e-6)


def test_images_against_themselves_are_perfect(folder):
    found = scores(folder, "reals_png", "reals.zip")
    assert found["fd-tiny"] < 1e-6 * scores(folder, "fakes", "reals_png")["fd-tiny"]
    assert found["pr3-tiny_precision"] == found["pr3-tiny_recall"] == 1
    assert found["dc5-tiny_coverage"] == 1


def test_metrics_of_pixels_work_on_files(folder):
    found = scores(folder, "fakes_png", "reals.zip", metrics="swd20,msssim10", network=None)
    assert found["swd20_avg"] > 0 and "msssim10" in found
    # Some need nothing to compare with.
    assert call(folder, f"--fakes={folder / 'fakes_png'}", metrics="msssim10", network=None) == 0


def test_statistics_are_exported_and_stand_for_the_reals(folder, capsys):
    expected = scores(folder, "fakes", "reals.zip", metrics="fid")
    stats = folder / "stats.npz"
    export = [f"--reals={folder / 'reals.zip'}", f"--export_stats={stats}"]
    assert call(folder, *export, metrics="fid") == 0
    with np.load(stats) as arrays:
        assert arrays["mu"].shape == (DIM,) and arrays["sigma"].shape == (DIM, DIM)
    output = folder / "imported.jsonl"
    imported = [f"--import_stats={stats}", f"--output={output}"]
    assert call(folder, f"--fakes={folder / 'fakes'}", *imported, metrics="fid") == 0
    line = json.loads(output.read_text())
    # Statistics cannot be divided in halves.
    assert line["results"] == {"fd-tiny": pytest.approx(expected["fd-tiny"], rel=1e-9)}
    assert line["settings"]["imported"] and "fingerprint" not in line["settings"]
    assert line["fakes"]["num_images"] == 30 and len(line["fakes"]["fingerprint"]) == 64

    # What needs the images themselves says so, and the rest goes on.
    capsys.readouterr()
    assert call(folder, f"--fakes={folder / 'fakes'}", *imported, metrics="kid,fid") == 1
    output = capsys.readouterr()
    assert "no real images to compare with" in output.err
    assert "fd-tiny" in output.out


def test_a_network_against_a_folder(folder):
    run_dir = make_run(folder / "results", folder / "data", snapshots=[0], channels=3)
    for reals in ("data/tiny", "reals.zip"):
        arguments = [f"--network={run_dir}", f"--reals={folder / reals}"]
        assert call(folder, *arguments, metrics="fid30,fid30_scales") == 0
    path = run_dir / "metric-fd30_scales-tiny.jsonl"
    first, second = (json.loads(line)["results"] for line in path.read_text().splitlines())
    assert first == pytest.approx(second, rel=1e-6)
    scales = ("", "_4", "_8", "_16", "_floor")
    assert list(first) == [f"fd30_scales-tiny{scale}" for scale in scales]
    (line,) = (run_dir / "metric-fd30-tiny.jsonl").read_text().splitlines()[1:]
    assert json.loads(line)["results"]["fd30-tiny"] == first["fd30_scales-tiny"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--export_stats=a.npz"],
            "no real images to compare with. Name them",
        ),
        (["--fakes=nowhere", "--reals=reals.zip"], "There is no nowhere"),
        (["--fakes=fakes"], "no real images to compare with. Name them"),
        (["--fakes=fakes", "--import_stats=nowhere.npz"], "no file of statistics nowhere.npz"),
        (["--fakes=fakes", "--import_stats=tiny.json"], "cannot be read as .npz statistics"),
        (["--reals=reals.zip", "--metrics=kid", "--export_stats=a.npz"], "exactly one Fréchet"),
        (["--fakes=fakes", "--reals=reals.zip", "--metrics=ppl2_wend"], "looks into a generator"),
        (["--fakes=fakes", "--reals=reals.zip", "--metrics=fid31"], "fd31-tiny asks for 31 fakes"),
        (["--fakes=fakes", "--reals=reals.zip", "--feature_network=no.keras"], "Received no.keras"),
    ],
)
def test_wrong_requests_give_one_clear_error(folder, capsys, monkeypatch, arguments, message):
    monkeypatch.chdir(folder)
    assert call(folder, *arguments, metrics="fid") == 1
    error = capsys.readouterr().err
    assert message in error and "Traceback" not in error


def test_an_error_is_printed_once(folder, capsys):
    # Both look through one network, whose weights are not there.
    arguments = [f"--fakes={folder / 'fakes'}", f"--reals={folder / 'reals.zip'}"]
    assert call(folder, *arguments, metrics="fid,clean_fid,msssim31", network=None) == 1
    output = capsys.readouterr()
    assert output.err.count("The weights of the Inception network of 2015 are missing") == 1
    assert "error: clean_fid of fakes failed as fid did." in output.err
    assert output.err.count("msssim31 asks for 62 fakes") == 1
    assert "are missing" not in output.out and "asks for" not in output.out


@pytest.mark.slow
def test_two_devices_give_the_same_scores(folder):
    run_dir = make_run(folder / "two", folder / "data", snapshots=[0], channels=3)
    results = {}
    for devices in (0, 2):
        run_python(
            *(ROOT / "run_metrics.py", f"--network={run_dir}"),
            *("--metrics=fid40,fid40_scales,kid40,swd32,stability4", "--batch_size=4"),
            f"--feature_network={folder / 'tiny.keras'}",
            f"--cache_dir={folder / f'cache{devices}'}",
            f"--logical_cpus={devices}",
        )
        lines = [
            json.loads(path.read_text().splitlines()[-1])
            for path in sorted(run_dir.glob("metric-*.jsonl"))
        ]
        assert {line["num_gpus"] for line in lines} == {devices or 1}
        results[devices] = {k: v for line in lines for k, v in line["results"].items()}
    assert results[2] == pytest.approx(results[0], rel=1e-4)
    assert len(results[0]) >= 8


def test_gray_records_compare_with_colour_files(folder):
    make_dataset(folder / "gray", channels=1)
    gray = TFRecordDataset(folder / "gray").read_images(np.arange(40))
    (folder / "gray_png").mkdir()
    for index, image in enumerate(gray):
        Image.fromarray(image[:, :, 0]).save(folder / "gray_png" / f"{index:03d}.png")
    found = scores(folder, "gray", "gray_png", metrics="fid,swd20")
    assert abs(found["fd-tiny"]) < 1e-3
    assert found["swd20_avg"] < 2 * found["swd20_floor_avg"]


@pytest.mark.slow
def test_scores_through_inception(folder):
    # Synthetic weights in a file as pytorch-fid publishes it, found by its content.
    path = folder / "inception_cache" / "inception" / "any name"
    path.parent.mkdir(parents=True)
    write_zip(path, tensors(torch_arrays()))
    cache = f"--cache_dir={folder / 'inception_cache'}"
    found = scores(folder, "fakes", "reals.zip", cache, metrics="fid,clean_fid,kid,is", network="")
    distances = ("fid", "clean_fid", "kid")
    floors = {f"{name}_floor" for name in distances}
    assert found.keys() == {*distances, *floors, "is_mean", "is_std"}
    assert found["fid"] > 0 and found["clean_fid"] != found["fid"] and found["is_mean"] >= 1
    # Keras' network is not taken for it.
    output = call(folder, f"--fakes={folder / 'fakes'}", cache, metrics="keras_fid", network="")
    assert output == 1
    # Real statistics are in the cache: moments and features of both resizings, and three floors.
    assert len(list((folder / "inception_cache" / "metrics").iterdir())) == 7
    same = scores(folder, "reals_png", "reals.zip", cache, metrics="fid,kid", network="")
    assert same["fid"] < 1e-6 * found["fid"] and same["kid"] < found["kid"]


def test_broken_images_end_a_metric_or_are_skipped(folder, capsys):
    broken = folder / "broken"
    broken.mkdir()
    for path in (folder / "fakes_png").iterdir():
        (broken / path.name).write_bytes(path.read_bytes())
    (broken / "005.png").write_bytes(b"no image")
    pair = [f"--fakes={broken}", f"--reals={folder / 'reals.zip'}"]
    assert call(folder, *pair, metrics="swd29", network=None) == 1
    assert "005.png cannot be used: it is not an image" in capsys.readouterr().err
    assert call(folder, *pair, "--skip_broken", metrics="swd29", network=None) == 0
    out, error = capsys.readouterr()
    assert "1 of 30 images cannot be used and are left out" in error and "005.png" in error
    assert out.splitlines()[1].split()[:2] == ["broken", "29"]
