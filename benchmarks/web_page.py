"""Size of pages that `export.py --format web` has written, and time per image in a browser.

    python benchmarks/web_page.py FOLDER ... [--images 20] [--browser chromium]

Needs the package playwright and a Chromium. Prints one line per page: bytes of the folder and of
the generator, seconds until the first picture, and milliseconds per image afterwards, as the page
itself measures them: without what puts them on the screen.
"""

import argparse
import functools
import http.server
import re
import shutil
import statistics
import threading
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

DRAWN = 'body[data-state="drawn"]'
TIMEOUT_MS = 300_000


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


def measure(browser, folder, num_images):
    """Returns the seconds until the first picture, and the milliseconds of the next ones."""
    handler = functools.partial(QuietHandler, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page = browser.new_page()
        start = time.perf_counter()
        page.goto(f"http://127.0.0.1:{server.server_port}")
        page.wait_for_selector(DRAWN, timeout=TIMEOUT_MS)
        first, times = time.perf_counter() - start, []
        for _ in range(num_images):
            page.get_by_role("button", name="Next").click()
            page.wait_for_selector(DRAWN, timeout=TIMEOUT_MS)
            times.append(int(re.search(r"(\d+)\sms", page.locator("#status").inner_text())[1]))
        page.close()
        server.shutdown()
    return first, times


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--images", type=int, default=20, help="(default: %(default)s)")
    parser.add_argument("--browser", default="chromium", help="program (default: %(default)s)")
    args = parser.parse_args()
    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=shutil.which(args.browser), args=["--no-sandbox"]
        )
        for folder in args.folders:
            first, times = measure(browser, folder, args.images)
            size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
            generator = (folder / "generator.onnx").stat().st_size
            print(
                f"{folder}: {size / 1e6:.1f} MB, {generator / 1e6:.1f} MB of it the generator; "
                f"first picture after {first:.1f} s; per image {min(times)} ms at best, "
                f"{statistics.median(times):.0f} ms in the median of {len(times)}"
            )


if __name__ == "__main__":
    main()
