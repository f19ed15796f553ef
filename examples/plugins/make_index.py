"""Makes docs/plugin-index anew: `python examples/plugins/make_index.py`.

The index is `mtl plugins index` over the packages in examples/. Two of them need something to be tried with:
shards in the current folder, and a server that takes what is posted.
"""

import os
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


class Takes(BaseHTTPRequestHandler):
    """Answers that it has taken what was posted."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def main() -> None:
    """Check every package in examples/ and write what the kit says."""
    packages = sorted(path.parent for path in (ROOT / "examples").glob("**/pyproject.toml"))
    with HTTPServer(("127.0.0.1", 0), Takes) as server, tempfile.TemporaryDirectory() as folder:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        environment = {**os.environ, "MTL_WEBHOOK": f"http://127.0.0.1:{server.server_port}/"}
        draw = [sys.executable, "-m", "mtl_shards.draw", "shards"]
        paths = os.pathsep.join([str(HERE / "mtl-shards"), os.environ.get("PYTHONPATH", "")])
        subprocess.run(draw, cwd=folder, check=True, env={**environment, "PYTHONPATH": paths})
        index = ["mtl", "plugins", "index", *map(str, packages), "--out", str(ROOT / "docs" / "plugin-index")]
        subprocess.run(index, cwd=folder, check=True, env=environment)
        server.shutdown()


if __name__ == "__main__":
    main()
