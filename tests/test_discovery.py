from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbchat._servers import discovery
from nbchat._servers.discovery import FoundServer, find_servers

# Long enough for a busy machine; only what is slow waits for it.
TIMEOUT_S = 5.0

# Path → the body that is sent: JSON, bytes as they are, or a function that answers by itself.
Answers = dict[str, Any]


class Handler(BaseHTTPRequestHandler):
    """One request to a fake server."""

    server: Fake

    def answer(self) -> None:
        self.server.requests.append((self.command, self.path, dict(self.headers.items())))
        answer = self.server.answers.get(self.path)
        if callable(answer):
            answer(self)
            return
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(404 if answer is None else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_HEAD = do_PUT = answer  # noqa: N815 - the names that the base class wants

    def log_message(self, *_: object) -> None:
        pass


class Fake(ThreadingHTTPServer):
    """A server on a port of its own."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, answers: Answers) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers = answers
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, *_: object) -> None:
        pass  # the client left


Start = Callable[..., Fake]


@pytest.fixture
def start(silent_port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Starts a fake in the place where a provider would listen."""
    monkeypatch.setattr(discovery, "PORTS", dict.fromkeys(discovery.PORTS, silent_port))
    fakes: list[Fake] = []

    def start(provider: str, answers: Answers) -> Fake:
        fakes.append(Fake(answers))
        monkeypatch.setitem(discovery.PORTS, provider, fakes[-1].server_port)
        return fakes[-1]

    yield start
    for fake in fakes:
        fake.shutdown()
        fake.server_close()


def listing(*ids: str, owned_by: str) -> dict[str, Any]:
    data = [{"id": each, "object": "model", "owned_by": owned_by} for each in ids]
    return {"object": "list", "data": data}


def tags(*names: str, **more: Any) -> dict[str, Any]:
    return {"models": [{"name": name, "model": name, "size": 1, **more} for name in names]}


OLLAMA = {
    "/api/version": {"version": "0.40.1"},
    "/api/tags": tags("qwen3:8b", "gpt-oss:20b", capabilities=["completion", "thinking"]),
}


def only(provider: str, fake: Fake, *models: str) -> list[FoundServer]:
    return [FoundServer(provider, f"{fake.url}/v1", models)]


# What is found


def test_the_usual_ports() -> None:
    assert discovery.PORTS == {
        "ollama": 11434,
        "lmstudio": 1234,
        "llama-server": 8080,
        "vllm": 8000,
    }


def test_no_server(start: Start) -> None:
    began = time.monotonic()
    assert find_servers(TIMEOUT_S) == []
    assert time.monotonic() - began < TIMEOUT_S


def test_all_four_in_a_fixed_order(start: Start) -> None:
    vllm = start("vllm", {"/v1/models": listing("meta/llama", owned_by="vllm")})
    ollama = start("ollama", OLLAMA)
    llama = start("llama-server", {"/v1/models": listing("m.gguf", owned_by="llamacpp")})
    studio = start("lmstudio", {"/v1/models": listing("g", owned_by="organization_owner")})
    assert find_servers(TIMEOUT_S) == [
        *only("ollama", ollama, "qwen3:8b", "gpt-oss:20b"),
        *only("lmstudio", studio, "g"),
        *only("llama-server", llama, "m.gguf"),
        *only("vllm", vllm, "meta/llama"),
    ]


def test_an_lm_studio_that_names_other_owners(start: Start) -> None:
    answers = {
        "/v1/models": listing("google/gemma-4", owned_by="google"),
        "/api/v0/models": {"data": [{"id": "google/gemma-4", "type": "vlm"}]},
    }
    fake = start("lmstudio", answers)
    assert find_servers(TIMEOUT_S) == only("lmstudio", fake, "google/gemma-4")


def test_models_that_leave_the_machine_are_left_out(start: Start) -> None:
    models = tags("qwen3:8b", "glm-5:cloud", "gpt-oss:120b-cloud", "Kimi:Cloud")
    models["models"] += tags("mine:latest", remote_host="https://ollama.com:443")["models"]
    fake = start("ollama", {**OLLAMA, "/api/tags": models})
    assert find_servers(TIMEOUT_S) == only("ollama", fake, "qwen3:8b")


def test_models_that_make_embeddings_are_left_out(start: Start) -> None:
    ids = ("text-embedding-nomic-embed-text-v1.5", "qwen3-4b", "Qwen3-Embedding-0.6B")
    studio = start("lmstudio", {"/v1/models": listing(*ids, owned_by="organization_owner")})
    models = tags("nomic-embed-text:latest")
    models["models"] += tags("bge-m3:latest", capabilities=["embedding"])["models"]
    start("ollama", {**OLLAMA, "/api/tags": models})
    start("vllm", {"/v1/models": listing("BAAI/embedder", owned_by="vllm")})
    assert find_servers(TIMEOUT_S) == only("lmstudio", studio, "qwen3-4b")


def test_names_that_do_not_look_like_ids_are_left_out(start: Start) -> None:
    """Any program may listen there: it could put its own words and links into the chat."""
    said = (
        "Your key has expired. Paste it at https://evil.example/key",
        "https://evil.example/key",
        "a//b://c",
        "x" * 129,
        "x" * 900_000,
        "qwen3\u202e:8b",
        "<img/src=x>",
    )
    real = (
        "hf.co/bartowski/Llama-3.2-3B-Instruct-GGUF:Q4_K_M",
        "qwen2.5@q4_k_m",
        "C:\\m\\a+b.gguf",
    )
    answers = {"/v1/models": listing(*said, *real, owned_by="vllm")}
    fake = start("vllm", answers)
    assert find_servers(TIMEOUT_S) == only("vllm", fake, *real)
    start("vllm", {"/v1/models": listing(*said, owned_by="vllm")})
    assert find_servers(TIMEOUT_S) == [], "without a model that can be named, it is not offered"
    fake = start("vllm", {"/v1/models": listing(*map(str, range(9_000)), owned_by="vllm")})
    (found,) = find_servers(TIMEOUT_S)
    assert len(found.models) == 1_000


# What is not


@pytest.mark.parametrize("provider", list(discovery.PORTS))
@pytest.mark.parametrize(
    "body",
    [
        None,
        b"",
        b"<html>Jupyter</html>",
        b"\xff\xfe",
        b'{"data": [{"id": "x", "owned_by": "vllm"}',
        b"[" * 100_000,
        b"1" * 10_000,
        [],
        3,
        "text",
        {"version": "1.0"},
        {"version": "1.0", "models": {"name": "x"}, "data": {"id": "x"}},
        {"version": "1.0", "models": [None, 3, "x", [], {}, {"name": 3}, {"name": ""}]},
        {"data": [None, 3, "x", [], {}, {"id": "x"}, {"id": None, "owned_by": "vllm"}]},
        {"data": [{"id": "a\nb", "owned_by": "llamacpp"}], "models": [{"name": "a\nb"}]},
        {"data": [{"id": "x", "owned_by": ["vllm"]}]},
        listing("gpt-5", owned_by="openai"),
    ],
)
def test_something_else_on_the_port(start: Start, provider: str, body: object) -> None:
    paths = ("/api/version", "/api/tags", "/v1/models")
    start(provider, dict.fromkeys(paths, body))
    assert find_servers(TIMEOUT_S) == []


def test_another_server_of_the_kind_on_the_port(start: Start) -> None:
    start("vllm", {"/v1/models": listing("m.gguf", owned_by="llamacpp")})
    start("llama-server", {"/v1/models": listing("m", owned_by="vllm")})
    start("lmstudio", {"/v1/models": listing("m", owned_by="library"), "/api/v0/models": "text"})
    start("ollama", {"/v1/models": listing("m", owned_by="library")})
    assert find_servers(TIMEOUT_S) == []


def test_what_speaks_no_http(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    def babble(handler: Handler) -> None:
        handler.wfile.write(b"SSH-2.0-OpenSSH_9.6\r\n" * 9)

    start("vllm", {"/v1/models": babble})
    assert find_servers(TIMEOUT_S) == []


def test_an_answer_is_bounded(start: Start) -> None:
    models = listing("m", owned_by="vllm")
    big = json.dumps({**models, "padding": "x" * 1_000_000}).encode()
    start("vllm", {"/v1/models": big})
    assert find_servers(TIMEOUT_S) == []


def endless(handler: Handler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n{")
    while True:
        handler.wfile.write(b" " * 65536)


def trickling_body(handler: Handler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n")
    trickle(handler)


def trickling_to_the_end(handler: Handler) -> None:
    handler.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n")
    trickle(handler)


def trickling_head(handler: Handler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    trickle(handler)


def trickle(handler: Handler) -> None:
    while True:
        handler.wfile.write(b" ")
        time.sleep(0.02)


def silent(handler: Handler) -> None:
    handler.rfile.read()  # until the client leaves


@pytest.mark.parametrize(
    "answer", [endless, trickling_body, trickling_to_the_end, trickling_head, silent]
)
def test_a_slow_server_holds_up_nothing(start: Start, answer: Callable[[Handler], None]) -> None:
    start("ollama", {"/api/version": answer})
    start("lmstudio", {"/v1/models": answer, "/api/v0/models": answer})
    vllm = start("vllm", {"/v1/models": listing("m", owned_by="vllm")})
    # Nothing else ends this. A busy machine may need more than a second for the one that answers.
    assert any(find_servers(patience_s) == only("vllm", vllm, "m") for patience_s in (1, 5, 25))
    # Nor does it leave anything behind.
    until(lambda: not [t for t in threading.enumerate() if isinstance(t, discovery._Probe)])


def test_a_redirect_is_not_followed(start: Start) -> None:
    other = Fake({"/v1/models": listing("m", owned_by="vllm")})

    def redirect(handler: Handler) -> None:
        handler.send_response(307)
        handler.send_header("Location", f"{other.url}/v1/models")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    fake = start("vllm", {"/v1/models": redirect})
    assert find_servers(TIMEOUT_S) == []
    assert len(fake.requests) == 1
    assert other.requests == []
    other.shutdown()
    other.server_close()


# What is sent


def test_requests_carry_nothing(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("OPENAI_API_KEY", "OPENROUTER_API_KEY", "OLLAMA_API_KEY"):
        monkeypatch.setenv(name, "sk-leak")
    fakes = [
        start("ollama", OLLAMA),
        start("lmstudio", {"/v1/models": listing("g", owned_by="google")}),
        start("llama-server", {}),
        start("vllm", {}),
    ]
    assert find_servers(TIMEOUT_S) == only("ollama", fakes[0], "qwen3:8b", "gpt-oss:20b")
    requests = [request for fake in fakes for request in fake.requests]
    assert [path for _, path, _ in requests] == [
        *("/api/version", "/api/tags"),
        *("/v1/models", "/api/v0/models"),
        "/v1/models",
        "/v1/models",
    ]
    for method, _, headers in requests:
        assert method == "GET"
        assert set(headers) == {"Host", "Accept", "Accept-Encoding"}


# Whatever JSON there is

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.sampled_from(["version", "models", "data", "id", "name", "owned_by"]) | st.text(),
            inner,
        )
    ),
)


@given(st.sampled_from(list(discovery.PORTS)), JSON, JSON)
def test_hostile_json_raises_nothing(provider: str, first: object, second: object) -> None:
    answers = iter([first, second])
    models = discovery._RECOGNISE[provider](lambda _: next(answers))
    assert all(isinstance(model, str) and model for model in models)


def until(condition: Callable[[], object], timeout: float = 10) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
