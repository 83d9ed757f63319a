import dataclasses
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from support.checkout import ROOT
from support.flat_options import progan_generator_options
from support.installed import need
from support.new_process import run_python
from support.tiny_run import SMALL_G, make_run

from msg_stylegan import load_networks
from msg_stylegan.commands import export
from msg_stylegan.export import FORMATS, ExportOptions, export_generator
from msg_stylegan.interface import Interface
from msg_stylegan.networks import Generator
from msg_stylegan.networks.pair_member import flat_config
from msg_stylegan.options import GeneratorOptions
from msg_stylegan.sampling.sampler import to_uint8

PROBE = Path(__file__).parent / "support" / "export_probe.py"
# Runtime of the probe -> the format that it reads and the packages that writing and reading need.
RUNTIMES = {
    "saved_model": ("savedmodel", ()),
    "tflite": ("tflite", ()),
    "litert": ("tflite", ("ai_edge_litert",)),
    "onnx": ("onnx", ("onnx", "tf2onnx", "onnxruntime")),
}


def make_generator(channels=3, label_size=0, **options):
    """An untrained generator of 8x8 pixels, if the options say nothing else."""
    config = flat_config(SMALL_G, Interface(8, channels, label_size))
    return randomised(Generator.from_config({**config, **options}))


def make_progan():
    return randomised(Generator.from_config(progan_generator_options(4, 4)))


def make_scogan():
    # Large weights as they are: random variances would be negative.
    options = GeneratorOptions(body="scogan", z_dim=8, z_space="uniform", weight_init="he")
    G = Generator(options, Interface(32, 1, connect="none"))
    G.build()
    return G


def randomised(G):
    G.build()
    rng = np.random.default_rng(0)
    for variable in G.variables:
        # Strong enough to be seen; a constant start would make the instance norm amplify rounding.
        variable.assign(rng.normal(size=variable.shape, scale=0.5).astype(np.float32))
    return G


CASES = {
    "free": (lambda: make_generator(label_size=3), ExportOptions()),
    "fixed": (
        lambda: make_generator(channels=1),
        ExportOptions(batch_size=3, truncation_psi=0.5, noise_mode="none", scale=8, as_uint8=True),
    ),
    "single": (lambda: make_generator(connect="none"), ExportOptions(truncation_cutoff=2)),
    "stylegan2": (lambda: make_generator(synthesis="stylegan2", label_size=3), ExportOptions()),
    "progan": (make_progan, ExportOptions()),
    "scogan": (make_scogan, ExportOptions()),
    "random": (make_generator, ExportOptions(truncation_psi=0.7, noise_mode="random", scale=8)),
}


def calls_of(G, options):
    """Inputs of several calls: batches of 1 and 3 unless the size is fixed, and two psi."""
    rng = np.random.default_rng(1)
    for count in [options.batch_size] if options.batch_size else [1, 3]:
        for psi in (0.5, 1.0):
            inputs = {"z": rng.standard_normal((count, G.z_dim), np.float32)}
            if G.label_size:
                inputs["labels"] = np.eye(G.label_size, dtype=np.float32)[np.arange(count) % 3]
            if options.truncation_psi is None and G.has_mapping:
                inputs["truncation_psi"] = np.array(psi, np.float32)
            yield inputs


def expected_images(G, options, inputs):
    """What `G` itself makes of the inputs."""
    psi = inputs.get("truncation_psi", options.truncation_psi)
    images = G(
        G.place_z(inputs["z"]),
        inputs.get("labels"),
        truncation_psi=1.0 if psi is None else float(psi),
        truncation_cutoff=options.truncation_cutoff,
        noise_mode=options.noise_mode,
    )
    return {
        f"images_{res}x{res}": (to_uint8(image) if options.as_uint8 else image).numpy()
        for res, image in zip(G.resolutions, images, strict=True)
        if options.scale in (None, res)
    }


def run_probe(runtime, folder, jobs):
    """Images that a runtime makes in a fresh process; `jobs` are pairs of a file and calls."""
    paths = []
    for index, (file, calls) in enumerate(jobs):
        inputs, target = folder / f"inputs{index}.npz", folder / f"images{index}.npz"
        np.savez(inputs, **{f"{i}/{k}": a for i, call in enumerate(calls) for k, a in call.items()})
        paths += [file, inputs, target]
    subprocess.run([sys.executable, PROBE, runtime, *paths], check=True, cwd=folder)
    results = []
    for (_, calls), target in zip(jobs, paths[2::3], strict=True):
        groups = [{} for _ in calls]
        with np.load(target) as arrays:
            for key, array in arrays.items():
                number, _, name = key.partition("/")
                groups[int(number)][name] = array
        results.append(groups)
    return results


def export_cases(folder, format_name, names):
    made = []
    for name in names:
        make, options = CASES[name]
        G = make()
        file = folder / f"{name}{FORMATS[format_name].suffix}"
        export_generator(G, file, format_name, options)
        made.append((G, options, file))
    return made


@pytest.mark.parametrize(
    ("names", "runtime"),
    [
        pytest.param(["free"], "saved_model", id="saved_model"),
        pytest.param(["free"], "tflite", id="tflite", marks=pytest.mark.slow),
        pytest.param(["free"], "litert", id="litert"),
        pytest.param(["free"], "onnx", id="onnx"),
        *(
            pytest.param(
                ["fixed", "single", "stylegan2", "progan", "scogan"],
                name,
                id=f"others-{name}",
                marks=pytest.mark.slow,
            )
            for name in RUNTIMES
        ),
    ],
)
def test_the_file_makes_the_images_of_the_generator(tmp_path, names, runtime):
    format_name, packages = RUNTIMES[runtime]
    need(*packages)
    made = export_cases(tmp_path, format_name, names)
    jobs = [(file, list(calls_of(G, options))) for G, options, file in made]
    results = run_probe(runtime, tmp_path, jobs)
    for (G, options, _), (_, calls), results_of_calls in zip(made, jobs, results, strict=True):
        for inputs, images in zip(calls, results_of_calls, strict=True):
            expected = expected_images(G, options, inputs)
            assert images.keys() == expected.keys()
            for name, image in images.items():
                assert image.dtype == expected[name].dtype
                # Where a float stands just before a whole number, rounding may decide the pixel.
                tolerance = 1 if options.as_uint8 else 1e-4
                np.testing.assert_allclose(
                    image.astype(float), expected[name].astype(float), rtol=0, atol=tolerance
                )
                assert np.mean(image == expected[name]) > 0.99 or not options.as_uint8


@pytest.mark.slow
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_random_noise_is_new_for_every_image_and_has_the_right_strength(tmp_path, runtime):
    format_name, packages = RUNTIMES[runtime]
    need(*packages)
    ((G, options, file),) = export_cases(tmp_path, format_name, ["random"])
    count = 500
    inputs = {"z": np.repeat(next(calls_of(G, options))["z"], count, axis=0)}
    ((images, again),) = run_probe(runtime, tmp_path, [(file, [inputs, inputs])])
    (images,), (again,) = images.values(), again.values()
    flat = np.concatenate([images, again]).reshape(2 * count, -1)
    assert len(np.unique(flat, axis=0)) == 2 * count
    own = expected_images(G, options, inputs)["images_8x8"]
    spread = own.std(axis=0)
    assert spread.min() > 0.05
    # Six standard errors of a difference of means; ratios of deviations within a quarter.
    np.testing.assert_array_less(
        np.abs(images.mean(0) - own.mean(0)), 6 * spread * (2 / count) ** 0.5
    )
    np.testing.assert_allclose(images.std(axis=0) / spread, 1.0, atol=0.25)


def test_a_saved_model_knows_its_gradients(tmp_path):
    ((G, options, file),) = export_cases(tmp_path, "savedmodel", ["free"])
    inputs = {name: tf.constant(a) for name, a in next(calls_of(G, options)).items()}
    # A function alone does not keep its variables.
    model = tf.saved_model.load(str(file))
    function = model.signatures["serving_default"]
    gradients = []
    for draw in (lambda: function(**inputs), lambda: expected_on_tape(G, inputs)):
        with tf.GradientTape() as tape:
            tape.watch(inputs["z"])
            loss = tf.reduce_sum(draw()["images_8x8"] ** 2)
        gradients.append(tape.gradient(loss, inputs["z"]).numpy())
    np.testing.assert_allclose(*gradients, rtol=1e-3, atol=1e-3)


def expected_on_tape(G, inputs):
    images = G(inputs["z"], inputs["labels"], inputs["truncation_psi"], noise_mode="const")
    return {"images_8x8": images[-1]}


@pytest.mark.slow
def test_weights_of_16_bits_halve_the_file_and_hardly_change_the_images(tmp_path):
    G = make_generator(channel_base=256, channel_max=32)
    full, half = tmp_path / "full.tflite", tmp_path / "half.tflite"
    export_generator(G, full, "tflite", options := ExportOptions(truncation_psi=0.7))
    export_generator(G, half, "tflite", dataclasses.replace(options, float16=True))
    assert half.stat().st_size < 0.75 * full.stat().st_size
    inputs = next(calls_of(G, options))
    ((images,),) = run_probe("tflite", tmp_path, [(half, [inputs])])
    for name, expected in expected_images(G, options, inputs).items():
        assert np.abs(images[name] - expected).max() < 0.02 * np.abs(expected).max()


EXAMPLES = re.findall(
    r"^```python\n(.*?)^```", (ROOT / "docs" / "export.md").read_text(encoding="utf-8"), re.S | re.M
)
# Format of the file that an example opens -> what it needs beside TensorFlow.
NEEDED = {
    "savedmodel": (),
    "tflite": ("ai_edge_litert",),
    "onnx": ("onnx", "tf2onnx", "onnxruntime"),
    "keras": (),
    "npz": (),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("format_name", "code"), list(zip(NEEDED, EXAMPLES, strict=True)), ids=list(NEEDED)
)
def test_examples_of_the_documentation_run(tmp_path, format_name, code):
    need(*NEEDED[format_name])
    G = make_generator(channels=1, resolution=32, z_dim=64)
    export_generator(G, tmp_path / f"digits{FORMATS[format_name].suffix}", format_name)
    environment = {**os.environ, "PYTHONPATH": str(ROOT) if format_name == "keras" else ""}
    output = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        cwd=tmp_path,
        env=environment,
        capture_output=True,
    ).stdout
    expected = "(1, 8, 4, 4)" if format_name == "npz" else "(4, 32, 32, 1)"
    assert expected in output.decode()


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    make_run(folder, folder, label_size=3)
    return folder


def call(results, path, format_name, *arguments):
    options = [f"--result_dir={results}", "--network=latest", f"--format={format_name}"]
    return export.main([*options, f"--output={path}", *arguments])


@pytest.mark.parametrize("format_name", ["keras", "npz"])
def test_files_of_networks_are_opened_again(results, tmp_path, format_name, capsys):
    path = tmp_path / f"generator{FORMATS[format_name].suffix}"
    assert call(results, path, format_name) == 0
    assert capsys.readouterr().out.startswith(f"{path}: the 16x16 generator")
    nets, original = load_networks(path), load_networks(results / "00001-tiny-1gpu")
    assert nets.G is None and nets.D is None
    assert nets.info == original.info
    z, labels = np.ones((2, 8), np.float32), np.eye(3, dtype=np.float32)[:2]
    for image, expected in zip(
        nets.G_ema(z, labels, noise_mode="const"),
        original.G_ema(z, labels, noise_mode="const"),
        strict=True,
    ):
        np.testing.assert_array_equal(image, expected)


@pytest.mark.slow
def test_keras_opens_the_file_itself_when_the_classes_are_known(results, tmp_path):
    call(results, tmp_path / "generator.keras", "keras")
    code = (
        "import keras, msg_stylegan.networks; "
        "nets = keras.models.load_model('generator.keras', compile=False); "
        "print([image.shape[1] for image in nets.G_ema([[0.0] * 8], [[1.0, 0, 0]])])"
    )
    assert run_python("-c", code, cwd=tmp_path).split("\n")[0] == "[4, 8, 16]"


def test_numpy_opens_the_variables_by_themselves(results, tmp_path):
    call(results, tmp_path / "generator.npz", "npz")
    with np.load(tmp_path / "generator.npz", allow_pickle=False) as arrays:
        assert arrays["Gs/G_synthesis/4x4/Const/const"].shape == (1, 8, 4, 4)
        weights = [arrays[name] for name in arrays.files if name.startswith("Gs/")]
    assert sum(a.size for a in weights) == sum(
        int(np.prod(v.shape)) for v in load_networks(results / "00001-tiny-1gpu").G_ema.variables
    )


def test_the_program_says_what_goes_in_and_comes_out(results, tmp_path, capsys):
    path = tmp_path / "generator"
    arguments = ["--batch_size=2", "--scale=8", "--uint8", "--noise_mode=none"]
    assert call(results, path, "savedmodel", *arguments) == 0
    assert capsys.readouterr().out.strip() == (
        f"{path}: inputs: z [2, 8], labels [2, 3], truncation_psi []; "
        "outputs: images_8x8 (uint8, NHWC)"
    )
    model = tf.saved_model.load(str(path))
    function = model.signatures["serving_default"]
    assert {k: tuple(v.shape) for k, v in function.structured_outputs.items()} == {
        "images_8x8": (2, 8, 8, 1)
    }


def test_nothing_is_overwritten_without_force(results, tmp_path, capsys):
    path = tmp_path / "generator.npz"
    path.write_text("mine")
    assert call(results, path, "npz") == 1
    assert "exists already" in capsys.readouterr().err
    assert path.read_text() == "mine"
    assert call(results, path, "npz", "--force") == 0
    assert load_networks(path).G_ema.resolution == 16


def test_only_a_saved_model_is_replaced_by_another(results, tmp_path, capsys):
    home = tmp_path / "home"
    home.mkdir()
    (home / "letter.txt").write_text("mine")
    assert call(results, home, "savedmodel", "--force") == 1
    assert "has no saved_model.pb" in capsys.readouterr().err
    assert (home / "letter.txt").read_text() == "mine"

    path = tmp_path / "model"
    assert call(results, path, "savedmodel", "--scale=4") == 0
    assert call(results, path, "savedmodel", "--scale=8") == 1
    assert call(results, path, "savedmodel", "--scale=8", "--force") == 0
    outputs = tf.saved_model.load(str(path)).signatures["serving_default"].structured_outputs
    assert list(outputs) == ["images_8x8"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["home", "model"]


@pytest.mark.parametrize(
    ("format_name", "name", "arguments", "message"),
    [
        ("keras", "g.keras", ["--truncation_psi=0.7"], "so truncation_psi cannot be fixed"),
        ("npz", "g.npz", ["--uint8", "--scale=8"], "so scale, as_uint8 cannot be fixed"),
        ("onnx", "g.onnx", ["--float16"], "possible in tflite, not in onnx"),
        ("onnx", "g.onnx", ["--onnxruntime_web=x"], "onnxruntime_web is possible in web, not"),
        ("web", "g", ["--uint8"], "as_uint8 is possible in savedmodel, tflite, onnx, not in web"),
        ("onnx", "g.bin", [], "ends in .onnx"),
        ("tflite", "g.tflite", ["--scale=32"], "images of [4, 8, 16] pixels. Received [32]"),
        ("savedmodel", "g", ["--batch_size=0"], "batch size of at least 1"),
        ("savedmodel", "g", ["--truncation_psi=nan"], "finite truncation_psi"),
        ("savedmodel", "g", ["--network=7"], "There is no run '7'"),
    ],
)
def test_what_a_file_cannot_hold_is_refused_with_the_reason(
    results, tmp_path, format_name, name, arguments, message, capsys
):
    assert call(results, tmp_path / name, format_name, *arguments) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ") and message in error
    assert list(tmp_path.iterdir()) == []


def test_a_missing_package_is_named(results, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    assert call(results, tmp_path / "g.onnx", "onnx") == 1
    assert "needs onnx and tf2onnx" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
