"""A server that keeps what is posted to it."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest


@pytest.fixture(autouse=True, scope="session")
def posted():
    """The list of all messages; the tracker finds the server's address in `MTL_WEBHOOK`."""
    messages = []

    class Keeps(BaseHTTPRequestHandler):
        def do_POST(self):
            messages.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Keeps) as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("MTL_WEBHOOK", f"http://127.0.0.1:{server.server_port}/")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield messages
        server.shutdown()
