"""The test of a server's address: what is wrong with it, in a sentence."""

from __future__ import annotations

import asyncio
import re
import socket
from threading import Thread

import pytest
import sse_server as sse
from sse_server import ScriptedServer

from nbchat._chat.background import background
from nbchat._chat.errors import ChatError
from nbchat._chat.keys import Secret
from nbchat._servers.address import reach
from nbchat._servers.providers import Provider

TIMEOUT = 60


def reached(typed: str, key: str = "") -> Provider:
    """On the background loop, as the chat does it."""
    done = asyncio.run_coroutine_threadsafe(
        reach(typed, Secret(key) if key else None), background().loop
    )
    return done.result(TIMEOUT)


def wrong(typed: str, key: str = "") -> str:
    with pytest.raises((ChatError, ValueError)) as caught:
        reached(typed, key)
    return str(caught.value)


def test_a_server_that_lists_its_models(server: ScriptedServer) -> None:
    server.models = [{"id": "mine"}]
    found = reached(f" {server.base_url}/ ", "sk-mine")
    assert found.base_url == server.base_url
    assert found.key == Secret("sk-mine")
    assert [each.path for each in server.requests] == ["/models"]


def test_what_was_copied_along_is_left_out(server: ScriptedServer) -> None:
    server.models = [{"id": "mine"}]
    host = server.base_url.removeprefix("http://").removesuffix("/v1")
    for typed in (f"{server.base_url}/chat/completions", f"http://{host}", host):
        assert reached(typed).base_url == server.base_url


@pytest.mark.parametrize("typed", ["", "   ", "ftp://a.example", "http://", "http://[::1", "a b"])
def test_what_is_no_address(typed: str) -> None:
    assert re.search(r"no address|No host|can't be reached|not a", wrong(typed))


def test_a_name_that_is_not_found() -> None:
    assert "No host has the name nowhere.invalid" in wrong("http://nowhere.invalid/v1")


def test_nothing_listens_there(silent_port: int) -> None:
    assert "refused the connection" in wrong(f"http://127.0.0.1:{silent_port}/v1")


@pytest.mark.parametrize(
    "answer",
    [
        sse.status(404, "<html>Not found</html>"),
        sse.status(200, "<html>Welcome</html>"),
        sse.status(200, {"models": []}),
        sse.status(200, {"data": [{"name": "no id"}]}),
    ],
)
def test_no_chat_server(server: ScriptedServer, answer: sse.Step) -> None:
    server.models = answer
    assert "not as a chat server" in wrong(server.base_url)


def test_a_key_that_is_missing_or_wrong(server: ScriptedServer) -> None:
    server.models = sse.status(401, {"error": {"message": "Invalid API key"}})
    assert wrong(server.base_url).endswith("needs an API key.")
    said = wrong(server.base_url, "sk-wrong")
    assert said.endswith("rejected the API key.")
    assert "sk-wrong" not in said


@pytest.mark.parametrize(
    ("typed", "answer", "said"),
    [
        ("https", b"HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n", "write http://"),
        ("http", b"HTTP/1.0 400 No\r\n\r\nHTTP request to an HTTPS server", "write https://"),
    ],
)
def test_the_wrong_scheme(typed: str, answer: bytes, said: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answer)

        Thread(target=serve, daemon=True).start()
        assert said in wrong(f"{typed}://127.0.0.1:{listener.getsockname()[1]}/v1")


def test_a_redirect_gets_no_key(server: ScriptedServer) -> None:
    with ScriptedServer() as thief:
        server.models = sse.status(302, "", {"location": f"{thief.base_url}/models"})
        assert "redirects" in wrong(server.base_url, "sk-mine")
        assert thief.requests == []
