from __future__ import annotations

import asyncio
import base64
import hashlib
import logging
import pickle
import re
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import sse_server as sse
from sse_server import Request, ScriptedServer, Step

from nbchat._chat.background import background
from nbchat._chat.errors import ChatError
from nbchat._chat.keys import Secret
from nbchat._servers import providers, sign_in
from nbchat._servers.sign_in import SignIn

TIMEOUT = 60

# Put together, so that no line of this file that a traceback shows has them whole.
CODE = "code-" + "6f0e9b1c"
KEY = "sk-or-v1-" + "7d3a52e8"


@pytest.fixture(autouse=True)
def openrouter(monkeypatch: pytest.MonkeyPatch, server: ScriptedServer) -> ScriptedServer:
    monkeypatch.setattr(providers, "OPENROUTER_URL", server.base_url)
    server.answers["/auth/keys"] = lambda _: sse.status(200, {"key": KEY, "user_id": "u"})
    return server


def exchange(sign_in: SignIn, code: Secret = Secret(CODE)) -> Secret:  # noqa: B008 - never changes
    """On the background loop, as the chat does it."""
    done = asyncio.run_coroutine_threadsafe(sign_in.exchange(code), background().loop)
    return done.result(TIMEOUT)


@contextmanager
def failing(match: str) -> Iterator[None]:
    """Expects a `ChatError` that nobody can read a secret from."""
    with pytest.raises(ChatError, match=match) as caught:
        yield
    check_error(caught.value)


def check_error(error: BaseException) -> None:
    assert error.__cause__ is None
    assert error.__context__ is None
    shown = verbose_traceback(error) + "".join(traceback.format_exception(error))
    assert "sign_in.py" in shown, "the frames of the module are there"
    hidden(shown, repr(error), repr(vars(error)))
    # Not even in what no traceback prints.
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if frame.f_code.co_filename == sign_in.__file__:
            hidden(repr(frame.f_locals))


def verbose_traceback(error: BaseException) -> str:
    from IPython.core.ultratb import VerboseTB

    return str(VerboseTB("nocolor").text(type(error), error, error.__traceback__))


VERIFIER = re.compile(r"(?<![\w-])[\w-]{64}(?![\w-])")


def hidden(*texts: str) -> None:
    for text in texts:
        assert CODE not in text
        assert KEY not in text
        assert not VERIFIER.search(text)


# What works


def test_the_page_to_open(server: ScriptedServer) -> None:
    sign_in = SignIn()
    parts = urlsplit(sign_in.url)
    assert f"{parts.scheme}://{parts.netloc}/v1" == server.base_url
    assert parts.path == "/auth"
    (challenge,) = parse_qs(parts.query)["code_challenge"]
    assert parse_qs(parts.query)["code_challenge_method"] == ["S256"]
    assert re.fullmatch(r"[\w-]{43}", challenge)
    assert sign_in.url == sign_in.url
    assert SignIn().url != sign_in.url


def test_the_page_is_openrouters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert SignIn().url.startswith("https://openrouter.ai/auth?code_challenge=")


def test_a_code_is_exchanged_for_a_key(server: ScriptedServer) -> None:
    sign_in = SignIn()
    assert exchange(sign_in).reveal() == KEY
    (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/auth/keys")
    assert request.headers["host"] == urlsplit(server.base_url).netloc
    assert request.headers["content-type"] == "application/json"
    assert not {"authorization", "cookie"} & set(request.headers)
    verifier = request.body.pop("code_verifier")
    assert request.body == {"code": CODE, "code_challenge_method": "S256"}
    assert VERIFIER.fullmatch(verifier), "what the other tests look for"
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode()
    assert digest.rstrip("=") in sign_in.url


@pytest.mark.parametrize(
    ("pasted", "code"),
    [
        (f"  {CODE}\n", CODE),
        (f"https://openrouter.ai/auth/done?code={CODE}", CODE),
        (f"http://localhost:3000/?a=1&code={CODE}&b=2#x", CODE),
        ("https://example.com/#code=a%2Fb", "a/b"),
        ("http://[?code=x", "x"),
        ("mycode=5", "mycode=5"),
        ("ümläut\ud800", "ümläut\ud800"),
    ],
)
def test_what_is_pasted_may_hold_more_than_the_code(
    pasted: str, code: str, server: ScriptedServer
) -> None:
    exchange(SignIn(), Secret(pasted))
    assert server.requests[0].body["code"] == code


def test_nothing_of_the_environment_goes_along(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Custom: leak\nAuthorization: leak")
    monkeypatch.setenv("OPENAI_API_KEY", "leak")
    monkeypatch.setenv("OPENROUTER_API_KEY", "leak")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    exchange(SignIn())
    assert "leak" not in repr(server.requests[0].headers)


def test_a_proxy_is_used_on_the_way_out(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("no_proxy", "NO_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTP_PROXY", server.base_url.removesuffix("/v1"))
    monkeypatch.setattr(providers, "OPENROUTER_URL", "http://openrouter.test/api/v1")
    server.answers["http://openrouter.test/api/v1/auth/keys"] = server.answers["/auth/keys"]
    assert exchange(SignIn()).reveal() == KEY


# What goes wrong


@pytest.mark.parametrize("status", [400, 401, 403, 422])
def test_a_code_that_is_not_accepted(server: ScriptedServer, status: int) -> None:
    def quote(request: Request) -> Step:
        return sse.status(
            status, {"error": {"message": f"Invalid: {request.body}", "code": status}}
        )

    server.answers["/auth/keys"] = quote
    with failing(r"^The code was not accepted\. .* expires after 10 minutes\. Sign in again"):
        exchange(SignIn())


@pytest.mark.parametrize(("status", "retryable"), [(404, False), (429, True), (503, True)])
def test_a_server_that_cannot_do_it(server: ScriptedServer, status: int, retryable: bool) -> None:
    server.answers["/auth/keys"] = lambda request: sse.status(status, f"<html>{request.body}")
    with failing(rf"could not complete the sign-in \(HTTP {status}\)"):
        exchange(SignIn())
    with pytest.raises(ChatError) as caught:
        exchange(SignIn())
    assert caught.value.retryable is retryable
    assert caught.value.status_code == status


@pytest.mark.parametrize(
    "answer",
    [
        sse.status(200, body)
        for body in (
            "",
            "<html>welcome</html>",
            b"\xff\xfe",
            "[" * 100_000,
            [KEY],
            {},
            {"key": None},
            {"key": ""},
            {"key": 5},
            {"key": {"value": KEY}},
            {"key": f"{KEY}\nHost: evil"},
            {"error": {"message": f"no {KEY}"}},
        )
    ],
)
def test_an_answer_without_a_key(server: ScriptedServer, answer: Step) -> None:
    server.answers["/auth/keys"] = lambda _: answer
    with failing("sent no key"):
        exchange(SignIn())


def test_nothing_was_pasted(server: ScriptedServer) -> None:
    for blank in ("", " \n"):
        with failing("Paste the code"):
            exchange(SignIn(), Secret(blank))
    assert server.requests == []


def test_a_redirect_gets_nothing(server: ScriptedServer) -> None:
    with ScriptedServer() as other:
        location = {"location": f"{other.base_url}/auth/keys"}
        server.answers["/auth/keys"] = lambda _: sse.status(307, "", location)
        with failing("HTTP 307"):
            exchange(SignIn())
        assert other.requests == []


def test_a_server_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(providers, "OPENROUTER_URL", "http://127.0.0.1:9/api/v1")
    with failing("OpenRouter refused the connection|Can't reach OpenRouter"):
        exchange(SignIn())


def drop(connection: sse.Connection) -> Any:
    return sse.drop()(connection)  # type: ignore[operator]


def test_a_server_that_hangs_up(server: ScriptedServer) -> None:
    server.answers["/auth/keys"] = lambda _: drop
    with failing("was lost"):
        exchange(SignIn())


@pytest.mark.parametrize("step", [sse.hang(), None])
def test_a_server_that_takes_too_long(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, step: Step | None
) -> None:
    async def trickle(connection: sse.Connection) -> None:
        while True:
            await connection.send(b" ")
            await asyncio.sleep(0.02)

    monkeypatch.setattr(sign_in, "_TIMEOUT_S", 0.2)
    server.answers["/auth/keys"] = lambda _: step or trickle
    with failing("took too long"):
        exchange(SignIn())


def test_a_failure_in_this_very_process(monkeypatch: pytest.MonkeyPatch) -> None:
    import openai

    def broken(**_: object) -> None:
        raise RuntimeError("no client")

    monkeypatch.setattr(openai, "DefaultAsyncHttpxClient", broken)
    with failing("failed unexpectedly.*no client"):
        exchange(SignIn())


def test_a_sign_in_that_is_cancelled(server: ScriptedServer) -> None:
    server.answers["/auth/keys"] = lambda _: sse.hang()

    async def cancelled() -> BaseException:
        task = asyncio.ensure_future(SignIn().exchange(Secret(CODE)))
        while not server.requests:
            await asyncio.sleep(0.01)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError as error:
            return error
        raise AssertionError("it was not cancelled")

    error = asyncio.run_coroutine_threadsafe(cancelled(), background().loop).result(TIMEOUT)
    hidden(verbose_traceback(error))
    (request,) = server.requests
    assert request.closed_early.wait(TIMEOUT)


# What stays hidden


@pytest.mark.parametrize("works", [True, False])
def test_no_log_holds_a_secret(
    server: ScriptedServer, caplog: pytest.LogCaptureFixture, works: bool
) -> None:
    if not works:
        server.answers["/auth/keys"] = lambda request: sse.status(403, str(request.body))
    with caplog.at_level(logging.DEBUG):
        try:
            exchange(SignIn())
        except ChatError:
            assert not works
    assert any("/auth/keys" in record.getMessage() for record in caplog.records)
    hidden(caplog.text, *(repr(vars(record)) for record in caplog.records))


def test_no_repr_holds_a_secret() -> None:
    sign_in = SignIn()
    hidden(repr(sign_in), repr(vars(sign_in)))
    assert "Secret" in repr(vars(sign_in))
    with pytest.raises(TypeError, match="pickled"):
        pickle.dumps(sign_in)


def test_the_watch_would_notice() -> None:
    """A traceback that does hold them is what the other tests look for."""

    def exchange(reveal: Callable[[], str]) -> None:
        revealed = reveal()
        raise ChatError(f"{len(revealed)} characters")

    with pytest.raises(ChatError) as caught:
        exchange(lambda: CODE)
    shown = verbose_traceback(caught.value)
    with pytest.raises(AssertionError, match="6f0e9b1c"):
        hidden(shown)
