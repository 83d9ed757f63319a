"""A server on this machine that answers the client of a model hub, and remembers what it got."""

import base64
import contextlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class LocalHub:
    """What the hub received, and where it is.

    Attributes:
        endpoint: Address for `HF_ENDPOINT`.
        repositories: Requests to make a repository, as dicts.
        files: Path in the repository -> bytes.
        token: The only one that is let in.
    """

    def __init__(self, endpoint, token):
        self.endpoint = endpoint
        self.token = token
        self.repositories = []
        self.files = {}

    def answer(self, path, body):
        """Answers one request with something that JSON can hold."""
        if path == "/api/repos/create":
            self.repositories.append(json.loads(body))
            return {"url": f"{self.endpoint}/someone/digits"}
        if "/preupload/" in path:
            kind = {"uploadMode": "regular", "shouldIgnore": False, "oid": None}
            return {"files": [{"path": f["path"], **kind} for f in json.loads(body)["files"]]}
        if "/commit/" in path:
            for line in map(json.loads, body.splitlines()):
                if line["key"] == "file":
                    value = line["value"]
                    self.files[value["path"]] = base64.b64decode(value["content"])
            return {"commitUrl": f"{self.endpoint}/someone/digits/commit/1", "commitOid": "1"}
        return {}


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self._reply(404, {})

    def do_POST(self):
        body = self._body()
        hub = self.server.hub
        if self.headers.get("Authorization") != f"Bearer {hub.token}":
            self._reply(401, {"error": "Invalid username or password."})
        else:
            self._reply(200, hub.answer(self.path, body))

    def _body(self):
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _reply(self, status, answer):
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def running_hub(token="good"):
    """Yields a `LocalHub` that answers until the block ends."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        server.hub = LocalHub(f"http://127.0.0.1:{server.server_port}", token)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.hub
        finally:
            server.shutdown()
            thread.join()
