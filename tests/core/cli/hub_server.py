"""A small hub on this machine that speaks what huggingface_hub's client asks of the real one."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

COMMIT = "0" * 39 + "1"


class Hub:
    """Repositories with their files; `mine` are those that may be written to."""

    def __init__(self) -> None:
        self.repositories: dict[str, dict[str, bytes]] = {}
        self.private: dict[str, bool] = {}
        self.mine = True
        self.address = ""


def _handler(hub: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *words: object) -> None:
            pass

        def answer(
            self, status: int, value: Any = None, content: bytes | None = None, **headers: str
        ) -> None:
            body = json.dumps(value).encode() if content is None else content
            self.send_response(status)
            for name, text in headers.items():
                self.send_header(name.replace("_", "-"), text)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def missing(self) -> None:
            self.answer(404, {"error": "Repository not found"}, X_Error_Code="RepoNotFound")

        def do_GET(self) -> None:
            parts = self.path.partition("?")[0].strip("/").split("/")
            if parts[:2] == ["api", "models"]:
                repository = "/".join(parts[2:4])
                files = hub.repositories.get(repository)
                if files is None:
                    self.missing()
                    return
                tree = [
                    {"type": "file", "path": name, "oid": "0" * 40, "size": len(content)}
                    for name, content in files.items()
                ]
                whole = {"id": repository, "sha": COMMIT, "siblings": []}
                self.answer(200, tree if "tree" in parts else whole)
                return
            found = hub.repositories.get("/".join(parts[:2]), {}).get("/".join(parts[4:]))
            if found is None:
                self.missing()
                return
            tag = hashlib.sha1(found).hexdigest()
            self.answer(200, content=found, ETag=f'"{tag}"', X_Repo_Commit=COMMIT)

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if not hub.mine:
                self.answer(403, {"error": "Forbidden"})
            elif self.path == "/api/repos/create":
                asked = json.loads(body)
                name = "/".join(filter(None, (asked.get("organization") or "me", asked["name"])))
                hub.repositories.setdefault(name, {})
                hub.private[name] = asked.get("private") or asked.get("visibility") == "private"
                self.answer(200, {"url": f"{hub.address}/{name}", "name": name})
            elif "/preupload/" in self.path:
                files = [
                    {"path": file["path"], "uploadMode": "regular", "shouldIgnore": False}
                    for file in json.loads(body)["files"]
                ]
                self.answer(200, {"files": files})
            elif "/commit/" not in self.path:  # whether a card's head can be read
                self.answer(200, {"errors": [], "warnings": []})
            else:
                repository = "/".join(self.path.strip("/").split("/")[2:4])
                for line in filter(None, body.splitlines()):
                    event = json.loads(line)
                    if event["key"] == "file":
                        value = event["value"]
                        hub.repositories[repository][value["path"]] = base64.b64decode(value["content"])
                url = f"{hub.address}/{repository}/commit/{COMMIT}"
                self.answer(200, {"commitUrl": url, "commitOid": COMMIT, "pullRequestUrl": None})

    return Handler


@contextmanager
def serving() -> Iterator[Hub]:
    """Serve a hub for as long as the block lasts."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(hub))
    hub.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
