"""Who asks under a foreign name, or without the token where one is needed, gets nothing."""

from __future__ import annotations

import asyncio
import socket

import httpx
import pytest

from mtl.core.base.errors import UsageError
from mtl.exports.serving.guard import Guard, Hosts, hosts_of, read_token

LOCAL = ["localhost", "localhost:8000", "LOCALHOST", "localhost.", "127.0.0.1:80", "[::1]:8000", "[::1]"]
FOREIGN = ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "localhost.evil.example", ""]
NUMBERS = ["10.0.0.7:8000", "[fe80::1]:8000"]


async def answering(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"secret"})


def ask(guard, path="/v2", **headers):
    async def get():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(guard)) as client:
            return await client.get(f"http://localhost{path}", headers=headers)

    return asyncio.run(get())


def bound(address, family=socket.AF_INET):
    opened = socket.socket(family)
    opened.bind((address, 0))
    return opened


def allowed(hosts, names):
    return [name for name in names if hosts.allow(name)]


def test_a_server_of_this_machine_answers_under_its_names_only():
    with bound("127.0.0.1") as opened:
        hosts = hosts_of(opened, "127.0.0.1", ())
    assert allowed(hosts, LOCAL + FOREIGN + NUMBERS) == LOCAL


def test_a_server_on_all_addresses_answers_under_any_number_and_its_own_name():
    with bound("0.0.0.0") as opened:
        hosts = hosts_of(opened, "0.0.0.0", ())
    own = [f"{socket.gethostname()}:8000"]
    assert allowed(hosts, LOCAL + FOREIGN + NUMBERS + own) == LOCAL + NUMBERS + own


def test_names_are_added_and_a_star_stands_for_all():
    with bound("127.0.0.1") as opened:
        assert allowed(hosts_of(opened, "127.0.0.1", ["API.example"]), ["api.example:443", *FOREIGN]) == [
            "api.example:443"
        ]
        assert allowed(hosts_of(opened, "127.0.0.1", ["*"]), FOREIGN) == FOREIGN


def test_another_host_is_told_and_hears_nothing_else():
    answer = ask(Guard(answering, Hosts(["localhost"])), host="evil.example")
    assert (answer.status_code, answer.headers["connection"]) == (421, "close")
    assert answer.json() == {
        "error": "the host 'evil.example' is not served here; start the server with --allow-host evil.example"
    }


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"authorization": "Basic YTpi"}, 401),
        ({"authorization": "Bearer"}, 401),
        ({"authorization": "Bearer wrong"}, 401),
        ({"authorization": "Bearer s3cret-token-and-more"}, 401),
        ({"authorization": "Bearer s3cret-token"}, 200),
        ({"authorization": "bearer  s3cret-token "}, 200),
    ],
)
def test_the_token_is_needed(headers, status):
    answer = ask(Guard(answering, Hosts(["localhost"]), b"s3cret-token"), **headers)
    assert answer.status_code == status
    if status == 401:
        assert answer.headers["www-authenticate"].startswith('Bearer realm="mtl"')
        assert "s3cret" not in answer.text
        assert answer.json()["error"]


def test_health_is_told_without_a_token_but_not_to_foreign_hosts():
    guard = Guard(answering, Hosts(["localhost"]), b"s3cret-token")
    assert ask(guard, "/v2/health/ready").status_code == 200
    assert ask(guard, "/v2/health/ready", host="evil.example").status_code == 421


def test_a_token_is_read_from_its_file(tmp_path):
    (tmp_path / "token").write_text("abc123==\n")
    assert read_token(tmp_path / "token") == b"abc123=="


@pytest.mark.parametrize("content", [b"", b"\n", b"two words", b"\xff\xfe", b"a" * 5000])
def test_a_file_without_a_token_is_refused(tmp_path, content):
    path = tmp_path / "token"
    path.write_bytes(content)
    with pytest.raises(UsageError, match="holds no token") as caught:
        read_token(path)
    assert str(path) in caught.value.message


def test_a_token_file_that_cannot_be_read_is_named(tmp_path):
    for path in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(UsageError, match=str(path)):
            read_token(path)


def test_the_command_takes_hosts_and_a_token(exported, tmp_path, running):
    (tmp_path / "token").write_text("s3cret-token\n")
    options = ("--token-file", tmp_path / "token", "--allow-host", "api.example")
    with running(f"tiny={exported.path}", *options) as server:
        right = {"authorization": "Bearer s3cret-token"}
        for host, headers, status in (
            ("api.example", right, 200),
            (f"127.0.0.1:{server.port}", right, 200),
            ("evil.example", right, 421),
            ("api.example", {}, 401),
        ):
            found = httpx.get(f"{server.url}/v2/models/tiny", headers={"host": host} | headers)
            assert found.status_code == status
