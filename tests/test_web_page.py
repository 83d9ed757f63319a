"""The folder of `export.py --format web`, in Chromium over a file server."""

import json
import shutil

import numpy as np
import pytest
from support.installed import needed_onnxruntime_web
from support.tiny_run import SMALL_G, make_run
from support.visited_page import check, file_server, launched_browser, opened, shown, wait

from msg_stylegan import load_networks
from msg_stylegan.commands import export
from msg_stylegan.export import ExportOptions, export_generator
from msg_stylegan.export.onnxruntime_web import find_onnxruntime_web
from msg_stylegan.export.web_page import page_facts
from msg_stylegan.interface import Interface
from msg_stylegan.networks import Generator
from msg_stylegan.options import GeneratorOptions
from msg_stylegan.sampling.latent_paths import slerp
from msg_stylegan.sampling.sampler import Sampler, z_of_seeds

# Two names, and one number that says no more than itself.
NAMES = ["cat", "1", "dog"]


@pytest.fixture(scope="module")
def runtime():
    return needed_onnxruntime_web()


@pytest.fixture(scope="module")
def browser():
    with launched_browser() as browser:
        yield browser


def randomised(options, interface):
    """A generator whose images differ from latent to latent."""
    G = Generator(options, interface)
    G.build()
    rng = np.random.default_rng(0)
    for variable in G.variables:
        variable.assign(rng.normal(size=variable.shape, scale=0.5).astype(np.float32))
    return G


@pytest.fixture(scope="module")
def conditional(tmp_path_factory, runtime):
    """A page of a conditional generator of RGB images, its generator, and the folder."""
    G = randomised(SMALL_G, Interface(16, 3, 3))
    folder = tmp_path_factory.mktemp("page") / "conditional"
    labels = {"kind": "classes", "counts": [5, 0, 7], "names": NAMES}
    options = ExportOptions(onnxruntime_web=str(runtime))
    info = {"labels": labels, "dataset": "animals"}
    export_generator(G, folder, "web", options, info=info)
    return G, folder


@pytest.mark.slow
def test_the_page_draws_the_images_of_the_generator(conditional, browser):
    G, folder = conditional
    one_hot = np.eye(3, dtype=np.float32)
    with opened(browser, folder) as page:
        assert page.title() == "animals, 16x16"
        sampler = Sampler(G, 1, truncation_psi=0.7, noise_mode="const")
        check(page, folder, z_of_seeds([0], 8), one_hot[:1], 0.7, sampler)
        page.get_by_label("Seed", exact=True).fill("4294967295")
        page.get_by_label("Class").select_option("2 (dog)")
        page.get_by_label("Psi").fill("1.25")
        wait(page)
        sampler = Sampler(G, 1, truncation_psi=1.25, noise_mode="const")
        check(page, folder, z_of_seeds([2**32 - 1], 8), one_hot[2:], 1.25, sampler)
        # The seeds are a circle.
        page.get_by_role("button", name="Next").click()
        wait(page)
        check(page, folder, z_of_seeds([0], 8), one_hot[2:], 1.25)
        page.get_by_role("button", name="Random").click()
        wait(page)
        seed = int(page.get_by_label("Seed", exact=True).input_value())
        check(page, folder, z_of_seeds([seed], 8), one_hot[2:], 1.25)
        assert page.locator("#label option").all_inner_texts() == ["0 (cat)", "2 (dog)"]


@pytest.mark.slow
def test_a_chosen_scale_is_shown_large(conditional, browser):
    _, folder = conditional
    with opened(browser, folder) as page:
        for name, side in (("4x4", 4), ("8x8", 8), ("16x16", 16)):
            page.get_by_role("button", name=name, exact=True).click()
            *small, large = shown(page)
            np.testing.assert_array_equal(large, small[[4, 8, 16].index(side)])
            assert page.locator("[aria-pressed=true]").inner_text() == name


@pytest.mark.slow
@pytest.mark.parametrize("way", ["mouse", "keys"])
def test_between_four_seeds_lie_the_latents_of_the_arcs(conditional, browser, way):
    _, folder = conditional
    label = np.eye(3, dtype=np.float32)[:1]
    a, b, c, d = z_of_seeds([7, 8, 9, 10], 8)[:, None]
    with opened(browser, folder) as page:
        page.get_by_label("Seed", exact=True).fill("7")
        page.get_by_label("Blend four seeds").check()
        wait(page)
        check(page, folder, a, label, 0.7)
        picture = page.locator("#picture")
        if way == "mouse":
            box = picture.bounding_box()
            at = {"x": round(box["width"] * 0.3), "y": round(box["height"] * 0.8)}
            x, y = at["x"] / box["width"], at["y"] / box["height"]
            picture.hover(position=at)
        else:
            for _ in range(6):
                picture.press("ArrowRight")
            for _ in range(30):
                picture.press("ArrowDown")
            x, y = 0.3, 1.0
        wait(page)
        z = slerp(slerp(a, b, x), slerp(c, d, x), y).numpy()
        check(page, folder, z, label, 0.7)
        assert f"{x:.0%}"[:-1] + " % right" in page.get_by_role("status").inner_text()
        page.get_by_label("Blend four seeds").uncheck()
        wait(page)
        check(page, folder, a, label, 0.7)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("case", "options"),
    [
        (lambda: randomised(SMALL_G, Interface(8, 1)), ExportOptions(truncation_psi=0.5, scale=8)),
        (
            lambda: Generator(
                GeneratorOptions(body="scogan", z_dim=8, z_space="uniform", weight_init="he"),
                Interface(32, 1, connect="none"),
            ),
            ExportOptions(noise_mode="none"),
        ),
    ],
    ids=["one-scale", "scogan"],
)
def test_gray_images_without_psi_or_classes(tmp_path, runtime, browser, case, options):
    G, folder = case(), tmp_path / "page"
    fields = {"onnxruntime_web": str(runtime), "truncation_psi": options.truncation_psi}
    fields |= {"scale": options.scale, "noise_mode": options.noise_mode}
    export_generator(G, folder, "web", ExportOptions(**fields))
    sampler = Sampler(
        G,
        1,
        resolutions=options.scale and [options.scale],
        truncation_psi=options.truncation_psi or 1.0,
        noise_mode=options.noise_mode,
    )
    with opened(browser, folder) as page:
        page.get_by_label("Seed", exact=True).fill("3")
        wait(page)
        check(page, folder, z_of_seeds([3], 8), sampler=sampler)
        assert not page.get_by_label("Psi").is_visible()
        assert not page.get_by_label("Class").is_visible()


@pytest.mark.slow
def test_seeds_have_the_latents_of_numpy(conditional, browser):
    seeds, count = [0, 1, 5, 2**31, 2**32 - 1], 2001
    with opened(browser, conditional[1]) as page:
        z = page.evaluate(
            """async ([seeds, count]) => {
              const { zOfSeed } = await import("./latents.js");
              return seeds.map((seed) => [...zOfSeed(seed, count)]);
            }""",
            [seeds, count],
        )
    np.testing.assert_array_equal(np.array(z, np.float32), z_of_seeds(seeds, count))


@pytest.mark.slow
def test_of_many_quick_choices_the_last_one_counts(conditional, browser):
    _, folder = conditional
    with opened(browser, folder) as page:
        page.evaluate(
            """() => {
              for (let i = 0; i < 50; i++) document.getElementById("next").click();
            }"""
        )
        wait(page)
        check(page, folder, z_of_seeds([50], 8), np.eye(3, dtype=np.float32)[:1], 0.7)


@pytest.mark.slow
def test_what_is_no_seed_is_told_and_not_drawn(conditional, browser):
    with opened(browser, conditional[1]) as page:
        before = shown(page)
        for text in ("1.5", "-1", "4294967296", ""):
            page.get_by_label("Seed", exact=True).fill(text)
            assert page.get_by_role("alert").inner_text().startswith("A seed is a whole number")
        for then, now in zip(before, shown(page), strict=True):
            np.testing.assert_array_equal(then, now)
        page.get_by_label("Seed", exact=True).fill("2")
        assert page.get_by_role("alert").count() == 0


@pytest.mark.slow
@pytest.mark.parametrize("width", [320, 390, 1400])
def test_nothing_is_wider_than_the_screen(conditional, browser, width):
    with opened(browser, conditional[1], viewport={"width": width, "height": 800}) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.slow
def test_the_page_cannot_reach_other_servers(conditional, browser, tmp_path):
    (tmp_path / "other.txt").write_text("other")
    with file_server(conditional[1]) as address, file_server(tmp_path) as other:
        page = browser.new_page()
        page.goto(address)
        refused = page.evaluate(
            """(url) => new Promise((resolve) => {
              document.addEventListener("securitypolicyviolation", (event) =>
                resolve(event.blockedURI));
              fetch(url).then(() => resolve("was let through"), () => {});
            })""",
            f"{other}/other.txt",
        )
        page.close()
        assert refused == f"{other}/other.txt"


@pytest.mark.slow
def test_a_page_without_its_generator_says_so(conditional, browser, tmp_path):
    shutil.copytree(conditional[1], tmp_path / "page")
    (tmp_path / "page" / "generator.onnx").unlink()
    with file_server(tmp_path / "page") as address:
        page = browser.new_page()
        page.goto(address)
        page.wait_for_selector('body[data-state="failed"]')
        assert "generator.onnx: 404" in page.get_by_role("status").inner_text()
        page.close()


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    make_run(folder, folder, label_size=3)
    return folder


def call(results, path, *arguments):
    options = [f"--result_dir={results}", "--network=latest", "--format=web"]
    return export.main([*options, f"--output={path}", *arguments])


@pytest.mark.slow
def test_the_command_writes_a_folder_and_says_how_to_open_it(results, runtime, tmp_path, capsys):
    path = tmp_path / "my page"
    arguments = [f"--onnxruntime_web={runtime}", "--noise_mode=none"]
    assert call(results, path, *arguments) == 0
    assert capsys.readouterr().out.strip().endswith(f"http.server --directory '{path}'")
    names = {file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file()}
    assert names == {
        *("index.html", "page.js", "drawer.js", "latents.js", "style.css", "icon.svg"),
        *("generator.json", "generator.onnx", "onnxruntime-web/LICENSE"),
        "onnxruntime-web/ort.wasm.bundle.min.mjs",
        "onnxruntime-web/ort-wasm-simd-threaded.wasm",
    }
    facts = json.loads((path / "generator.json").read_text())
    nets = load_networks(results / "00001-tiny-1gpu")
    assert facts["scales"] == list(nets.G_ema.resolutions)
    assert (facts["noise_mode"], facts["psi"]) == ("none", 0.7)
    assert call(results, path, *arguments) == 1
    assert call(results, path, *arguments, "--force") == 0


def test_the_page_knows_the_labels_of_the_snapshot():
    G = Generator(SMALL_G, Interface(16, 3, 2))
    vectors = {"kind": "vectors", "counts": [1, 2], "vectors": [[0.1, 12], [0.75, 10.5]]}
    classes = {"kind": "classes", "counts": [0, 4], "names": ["cat", "dog"]}
    options = ExportOptions(truncation_psi=0.5)
    labels = [
        page_facts(G, info, options)["labels"]
        for info in ({"labels": vectors}, {"labels": classes}, {})
    ]
    assert labels == [
        [{"name": "0.1,12", "vector": [0.1, 12.0]}, {"name": "0.75,10.5", "vector": [0.75, 10.5]}],
        [{"name": "1 (dog)", "class": 1}],
        [{"name": "0", "class": 0}, {"name": "1", "class": 1}],
    ]
    facts = page_facts(G, {}, options)
    assert facts["psi"] is None
    assert "does not say which labels" in facts["labels_notice"]


def package(folder, name="onnxruntime-web", version="1.30.0"):
    folder.mkdir()
    (folder / "package.json").write_text(json.dumps({"name": name, "version": version}))
    return folder


def test_without_the_runtime_the_command_to_get_it_is_named(results, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    cases = {
        "there is none in node_modules/onnxruntime-web. Get it by: npm install": [],
        "holds the package left-pad, not onnxruntime-web": [
            f"--onnxruntime_web={package(tmp_path / 'a', name='left-pad')}"
        ],
        "1.9.0 in b lacks dist/ort.wasm.bundle.min.mjs, dist/ort-wasm": [
            f"--onnxruntime_web={package(tmp_path / 'b', version='1.9.0').name}"
        ],
    }
    for message, arguments in cases.items():
        assert call(results, tmp_path / "page", *arguments) == 1
        error = capsys.readouterr().err
        assert error.startswith("error: ") and message in error
    assert not (tmp_path / "page").exists()


def test_another_release_of_the_runtime_is_told(tmp_path, capsys):
    for number, (version, is_tested) in enumerate(
        {"1.24.3": True, "1.30.7": True, "1.23.2": False, "1.31.0-dev.1": False}.items()
    ):
        folder = package(tmp_path / str(number), version=version)
        (folder / "dist").mkdir()
        for name in ("ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm"):
            (folder / "dist" / name).write_bytes(b"")
        assert find_onnxruntime_web(folder).version == version
        notice = f"notice: onnxruntime-web {version} was not tested, only 1.24 to 1.30\n"
        assert capsys.readouterr().err == ("" if is_tested else notice)
