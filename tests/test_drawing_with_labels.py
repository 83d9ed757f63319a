"""Every command that draws with networks that have labels: classes with names, and vectors."""

import json

import numpy as np
import pytest
from PIL import Image
from support.saved_pictures import pixels, text
from support.tiny_run import make_dataset, make_networks

from msg_stylegan.commands import generate, run_metrics
from msg_stylegan.export import ExportOptions, export_generator
from msg_stylegan.model_card.folder import write_model_folder
from msg_stylegan.networks import load_snapshot, save_networks
from msg_stylegan.projection import read_projection
from msg_stylegan.sampling.label_table import label_table

VECTORS = {
    "kind": "vectors",
    "vectors": [[0.25, 12.0], [0.75, 10.5]],
    "counts": [3, 1],
    "names": ["shade", "size"],
}
# The first class has no images.
CLASSES = {"kind": "classes", "counts": [0, 3, 5], "names": ["ant", "cat", "dog"]}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Snapshots by the kind of their labels."""
    folder = tmp_path_factory.mktemp("labels")
    paths = {}
    for kind, facts, size in (("vectors", VECTORS, 2), ("classes", CLASSES, 3), ("unknown", {}, 2)):
        paths[kind] = folder / kind / "network-snapshot-000000.keras"
        paths[kind].parent.mkdir()
        info = {"labels": facts} if facts else {}
        save_networks(make_networks(label_size=size, channels=3), paths[kind], info)
    return paths


def call(files, kind, outdir, command, *arguments):
    network = [f"--network={files[kind]}", f"--outdir={outdir}"]
    return generate.main([command, *network, *arguments])


def test_seeds_of_vectors_have_labels_of_the_training(files, tmp_path):
    assert call(files, "vectors", tmp_path / "free", "images", "--seeds=0-11") == 0
    pictures = {}
    for path in (tmp_path / "free").iterdir():
        facts = text(path)
        assert "class" not in facts
        pictures[facts["label"]] = path.name, facts["seed"], pixels(path)
    assert pictures.keys() == {"0.25,12", "0.75,10.5"}
    # By hand, the same label gives the same picture.
    for label, (name, seed, expected) in pictures.items():
        chosen = [f"--seeds={seed}", f"--label={label}"]
        assert call(files, "vectors", tmp_path / "chosen", "images", *chosen) == 0
        np.testing.assert_array_equal(pixels(tmp_path / "chosen" / name), expected)


def test_seeds_of_classes_have_classes_that_occurred(files, tmp_path):
    assert call(files, "classes", tmp_path / "free", "images", "--seeds=0-7") == 0
    facts = [text(tmp_path / "free" / f"seed{seed:04d}.png") for seed in range(8)]
    found = {(fact["class"], fact["class_name"]) for fact in facts}
    assert found == {("1", "cat"), ("2", "dog")}
    for choice in ("--class=dog", "--label=0,0,1"):
        assert call(files, "classes", tmp_path / choice, "images", "--seeds=0", choice) == 0
    pictures = [pixels(path) for path in tmp_path.glob("--*/seed0000.png")]
    np.testing.assert_array_equal(*pictures)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        ("multiscale", ["--seeds=0-1"]),
        ("noise", ["--seeds=0", "--repeats=4"]),
        ("mixing", ["--seeds=0-1", "--rows=2"]),
        ("truncation", ["--seeds=0-1", "--psis=1,0"]),
        ("uncurated", ["--seeds=0-2"]),
        ("directions", ["--seeds=0", "--count=2", "--strengths=-1,1"]),
        ("interpolation", ["--seeds=0-1", "--path=slerp", "--transition=2", "--format=frames"]),
        ("interpolation", ["--seeds=0", "--points=2", "--transition=2", "--format=frames"]),
    ],
)
def test_every_command_takes_vectors(files, tmp_path, command, arguments):
    for name, choice in (("free", []), ("chosen", ["--label=0.25,12"])):
        assert call(files, "vectors", tmp_path / name, command, *arguments, *choice) == 0
    assert [path.name for path in (tmp_path / "free").rglob("*.png")]


@pytest.mark.parametrize(
    ("kind", "command", "choice", "message"),
    [
        (
            "vectors",
            "images",
            "--class=1",
            "not classes, but vectors of 2 numbers. Give one",
        ),
        ("vectors", "images", "--label=1", "--label has 1 number, but"),
        ("vectors", "images", "--label=1,1e39", "--label has numbers too large"),
        ("vectors", "classes", None, "not classes, but vectors of 2 numbers"),
        ("classes", "images", "--class=ant", "no image of the training had it, only the classes 1"),
        ("classes", "images", "--class=cow", "this network has classes 1 (cat), 2 (dog)"),
    ],
)
def test_what_a_network_cannot_draw_is_refused(
    files, tmp_path, capsys, kind, command, choice, message
):
    arguments = ["--seeds=0", *([choice] if choice else [])]
    assert call(files, kind, tmp_path, command, *arguments) == 1
    error = capsys.readouterr().err
    assert message in error and len(error.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_a_given_w_takes_no_label(files, tmp_path, capsys):
    for choice in ("--class=1", "--label=0,1,0"):
        assert call(files, "classes", tmp_path, "images", "--w=w.npz", choice) == 1
        assert "go with --seeds" in capsys.readouterr().err


def test_one_label_or_one_class(files, tmp_path, capsys):
    with pytest.raises(SystemExit):
        call(files, "classes", tmp_path, "images", "--seeds=0", "--class=1", "--label=0,1,0")
    assert "not allowed with" in capsys.readouterr().err


def test_rows_of_classes_are_those_that_occurred(files, tmp_path):
    assert call(files, "classes", tmp_path, "classes", "--seeds=3-5") == 0
    facts = text(tmp_path / "classes.png")
    assert pixels(tmp_path / "classes.png").shape == (2 * 16, 3 * 16, 3)
    assert facts["class"] == "1,2" and facts["class_name"] == "cat,dog"


def test_unknown_labels_are_taken_for_classes_and_said(files, tmp_path, capsys):
    assert call(files, "unknown", tmp_path, "images", "--seeds=0-3") == 0
    assert "notice: The file does not say which labels" in capsys.readouterr().err
    assert {text(path)["class"] for path in tmp_path.iterdir()} <= {"0", "1"}
    assert call(files, "unknown", tmp_path, "images", "--seeds=0", "--label=0.5,0.5") == 0
    assert "notice" not in capsys.readouterr().err
    # Whether there are classes is not known.
    assert call(files, "unknown", tmp_path, "images", "--seeds=0", "--class=1") == 0
    error = capsys.readouterr().err
    assert "taken for the classes 0 to 1. --label gives another label." in error


@pytest.mark.slow
def test_projection_begins_at_labels_of_the_training(files, tmp_path):
    target = tmp_path / "target.png"
    Image.fromarray(np.full((16, 16, 3), 99, np.uint8)).save(target)
    options = [f"--target={target}", "--steps=1", "--no_video", "--lpips=off"]
    found = []
    for name, choice in (("free", []), ("one", ["--label=0.25,12"]), ("far", ["--label=90,-90"])):
        assert call(files, "vectors", tmp_path / name, "project", *options, *choice) == 0
        found.append(json.loads((tmp_path / name / "projections.json").read_text())[0])
    assert found[1]["label"] == [0.25, 12.0] and found[0]["class"] is None
    one, far = (
        read_projection(tmp_path / name / "target" / "projection.npz") for name in ("one", "far")
    )
    assert (one.ws != far.ws).any()


def test_scores_need_a_label_of_the_same_kind(files, tmp_path, capsys):
    image = tmp_path / "x.png"
    Image.fromarray(np.full((16, 16, 3), 99, np.uint8)).save(image)

    def score(kind, *choice):
        table = tmp_path / "scores.json"
        status = generate.main(
            ["score", str(image), f"--network={files[kind]}", f"--output={table}", *choice]
        )
        return status, table, capsys.readouterr().err

    status, table, _ = score("vectors", "--label=0.25,12")
    assert status == 0 and json.loads(table.read_text())["label"] == [0.25, 12.0]
    status, _, error = score("vectors")
    assert status == 1 and "Choose --label, vectors of 2 numbers (shade, size), such as" in error
    status, table, _ = score("classes", "--class=dog")
    facts = json.loads(table.read_text())
    assert status == 0 and (facts["class"], facts["class_name"]) == (2, "dog")
    status, _, error = score("classes")
    assert status == 1 and "Choose --class, 1 (cat), 2 (dog)." in error


def test_export_says_what_labels_are(files, tmp_path):
    texts = {}
    options = ExportOptions(batch_size=1, scale=4)
    for kind, path in files.items():
        nets = load_snapshot(path)
        folder = tmp_path / kind
        texts[kind] = export_generator(nets.G_ema, folder, "savedmodel", options, info=nets.info)
    vectors = "labels: vectors of 2 numbers (shade, size), such as 0.25,12"
    assert texts["vectors"].endswith(vectors)
    assert texts["classes"].endswith("labels: one-hot, 2 classes: 1 (cat), 2 (dog)")
    assert "labels [1, 2]" in texts["unknown"] and "labels:" not in texts["unknown"]


def test_exported_generators_keep_the_labels(files, tmp_path):
    nets = load_snapshot(files["vectors"])
    for name, kind in (("x.keras", "keras"), ("x.npz", "npz")):
        export_generator(nets.G_ema, tmp_path / name, kind, info=nets.info)
        assert call({"x": tmp_path / name}, "x", tmp_path / kind, "images", "--seeds=0") == 0
        assert text(tmp_path / kind / "seed0000.png")["label"] in ("0.25,12", "0.75,10.5")


def test_model_card_describes_and_draws_the_labels(files, tmp_path):
    for kind, row, use in (
        ("vectors", "| labels | vectors of 2 numbers (shade, size), such as 0.25,12 |", "[0.25, 1"),
        ("classes", "| labels | one-hot, 2 classes: 1 (cat), 2 (dog) |", "np.eye(3)[[1] * 4]"),
    ):
        write_model_folder(files[kind].parent, tmp_path / kind, name="x")
        text = (tmp_path / kind / "README.md").read_text()
        assert row in text
        code = text.split("```python\n")[1].split("```")[0]
        assert f"labels={use}" in code or f"labels=np.array([{use}" in code
        names = {}
        exec(code.replace("network-", f"{tmp_path / kind}/network-"), names)
        assert names["images"][-1].shape == (4, 16, 16, 3)
        # What is published still draws by itself.
        published = load_snapshot(tmp_path / kind / files[kind].name)
        assert label_table(published.G_ema, published.info).notice is None


def test_metrics_take_labels_of_the_snapshot_where_the_reals_have_none(files, tmp_path, capsys):
    folder = tmp_path / "plain"
    make_dataset(folder, channels=3)
    options = ["--metrics=swd32", "--batch_size=16", f"--cache_dir={tmp_path / 'cache'}"]
    command = [*options, f"--reals={folder}"]
    assert run_metrics.main([f"--network={files['vectors']}", *command]) == 0
    output = capsys.readouterr()
    assert "notice: labels are drawn from those in the snapshot" in output.err
    assert run_metrics.main([f"--network={files['unknown']}", *command]) == 1
    assert "Name by --reals a data set with labels" in capsys.readouterr().err
