"""Downloads from a server of this process: whole, continued, broken, wrong and unreachable."""

import contextlib
import hashlib
import http.server
import threading

import pytest

from metrics.feature_networks import fetch
from metrics.feature_networks.fetch import PUBLISHED, PublishedFile, fetch_file, fetch_weights

CONTENT = bytes(range(256)) * 4000


class Server(http.server.ThreadingHTTPServer):
    """Serves `content`, with or without ranges, and may break off."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = CONTENT
        self.ranges = True
        # Bytes after which each connection ends; None to send all.
        self.break_after = None
        # First bytes of the answers.
        self.starts = []

    def url(self, path="/file"):
        return f"http://127.0.0.1:{self.server_port}{path}"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path != "/file":
            self.send_error(404)
            return
        content, start = self.server.content, 0
        if self.server.ranges and "Range" in self.headers:
            start = int(self.headers["Range"].removeprefix("bytes=").removesuffix("-"))
            if start >= len(content):
                self.send_error(416)
                return
            self.send_response(206)
            last = len(content) - 1
            self.send_header("Content-Range", f"bytes {start}-{last}/{len(content)}")
        else:
            self.send_response(200)
        self.server.starts.append(start)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        end = None if self.server.break_after is None else start + self.server.break_after
        # A client that has seen enough hangs up.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.wfile.write(content[start:end])

    def log_message(self, *args):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def published(*urls, content=CONTENT):
    return PublishedFile("weights.pth", urls, len(content), hashlib.sha256(content).hexdigest())


def assert_complete(folder, result):
    assert result == folder / "weights.pth"
    assert result.read_bytes() == CONTENT
    assert list(folder.iterdir()) == [result]


def test_a_file_arrives_whole(tmp_path, server, capsys):
    folder = tmp_path / "new" / "folder"
    assert_complete(folder, fetch_file(published(server.url()), folder))
    assert "weights.pth: 100%" in capsys.readouterr().err


def test_what_is_there_is_not_fetched_again(tmp_path, server):
    first = fetch_file(published(server.url()), tmp_path)
    assert fetch_file(published(server.url()), tmp_path) == first
    assert server.starts == [0]


def test_something_else_under_the_name_is_reported(tmp_path, server):
    path = tmp_path / "weights.pth"
    for content in (b"mine", bytes(len(CONTENT))):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="Remove"):
            fetch_file(published(server.url()), tmp_path)
        assert path.read_bytes() == content


def test_an_interrupted_download_goes_on(tmp_path, server):
    (tmp_path / "weights.pth.part").write_bytes(CONTENT[:1000])
    assert_complete(tmp_path, fetch_file(published(server.url()), tmp_path))
    assert server.starts == [1000]


def test_a_finished_part_is_only_checked(tmp_path, server):
    (tmp_path / "weights.pth.part").write_bytes(CONTENT)
    assert_complete(tmp_path, fetch_file(published(server.url()), tmp_path))
    assert server.starts == []


def test_a_server_without_ranges_sends_all(tmp_path, server):
    server.ranges = False
    (tmp_path / "weights.pth.part").write_bytes(CONTENT[:1000])
    assert_complete(tmp_path, fetch_file(published(server.url()), tmp_path))
    assert server.starts == [0]


@pytest.mark.parametrize("part", [b"x" * 1000, b"x" * len(CONTENT), b"x" * (len(CONTENT) + 5)])
def test_a_part_of_something_else_is_thrown_away(tmp_path, server, part):
    (tmp_path / "weights.pth.part").write_bytes(part)
    assert_complete(tmp_path, fetch_file(published(server.url()), tmp_path))
    assert server.starts[-1] == 0


def test_a_broken_connection_is_taken_up_again(tmp_path, server):
    server.break_after = len(CONTENT) // 2
    assert_complete(tmp_path, fetch_file(published(server.url()), tmp_path))
    assert server.starts == [0, len(CONTENT) // 2]


def test_what_has_arrived_is_kept_for_the_next_time(tmp_path, server):
    server.break_after = 1000
    with pytest.raises(OSError, match=r"connection ended after 3000 of"):
        fetch_file(published(server.url()), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["weights.pth.part"]
    server.break_after = None
    assert_complete(tmp_path, fetch_file(published(server.url()), tmp_path))
    assert server.starts == [0, 1000, 2000, 3000]


@pytest.mark.parametrize(
    "content, message",
    [
        (b"y" * len(CONTENT), "SHA-256"),
        (CONTENT[:-1], "connection ended"),
        (CONTENT + b"y", "more than"),
    ],
)
def test_another_file_is_refused(tmp_path, server, content, message):
    server.content = content
    with pytest.raises(OSError, match=message):
        fetch_file(published(server.url()), tmp_path)
    assert not (tmp_path / "weights.pth").exists()
    server.content = CONTENT
    assert_complete(tmp_path, fetch_file(published(server.url()), tmp_path))


@pytest.mark.parametrize("new", [CONTENT[:500], CONTENT[::-1], CONTENT * 2])
def test_a_file_that_changed_in_between_is_refused(tmp_path, server, new):
    (tmp_path / "weights.pth.part").write_bytes(CONTENT[:1000])
    server.content = new
    with pytest.raises(OSError, match="cannot be downloaded"):
        fetch_file(published(server.url()), tmp_path)
    assert not (tmp_path / "weights.pth").exists()


def test_the_next_address_is_tried(tmp_path, server):
    file = published("http://127.0.0.1:9/file", server.url("/gone"), server.url())
    assert_complete(tmp_path, fetch_file(file, tmp_path))


def test_failure_names_addresses_reasons_and_the_place(tmp_path, server):
    file = published("http://127.0.0.1:9/file", server.url("/gone"))
    with pytest.raises(OSError) as error:
        fetch_file(file, tmp_path)
    text = str(error.value)
    assert "http://127.0.0.1:9/file: " in text and "refused" in text
    assert f"{server.url('/gone')}: HTTP Error 404" in text
    assert f"put the file into {tmp_path}" in text
    assert list(tmp_path.iterdir()) == []


def test_too_little_space_is_said_before(tmp_path, server):
    huge = PublishedFile("weights.pth", (server.url(),), 10**18, "")
    with pytest.raises(OSError, match=r"lacks \d+ MiB of space"):
        fetch_file(huge, tmp_path)


def test_weights_go_to_their_folder(tmp_path, server, monkeypatch, capsys):
    monkeypatch.setitem(PUBLISHED, "lpips", published(server.url()))
    path = fetch_weights("lpips", tmp_path)
    assert_complete(tmp_path / "lpips", path)
    assert str(path) in capsys.readouterr().out


def test_published_files_are_fully_described():
    assert set(PUBLISHED) == {"inception", "vgg16", "lpips"}
    for file in PUBLISHED.values():
        assert len(bytes.fromhex(file.sha256)) == 32 and file.size > 0
        assert all(url.startswith("https://") for url in file.urls)
    # PyTorch puts the beginning of the hash into the name.
    for name in ("inception", "vgg16"):
        assert PUBLISHED[name].name.endswith(f"-{PUBLISHED[name].sha256[:8]}.pth")


def test_a_stalled_server_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(fetch, "_TIMEOUT", 0.2)
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/file"
        with pytest.raises(OSError, match="timed out"):
            fetch_file(published(url), tmp_path)
