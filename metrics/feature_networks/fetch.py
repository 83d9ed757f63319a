"""Download of published weights: with progress and checksum, continued after an interruption."""

import dataclasses
import http
import http.client
import shutil
import urllib.error
import urllib.request
from pathlib import Path

from tqdm import tqdm

from msg_stylegan.files import sha256_of_file

_CHUNK = 2**20
_TIMEOUT = 30.0
# Connections per address before the next one is tried.
_ATTEMPTS = 3
_USER_AGENT = "msg-stylegan"


@dataclasses.dataclass(frozen=True)
class PublishedFile:
    """A file whose content is known."""

    name: str
    # Addresses of the same content; tried in this order.
    urls: tuple
    # Bytes.
    size: int
    sha256: str


# What the metrics need, by the name of the folder in the cache.
PUBLISHED = {
    "inception": PublishedFile(
        name="pt_inception-2015-12-05-6726825d.pth",
        urls=(
            "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/"
            "pt_inception-2015-12-05-6726825d.pth",
            "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/"
            "weights-inception-2015-12-05-6726825d.pth",
        ),
        size=95_628_359,
        sha256="6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
    ),
    "vgg16": PublishedFile(
        name="vgg16-397923af.pth",
        urls=("https://download.pytorch.org/models/vgg16-397923af.pth",),
        size=553_433_881,
        sha256="397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
    ),
    "lpips": PublishedFile(
        name="vgg.pth",
        urls=(
            "https://raw.githubusercontent.com/richzhang/PerceptualSimilarity/master/"
            "lpips/weights/v0.1/vgg.pth",
            "https://github.com/richzhang/PerceptualSimilarity/raw/master/"
            "lpips/weights/v0.1/vgg.pth",
        ),
        size=7_289,
        sha256="a78928a0af1e5f0fcb1f3b9e8f8c3a2a5a3de244d830ad5c1feddc79b8432868",
    ),
}


def fetch_weights(name, cache_dir):
    """Downloads the weights of a network to where `FeatureNetworks` looks for them.

    Args:
        name: "inception", "vgg16" or "lpips".
        cache_dir: Folder; the file goes to a folder `name` in it.

    Returns:
        Path of the file. If it is there already, nothing is downloaded.

    Raises:
        OSError: No address can be reached or gives the published content, or the disk is full. An
            incomplete download is kept in a file that ends in `.part`, for the next attempt.
        ValueError: The file that is there already has other content.
    """
    path = fetch_file(PUBLISHED[name], Path(cache_dir) / name)
    print(f"The weights of {name} are at {path}.")
    return path


def fetch_file(published, folder):
    """Downloads a `PublishedFile` into a folder; returns and raises as `fetch_weights` does."""
    target = Path(folder) / published.name
    if target.exists():
        _check(published, target, f"Remove {target} to download it again.")
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    failures = []
    for url in published.urls:
        try:
            _fetch_from(url, published, part)
        except (OSError, ValueError, http.client.HTTPException) as error:
            failures.append(f"  {url}: {error}")
        else:
            part.replace(target)
            return target
    raise OSError(
        f"{published.name} cannot be downloaded.\n" + "\n".join(failures) + "\n"
        f"If another computer can, put the file into {target.parent}."
    )


def _fetch_from(url, published, part):
    """Brings `part` to the full content, or raises an error."""
    for attempts_left in reversed(range(_ATTEMPTS)):
        resumed = _size(part) > 0
        try:
            if _size(part) != published.size:
                _receive(url, published, part)
            _check(published, part, "It is not the published file.")
            return
        except ValueError:
            part.unlink(missing_ok=True)
            # Perhaps only what was there before is wrong.
            if not resumed or not attempts_left:
                raise
        except (OSError, http.client.HTTPException):
            # What has arrived is worth another attempt; an address that gives nothing is not.
            if not attempts_left or _size(part) == 0:
                raise


def _receive(url, published, part):
    """Appends to `part` what it lacks, or starts anew if the server sends the whole file."""
    start = _size(part) if _size(part) < published.size else 0
    headers = {"User-Agent": _USER_AGENT}
    if start:
        headers["Range"] = f"bytes={start}-"
    request = urllib.request.Request(url, headers=headers)
    with _open(request) as response:
        if response.status == http.HTTPStatus.PARTIAL_CONTENT:
            expected = f"bytes {start}-{published.size - 1}/{published.size}"
            if response.headers.get("Content-Range") != expected:
                raise ValueError("It is another file by now.")
        else:
            start = 0
        lacking = published.size - start - shutil.disk_usage(part.parent).free
        if lacking > 0:
            raise OSError(f"{part.parent} lacks {lacking / 2**20:.0f} MiB of space")
        with part.open("ab" if start else "wb") as file:
            _copy(response, file, published, start)


def _open(request):
    try:
        return urllib.request.urlopen(request, timeout=_TIMEOUT)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise ValueError("It is another file by now.") from error
        raise


def _copy(response, file, published, start):
    count = start
    with tqdm(
        total=published.size, initial=start, desc=published.name, unit="B", unit_scale=True
    ) as bar:
        while chunk := response.read(_CHUNK):
            count += len(chunk)
            if count > published.size:
                raise ValueError(f"It has more than {published.size} bytes.")
            file.write(chunk)
            bar.update(len(chunk))
    if count < published.size:
        raise OSError(f"the connection ended after {count} of {published.size} bytes")


def _check(published, path, advice):
    if _size(path) != published.size:
        raise ValueError(
            f"{path.name} has {_size(path)} bytes. Expected {published.size}. {advice}"
        )
    sha256 = sha256_of_file(path)
    if sha256 != published.sha256:
        raise ValueError(f"{path.name} has SHA-256 {sha256}. Expected {published.sha256}. {advice}")


def _size(path):
    return path.stat().st_size if path.exists() else 0
