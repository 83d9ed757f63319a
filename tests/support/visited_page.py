"""The page that draws in the browser, over a plain file server, in Chromium."""

import base64
import contextlib
import functools
import http.server
import io
import shutil
import threading

import numpy as np
import PIL.Image
import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """A plain file server."""

    def log_message(self, *arguments):
        pass


@contextlib.contextmanager
def file_server(folder):
    """Serves a folder on the loopback address; yields the address."""
    handler = functools.partial(QuietHandler, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@contextlib.contextmanager
def launched_browser():
    """Yields a browser of Playwright; skips the tests if there is none."""
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        pytest.skip(f"none of the browsers {', '.join(BROWSERS)} is installed")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        # Without a sandbox, because a container has none to give.
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextlib.contextmanager
def opened(browser, folder, **screen):
    """Serves a folder and opens its page, which must not complain, and must ask nobody else."""
    with file_server(folder) as address:
        page = browser.new_page(**screen)
        complaints, urls = [], []
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: urls.append(request.url))
        page.goto(address)
        wait(page)
        yield page
        page.close()
        assert complaints == []
        assert len(urls) > 5
        assert all(url.startswith((f"{address}/", f"blob:{address}/")) for url in urls)


def wait(page):
    """Until the picture is that of the last choice."""
    page.wait_for_selector('body[data-state="drawn"]', timeout=120_000)


def shown(page):
    """What the canvases hold: the large one as the last, uint8 `[r, r, 4]` each."""
    urls = page.evaluate(
        """() => {
          const scales = document.querySelectorAll("#scales canvas");
          const large = document.getElementById("picture");
          return [...scales, large].map((canvas) => canvas.toDataURL());
        }"""
    )
    files = [io.BytesIO(base64.b64decode(url.partition(",")[2])) for url in urls]
    return [np.asarray(PIL.Image.open(file).convert("RGBA")) for file in files]


def check(page, folder, z, label=None, psi=None, sampler=None):
    """The page shows what ONNX Runtime makes of the file, and what the generator itself draws."""
    import onnxruntime

    session = onnxruntime.InferenceSession(folder / "generator.onnx")
    inputs = {"z": z}
    if label is not None:
        inputs["labels"] = label
    if psi is not None:
        inputs["truncation_psi"] = np.array(psi, np.float32)
    expected = [sorted(session.run(None, inputs), key=np.size)]
    if sampler is not None:
        expected.append(sampler(np.asarray(sampler.G.place_z(z)), label))
    *small, large = shown(page)
    assert large.shape == small[-1].shape
    np.testing.assert_array_equal(large, small[-1])
    for images in expected:
        for picture, image in zip(small, images, strict=True):
            colours = np.broadcast_to(image[0], (*image.shape[1:3], 3)).astype(int)
            assert np.abs(picture[..., :3] - colours).max() <= 1
            assert np.mean(picture[..., :3] == colours) > 0.99
            assert picture[..., 3].min() == 255
