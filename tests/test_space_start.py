"""Spaces as a hub runs them: in a new environment with nothing but the folder, and in a browser."""

import base64
import contextlib
import io
import json
import os
import re
import shutil
import subprocess
import time
import urllib.request
import venv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.free_addresses import free_addresses
from support.installed import need, needed_onnxruntime_web
from support.tiny_pair import make_pair_run
from support.tiny_run import make_run
from support.visited_page import check, file_server, launched_browser, opened

from msg_stylegan import load_networks
from msg_stylegan.commands import explore, model_card
from msg_stylegan.explorer.exhibit import Exhibit
from msg_stylegan.generation.sample import Sample, SeedPoint
from msg_stylegan.model_card.readme import split_readme
from msg_stylegan.model_card.space_fields import check_space_fields
from msg_stylegan.sampling.sampler import Sampler, z_of_seeds

pytestmark = pytest.mark.slow

SNAPSHOT = "network-snapshot-000001.keras"
# Around this machine, not through the proxy of downloads.
ADDRESSES = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def make_space(results, folder, kind, *arguments):
    options = [f"--result_dir={results}", f"--output={folder}", f"--space={kind}"]
    assert model_card.main(["--run=1", "--title=Tiny things", *options, *arguments]) == 0
    return folder


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    make_run(folder, folder, label_size=3, channels=3)
    return folder


@pytest.fixture(scope="module")
def app_folder(results):
    need("gradio")
    return make_space(results, results / "app", "gradio")


def run(program, *arguments, **options):
    """Runs a program that does not see the packages of this environment."""
    return subprocess.run(
        [program, *map(str, arguments)], capture_output=True, text=True, env=bare(), **options
    )


def bare(**more):
    hidden = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
    return {**{k: v for k, v in os.environ.items() if k not in hidden}, **more}


@pytest.fixture(scope="module")
def python(app_folder, tmp_path_factory):
    """Python of a new environment with what the folder asks for."""
    folder = tmp_path_factory.mktemp("environment")
    # A hub installs from this file while no other one is there.
    requirements = Path(shutil.copy(app_folder / "requirements.txt", folder))
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv" / "bin" / "python"
    pip = "-m", "pip", "--disable-pip-version-check", "--quiet"
    small = re.search("^tqdm.*$", requirements.read_text(), re.MULTILINE)[0]
    probe = [*pip, "--retries=0", "download", "--no-deps", f"--dest={folder}", small]
    if (found := run(python, *probe)).returncode:
        pytest.skip(f"no package registry can be reached: {found.stderr.strip().splitlines()[-1]}")
    done = run(python, *pip, "install", f"--requirement={requirements}", cwd=folder)
    assert done.returncode == 0, done.stderr
    return python


@contextlib.contextmanager
def started(python, folder, elsewhere):
    """Starts the app as a hub does; yields its address."""
    log, port = elsewhere / "app.log", free_addresses(1)[0].partition(":")[2]
    server = {"GRADIO_SERVER_NAME": "127.0.0.1", "GRADIO_SERVER_PORT": port}
    with log.open("w") as output:
        process = subprocess.Popen(
            [python, folder / "app.py"],
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=elsewhere,
            env=bare(**server, CUDA_VISIBLE_DEVICES=""),
        )
    deadline = time.monotonic() + 600
    try:
        while not (found := re.search(r"http://[\d.:]+", log.read_text())):
            assert process.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.5)
        assert found[0] == f"http://127.0.0.1:{port}"
        yield found[0]
    finally:
        process.terminate()
        process.wait()
    assert process.returncode == 0 and "Traceback" not in log.read_text(), log.read_text()


def get(address):
    with ADDRESSES.open(address) as answer:
        assert answer.status == 200
        return answer.read()


def test_an_app_starts_from_its_folder_alone(python, app_folder, tmp_path):
    found = run(python, "-c", "import msg_stylegan", cwd=tmp_path)
    assert "No module named 'msg_stylegan'" in found.stderr
    before = {path.name for path in app_folder.iterdir()}
    with started(python, app_folder, tmp_path) as address:
        page = get(address).decode()
        config = json.loads(get(f"{address}/config"))
    assert page.startswith("<!doctype html>") and "Tiny things" in page
    assert config["title"] == "Explorer · Tiny things"
    (stage,) = (c for c in config["components"] if c["props"].get("elem_id") == "stage")
    (saving,) = (c for c in config["components"] if c["props"].get("elem_id") == "saving")
    data = re.search('<img [^>]*src="data:image/png;base64,([^"]+)"', stage["props"]["value"])[1]
    shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))
    (view,) = Exhibit(
        explore.build_parser().parse_args([f"--network={app_folder / SNAPSHOT}"])
    ).views
    drawn = view.images(Sample(SeedPoint(0), view.default_look))[-1]
    # Both environments have the same TensorFlow, but perhaps not the same of what it brings.
    assert shown.shape == drawn.shape and np.abs(shown.astype(int) - drawn).max() <= 1
    assert f"msg-stylegan generate images --network={SNAPSHOT} " in saving["props"]["value"]
    assert {path.name for path in app_folder.iterdir()} == before


@pytest.fixture(scope="module")
def page_folder(results):
    runtime = f"--onnxruntime_web={needed_onnxruntime_web()}"
    return make_space(results, results / "page", "static", runtime)


def test_a_static_space_is_complete(page_folder):
    matter, _ = split_readme((page_folder / "README.md").read_text(encoding="utf-8"))
    check_space_fields(matter)
    assert (matter["sdk"], matter["app_file"]) == ("static", "index.html")
    assert not {"sdk_version", "python_version"} & matter.keys()
    files = [path for path in page_folder.rglob("*") if path.is_file()]
    assert {path.relative_to(page_folder).as_posix() for path in files} == {
        *("README.md", "samples.png", SNAPSHOT, "generator.onnx", "generator.json"),
        *("index.html", "page.js", "drawer.js", "latents.js", "style.css", "icon.svg"),
        *(
            f"onnxruntime-web/{name}"
            for name in ("LICENSE", "ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm")
        ),
    }
    with file_server(page_folder) as address:
        for path in files:
            name = path.relative_to(page_folder).as_posix()
            assert get(f"{address}/{name}") == path.read_bytes()


def test_a_static_space_draws_in_the_browser(page_folder):
    G = load_networks(page_folder / SNAPSHOT).G_ema
    label = np.eye(3, dtype=np.float32)[:1]
    with launched_browser() as browser, opened(browser, page_folder) as page:
        sampler = Sampler(G, 1, truncation_psi=0.7, noise_mode="const")
        check(page, page_folder, z_of_seeds([0], G.z_dim), label, 0.7, sampler)


def test_a_static_space_of_a_pair_draws_its_first_domain(tmp_path):
    runtime = f"--onnxruntime_web={needed_onnxruntime_web()}"
    make_pair_run(tmp_path)
    folder = make_space(tmp_path / "results", tmp_path / "page", "static", runtime)
    (snapshot,) = folder.glob("*.keras")
    nets = load_networks(snapshot)
    assert nets.is_pair
    facts = json.loads((folder / "generator.json").read_text())
    assert facts["num_channels"] == nets.G_ema.num_channels
