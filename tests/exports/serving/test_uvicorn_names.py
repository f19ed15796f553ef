"""What the server takes from uvicorn without uvicorn promising it: one test per name, so that a release
that renames something is noticed here by its name.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import textwrap

import pytest
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from mtl.exports.serving import connections, server

METHODS = {
    HttpToolsProtocol: (
        *("connection_made", "connection_lost", "data_received", "send_400_response", "shutdown"),
        *("on_message_begin", "on_url", "on_header", "on_headers_complete", "on_body", "on_message_complete"),
        *("pause_writing", "resume_writing"),
    ),
    uvicorn.Server: ("startup", "shutdown", "capture_signals", "run"),
}
ATTRIBUTES = {
    "connection": (
        "transport",
        "loop",
        "connections",
        "parser",
        "headers",
        "url",
        "cycle",
        "flow",
        "pipeline",
    ),
    "cycle": (
        *("body", "message_event", "keep_alive", "disconnected", "response_started", "response_complete"),
    ),
    "server": ("server_state", "should_exit", "force_exit"),
}


def made():
    """Return a connection with a request, its cycle, and a server."""

    async def application(scope, receive, send):
        pass

    async def make():
        config = uvicorn.Config(application, lifespan="off", log_config=None)
        connection = HttpToolsProtocol(config, ServerState(), {}, _loop=asyncio.get_running_loop())
        connection.on_message_begin()
        cycle = inspect.signature(RequestResponseCycle).parameters
        given = dict.fromkeys(cycle, None) | {"expect_100_continue": False}
        return {
            "connection": connection,
            "cycle": RequestResponseCycle(**given),
            "server": uvicorn.Server(config),
        }

    return asyncio.run(make())


@pytest.mark.parametrize(
    ("owner", "name"), [(owner, name) for owner, names in METHODS.items() for name in names]
)
def test_the_method_is_there(owner, name):
    assert callable(getattr(owner, name))


@pytest.mark.parametrize(
    ("owner", "name"), [(owner, name) for owner, names in ATTRIBUTES.items() for name in names]
)
def test_the_attribute_is_there(owner, name):
    assert hasattr(made()[owner], name)


@pytest.mark.parametrize("name", ["pause_reading", "drain"])
def test_flow_control_has_the_method(name):
    from uvicorn.protocols.http.flow_control import FlowControl

    assert callable(getattr(FlowControl, name))


@pytest.mark.parametrize("name", ["connections", "tasks", "total_requests"])
def test_the_state_of_a_server_has(name):
    assert hasattr(ServerState(), name)


def test_every_name_that_is_used_is_watched_here():
    watched = {name for names in (*METHODS.values(), *ATTRIBUTES.values()) for name in names}
    for ours in (connections.BoundedConnection, server._Server):
        tree = ast.parse(textwrap.dedent(inspect.getsource(ours)))
        used = {
            node.attr
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == "self"
        }
        assert {name for name in used if not name.startswith("_")} - set(vars(ours)) <= watched | {
            "most",
            "unfinished",
        }
