"""The explorer in a real browser: what is on the page are the pixels of the sampler."""

import base64
import contextlib
import io
import re
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from support.checkout import ROOT
from support.tiny_pair import make_pair
from support.tiny_run import make_run

from msg_stylegan.commands import explore, generate
from msg_stylegan.explorer.exhibit import Exhibit
from msg_stylegan.generation.sample import Look, Sample, SeedPoint
from msg_stylegan.networks import save_networks
from msg_stylegan.pictures.sheets import encode_png

pytestmark = pytest.mark.slow

pytest.importorskip("gradio", reason="the extra `explore` is not installed")
playwright = pytest.importorskip(
    "playwright.sync_api", reason="the extra `browser` is not installed"
)
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
if CHROMIUM is None:
    pytest.skip("there is no chromium on the path", allow_module_level=True)

FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
)
# The first picture of each kind is compiled, perhaps beside other tests.
PATIENCE = 90_000


@contextlib.contextmanager
def served(network, folder):
    """Runs `explore.py`; yields its address."""
    log = folder / "explorer.log"
    command = [sys.executable, ROOT / "explore.py", f"--network={network}"]
    with log.open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, cwd=folder)
    try:
        for _ in range(600):
            if address := re.search(r"http://[\d.:]+/", log.read_text()):
                break
            assert process.poll() is None, log.read_text()
            time.sleep(0.5)
        yield address[0]
    finally:
        process.terminate()
        process.wait()
    assert "fault" not in log.read_text()


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    return make_run(folder, folder, snapshots=(0, 1), label_size=3, channels=3)


@pytest.fixture(scope="module")
def address(run_dir, tmp_path_factory):
    with served(run_dir, tmp_path_factory.mktemp("served")) as url:
        yield url


@pytest.fixture(scope="module")
def view(run_dir):
    (view,) = Exhibit(explore.build_parser().parse_args([f"--network={run_dir}"])).views
    return view


@contextlib.contextmanager
def visitor(browser, url, width=1400, scheme="light"):
    """A page that asks nobody but the server, and whose console stays empty."""
    complaints = []
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.set_default_timeout(PATIENCE)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)

    def check(route):
        if route.request.url.startswith((url, "data:", "blob:")):
            return route.continue_()
        complaints.append(f"request of {route.request.url}")
        return route.abort()

    page.route("**/*", check)
    page.goto(url)
    page.wait_for_selector("#stage .large img")
    # Events are connected when all parts are there. Nothing tells when; the network never idles.
    page.wait_for_selector("#seed input")
    page.wait_for_timeout(1000)
    yield page
    page.close()
    assert complaints == []


def picture_of(page, place):
    address = page.locator(place).first.get_attribute("src")
    data = base64.b64decode(address.partition(",")[2])
    return np.asarray(Image.open(io.BytesIO(data)))


def assert_shows(page, view, sample, place="#stage .large img"):
    expected = view.images(sample)[-1]
    deadline = time.monotonic() + PATIENCE / 1000
    while time.monotonic() < deadline:
        shown = picture_of(page, place)
        if shown.shape == expected.shape and np.array_equal(shown, expected):
            return
        page.wait_for_timeout(200)
    raise AssertionError(f"{place} does not show {sample}")


def open_tab(page, name):
    # On narrow screens the last tabs are in a menu.
    if not page.get_by_role("tab", name=name).first.is_visible():
        page.locator(".overflow-menu > button").first.click()
        page.locator(".overflow-dropdown button", has_text=name).first.click()
    else:
        page.get_by_role("tab", name=name).first.click()


def set_number(page, place, value):
    page.locator(f"{place} input[type=number]").first.fill(str(value))


def look(**changes):
    return Look(**{"truncation_psi": 0.7, "truncation_cutoff": 6, **changes})


def test_every_control_draws_what_the_sampler_draws(browser, address, view):
    with visitor(browser, address) as page:
        assert_shows(page, view, Sample(SeedPoint(0), look()))
        page.locator("#next").click()
        assert_shows(page, view, Sample(SeedPoint(1), look()))
        set_number(page, "#seed", 77)
        assert_shows(page, view, Sample(SeedPoint(77), look()))
        # Ten fast clicks end at the tenth picture.
        for _ in range(10):
            page.locator("#psi input[type=range]").press("ArrowRight")
        assert_shows(page, view, Sample(SeedPoint(77), look(truncation_psi=1.2)))
        page.get_by_text("none", exact=True).click()
        bare = look(truncation_psi=1.2, noise_mode="none")
        assert_shows(page, view, Sample(SeedPoint(77), bare))
        open_tab(page, "Directions")
        set_number(page, "#direction-2", 1.5)
        page.locator("#direction-2 input[type=number]").first.press("Enter")
        edits = view.edits([0, 0, 1.5])
        assert_shows(page, view, Sample(SeedPoint(77), bare, edits=edits))


def test_the_scales_are_side_by_side_and_one_is_large(browser, address, view):
    with visitor(browser, address) as page:
        images = view.images(Sample(SeedPoint(0), look()))
        for number, image in enumerate(images):
            tile = f"#stage .scale:nth-child({number + 1})"
            np.testing.assert_array_equal(picture_of(page, f"{tile} img"), image)
            page.locator(tile).click()
            np.testing.assert_array_equal(picture_of(page, "#stage .large img"), image)


def test_a_cell_of_the_grid_is_taken(browser, address, view):
    with visitor(browser, address) as page:
        open_tab(page, "Grid")
        page.wait_for_selector("#grid .tile")
        page.locator("#forth").click()
        page.locator('#grid .tile[title="30"]').click()
        assert_shows(page, view, Sample(SeedPoint(30), look()))
        assert page.locator("#seed input").input_value() == "30"


def test_what_is_saved_is_what_the_command_writes(browser, address, view, tmp_path):
    with visitor(browser, address) as page:
        with page.expect_download() as saved:
            page.locator(".save-picture").click()
        sample = Sample(SeedPoint(0), look())
        expected = encode_png(view.images(sample)[-1], view.picture_facts(sample))
        assert saved.value.suggested_filename == "seed0000.png"
        assert saved.value.path().read_bytes() == expected
        with page.expect_download() as saved:
            page.locator(".save-w").click()
        ws = np.load(saved.value.path())["ws"]
        np.testing.assert_array_equal(ws, sample.ws(view.sampler, view.labels)[0])


def test_kept_samples_become_a_video(browser, address, view, tmp_path, monkeypatch):
    with visitor(browser, address) as page:
        open_tab(page, "Between")
        for count in (1, 2):
            page.locator("#keep").click()
            page.wait_for_selector(f"#shelf .tile:nth-child({count})")
            page.locator("#next").click()
            assert_shows(page, view, Sample(SeedPoint(count), look()))
        page.locator('#shelf .tile[data-index="0"]').click()
        assert_shows(page, view, Sample(SeedPoint(0), look()))
        page.locator("#render").click()
        page.wait_for_selector("#video .save-video")
        with page.expect_download() as saved:
            page.locator("#video .save-video").click()
        data = saved.value.path().read_bytes()
        with av.open(io.BytesIO(data)) as container:
            assert sum(1 for _ in container.decode(video=0)) == 60
        with page.expect_download() as saved:
            page.locator("#video .save-w").click()
        saved.value.save_as(tmp_path / saved.value.suggested_filename)
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        page.locator("#video .copy").click()
        page.locator("#video .copy", has_text="Copied").wait_for()
        command = page.evaluate("navigator.clipboard.readText()")
    monkeypatch.chdir(tmp_path)
    arguments = shlex.split(command)
    assert arguments[2] == "interpolation"
    assert generate.main(arguments[2:]) == 0
    assert Path("out", "interpolation.mp4").read_bytes() == data


def test_an_upload_is_searched_until_stop(browser, address, view, tmp_path):
    path = tmp_path / "upload.png"
    path.write_bytes(encode_png(view.images(Sample(SeedPoint(8), look()))[-1]))
    with visitor(browser, address) as page:
        open_tab(page, "Find")
        set_number(page, "#steps", 1000)
        page.locator("#steps input[type=number]").first.press("Enter")
        page.locator("#upload input, input[type=file]").first.set_input_files(str(path))
        page.wait_for_selector("#search-note progress")
        page.locator("#stop").click()
        page.get_by_text(re.compile(r"Found after \d+ steps")).wait_for()
        assert "--w=w-" in page.locator("#saving .command").inner_text()
        words = tmp_path / "words.png"
        words.write_text("no picture")
        page.locator("#upload input, input[type=file]").first.set_input_files(str(words))
        page.get_by_text(
            "words.png cannot be used: it is not an image of a known format"
        ).wait_for()


def test_a_run_shows_its_snapshots(browser, address, view, run_dir):
    (older,) = Exhibit(
        explore.build_parser().parse_args([f"--network={run_dir}/network-snapshot-000000.keras"])
    ).views
    with visitor(browser, address) as page:
        open_tab(page, "Training")
        place = "#snapshot-stage .large img"
        page.wait_for_selector(place)
        assert_shows(page, view, Sample(SeedPoint(0), look()), place)
        page.locator("#snapshot input[type=range]").press("ArrowLeft")
        assert_shows(page, older, Sample(SeedPoint(0), look()), place)


def test_visitors_do_not_mix(browser, address, view):
    with visitor(browser, address) as one, visitor(browser, address) as other:
        for page in (one, other):
            open_tab(page, "Between")
        set_number(one, "#seed", 5)
        assert_shows(one, view, Sample(SeedPoint(5), look()))
        one.locator("#keep").click()
        one.wait_for_selector("#shelf .tile")
        assert_shows(other, view, Sample(SeedPoint(0), look()))
        assert other.locator("#shelf .tile").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1400, 390])
def test_nothing_is_wider_than_the_screen(browser, address, width, scheme):
    with visitor(browser, address, width, scheme) as page:
        for tab in ("Look", "Mix", "Directions", "Between", "Find"):
            open_tab(page, tab)
            assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_both_domains_of_a_pair_are_shown(browser, tmp_path):
    path = tmp_path / "pair.keras"
    save_networks(make_pair(channels=(1, 3)), path, {})
    a, b = Exhibit(explore.build_parser().parse_args([f"--network={path}"])).views
    with served(path, tmp_path) as url, visitor(browser, url) as page:
        place = "#stage .stage:nth-child({}) .large img"
        sample = Sample(SeedPoint(0), a.default_look)
        for number, view in ((1, a), (2, b)):
            shown = picture_of(page, place.format(number))
            expected = view.images(sample)[-1]
            np.testing.assert_array_equal(shown.reshape(expected.shape), expected)
        page.locator("#domain").get_by_text("b", exact=True).click()
        assert_shows(page, b, sample, place.format(1))
