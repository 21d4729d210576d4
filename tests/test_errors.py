from __future__ import annotations

import asyncio
import json
import pickle
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from threading import Thread
from typing import Any

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire import WIRE, needs_wire

from nbchat._chat.errors import ChatError
from nbchat._chat.keys import clean
from nbchat._servers.error_messages import explain, explain_body

KEY = "sk-or-v1-0123456789abcdef"


def body(error: object, status: int | None = None, **kwargs: Any) -> ChatError:
    return explain_body(
        error,
        status=status,
        server="OpenRouter",
        key_env="OPENROUTER_API_KEY",
        model="some/model",
        **kwargs,
    )


# --- bodies ---


@pytest.mark.parametrize(
    ("status", "error", "words", "retryable"),
    [
        (401, {"error": {"message": "No auth credentials found"}}, "Set OPENROUTER_API_KEY", False),
        (401, {"error": {"message": "User not found."}}, "Check OPENROUTER_API_KEY", False),
        (400, {"error": {"message": "API key not valid."}}, "rejected the API key", False),
        (402, {"error": {"message": "Insufficient credits"}}, "Not enough credit", False),
        (429, {"error": {"code": "insufficient_quota", "message": "x"}}, "enough credit", False),
        (403, {"error": {"message": "Key limit exceeded"}}, "spending limit", False),
        (403, {"error": {"message": "Not for you"}}, "does not allow", False),
        (403, {"error": {"message": "x", "metadata": {"reasons": ["hate"]}}}, "blocked", False),
        (404, {"error": {"message": "No endpoints found for x:free"}}, "some/model", False),
        (404, {"error": {"message": "No endpoints match your data policy"}}, "privacy", False),
        (404, {"detail": "Not Found"}, "usually ends in /v1", False),
        (404, "404 page not found", "usually ends in /v1", False),
        (408, {"error": {"message": "x"}}, "too long to answer", True),
        (413, {"error": {"message": "x"}}, "conversation is too long for some/model", False),
        (400, {"error": {"code": "context_length_exceeded"}}, "conversation is too long", False),
        (400, {"error": {"message": "stop sequence is too long"}}, "rejected the request", False),
        (429, {"error": {"message": "slow down"}}, "Rate limit reached", True),
        (429, None, "Rate limit reached", True),
        (500, {"error": {"message": "x"}}, "internal error", True),
        (502, "<html><head><title>502 Bad Gateway</title>", "502 Bad Gateway", True),
        (503, "", "overloaded", True),
        (524, {"error": {"message": "x"}}, "too long to answer", True),
        (529, {"error": {"message": "x"}}, "overloaded", True),
        (418, {"error": {"message": "x"}}, "rejected the request", False),
        (None, {"error": {"type": "overloaded_error", "message": "x"}}, "overloaded", True),
        (None, {"error": "x"}, "reported an error", True),
        (200, "<!doctype html><title>Sign in</title>", "HTML", False),
    ],
)
def test_the_message_says_what_happened_and_what_to_do(
    status: int | None, error: object, words: str, retryable: bool
) -> None:
    result = body(error, status)
    assert words in str(result)
    assert result.retryable is retryable


@pytest.mark.parametrize(
    "error",
    [
        {"error": {"code": 400, "message": "it broke"}},
        {"code": 400, "message": "it broke"},
        {"error": "it broke"},
        {"error": "Bad Request", "message": "it broke"},
        {"detail": "it broke"},
        {"detail": [{"loc": ["body", "top_p"], "msg": "it broke", "type": "float"}]},
        {"error": {"message": {"detail": "it broke"}}},
        {"error": {"message": '{"error": {"message": "it broke"}}'}},
        {"error": {"message": "Provider returned error", "metadata": {"raw": "it broke"}}},
        {"error": {"message": "?", "metadata": {"raw": '{"error":{"message":"it broke"}}'}}},
        '{"error": {"message": "it broke"}}',
        b'{"error": {"message": "it broke"}}',
        "it broke",
        [{"error": {"message": "it broke"}}],
    ],
)
def test_the_servers_own_words_are_found_in_any_shape(error: object) -> None:
    result = body(error, 400)
    assert "it broke" in str(result)
    assert "it broke" in (result.detail or "")


def test_a_word_of_raw_does_not_hide_the_message() -> None:
    assert "it broke" in str(body({"message": "it broke", "metadata": {"raw": "ERROR"}}, 400))


def test_the_provider_behind_the_router_is_named() -> None:
    error = {"message": "x", "metadata": {"raw": "slow down", "provider_name": "BaseTen"}}
    assert "BaseTen said: slow down" in str(body(error, 429))


def test_the_parameter_is_named() -> None:
    result = body({"error": {"message": "no", "param": "temperature"}}, 400)
    assert result.param == "temperature"
    assert "temperature" in str(result)
    assert body({"detail": [{"loc": ["body", "top_p"], "msg": "no"}]}, 422).param == "top_p"


def test_what_is_affordable_is_offered() -> None:
    error = {"message": "You requested up to 65535 tokens, but can only afford 1234."}
    assert "Lower Max tokens to 1234 or less" in str(body(error, 402))


def test_availability_is_obeyed() -> None:
    error: dict[str, Any] = {"message": "full", "availability": {"retryable": False}}
    assert not body(error, 429).retryable
    error["availability"] = {"retryable": True, "retry_after": 40, "fallback_models": ["a/b"]}
    result = body(error, 429)
    assert (result.retryable, result.retry_after_s) == (True, 40.0)
    assert "Try a/b instead" in str(result)


def test_a_spent_daily_quota_is_not_retried_and_says_when_it_ends() -> None:
    error = {
        "message": "Rate limit exceeded: free-models-per-day",
        "metadata": {"headers": {"X-RateLimit-Reset": "1788825600000"}},
    }
    result = body(error, 429, headers={"Retry-After": "5"})
    assert (result.retryable, result.retry_after_s) == (False, None)
    assert "2026-09-08 00:00 UTC" in str(result)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"Retry-After": "Mon, 01 Jan 2024 00:00:00 GMT"}, 0.0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "nan"}, None),
        ({"X-RateLimit-Reset": "60"}, None),
        ({}, None),
    ],
)
def test_the_time_to_wait_is_read(headers: dict[str, str], seconds: float | None) -> None:
    assert body({"message": "slow down"}, 429, headers=headers).retry_after_s == seconds


def test_the_time_to_wait_for_is_read() -> None:
    then = time.time() + 600
    for headers in (
        {"Retry-After": formatdate(then, usegmt=True)},
        {"X-RateLimit-Reset": str(int(then * 1000))},
    ):
        wait = body({"message": "slow down"}, 429, headers=headers).retry_after_s
        assert wait == pytest.approx(600, abs=300)


@pytest.mark.parametrize(
    "secret",
    [
        KEY,
        "sk-proj-" + "aB3_" * 10,
        "gsk_" + "a1" * 20,
        "hf_" + "aB" * 17,
        "AIza" + "a1-" * 11,
        "nvapi-" + "aB3-" * 16,
        "Bearer 0123456789abcdef",
    ],
)
def test_keys_are_taken_out(secret: str) -> None:
    result = body({"message": f"Incorrect API key provided: {secret}. Get another."}, 401)
    for text in (str(result), result.detail or ""):
        assert secret.removeprefix("Bearer ") not in text
        assert "[key]" in text
        assert "Get another." in text


def test_keys_are_taken_out_of_what_is_quoted_as_json() -> None:
    said = f"line\n{KEY} and\t{KEY} and \x0b{KEY}\nBearer 0123456789abcdef"
    for error in ({"message": said}, {"metadata": {"raw": json.dumps({"a": said})}}, repr([said])):
        detail = body(error, 401).detail or ""
        assert KEY not in detail
        assert "0123456789abcdef" not in detail
        assert detail.count("[key]") == 4


@pytest.mark.parametrize("text", ["a hf-inference risk-free task", "Bearer authentication failed"])
def test_other_words_are_left_alone(text: str) -> None:
    assert clean(text, 100) == text


def test_everything_is_bounded() -> None:
    for error in ("x " * 3_000_000, {"error": {"message": "x " * 3_000_000, "param": "p" * 9999}}):
        result = body(error, 400)
        assert len(str(result)) < 1000
        assert len(result.detail or "") <= 2000


def test_a_page_of_many_comments_is_read_at_once() -> None:
    start = time.process_time()
    body("<!-- -->" * 10_000, 500)
    assert time.process_time() - start < 5


def test_an_error_can_be_pickled() -> None:
    error = body(
        {"message": "slow down", "code": "x", "param": "p"}, 429, headers={"Retry-After": "7"}
    )
    copy = pickle.loads(pickle.dumps(error))
    assert str(copy) == str(error) == error.message
    assert vars(copy) == vars(error)
    assert (copy.status_code, copy.code, copy.param, copy.retry_after_s) == (429, "x", "p", 7.0)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["error", "message", "code", "metadata", "detail", "loc", "param"]),
            inner,
        )
    ),
)


@given(_json, st.none() | st.integers(100, 999))
def test_no_body_makes_it_raise(error: object, status: int | None) -> None:
    result = body(error, status)
    str(result).encode()
    (result.detail or "").encode()


# --- exceptions ---


def explained(exc: BaseException) -> ChatError:
    return explain(exc, server="OpenRouter", key_env="OPENROUTER_API_KEY", model="some/model")


def ask(base_url: str, api_key: str = KEY, read_timeout_s: float = 10) -> ChatError:
    """Makes a request by the real SDK and explains how it failed."""

    async def request() -> ChatError:
        client = openai.AsyncOpenAI(
            base_url=base_url,
            api_key=api_key,
            max_retries=0,
            timeout=openai.Timeout(10, read=read_timeout_s),
        )
        try:
            async with (
                client,
                client.chat.completions.with_streaming_response.create(
                    model="some/model", messages=[], stream=True
                ) as response,
            ):
                async for _ in response.http_response.aiter_bytes():
                    pass
        except Exception as exc:
            return explained(exc)
        pytest.fail("the request did not fail")

    return asyncio.run(request())


@contextmanager
def answering(answer: bytes | None) -> Iterator[str]:
    """A server that gives this answer to one request; None is silence."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                request = b""
                while b"\r\n\r\n{" not in request and (piece := connection.recv(65536)):
                    request += piece
                if answer is None:
                    connection.recv(1)
                else:
                    connection.sendall(answer)

        thread = Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        thread.join(10)
        assert not thread.is_alive()


def http(status: str, content: bytes, *headers: str) -> bytes:
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(content)}", *headers, "", ""]
    return "\r\n".join(head).encode() + content


def test_a_status_error_of_the_sdk_keeps_its_body_and_headers() -> None:
    content = json.dumps({"error": {"message": "slow down", "code": 429}}).encode()
    with answering(
        http("429 No", content, "Content-Type: application/json", "Retry-After: 7")
    ) as url:
        error = ask(url)
    assert (error.status_code, error.retryable, error.retry_after_s) == (429, True, 7.0)
    assert "slow down" in str(error)
    assert error.__cause__ is None
    pickle.dumps(error)


def test_a_page_in_place_of_an_error_is_told() -> None:
    page = b"<html><head><title>502 Bad Gateway</title></head></html>"
    with answering(http("502 No", page, "Content-Type: text/html")) as url:
        error = ask(url)
    assert "502 Bad Gateway" in str(error)
    assert error.retryable


def test_a_port_where_nobody_listens(silent_port: int) -> None:
    for host in ("127.0.0.1", "localhost"):
        error = ask(f"http://{host}:{silent_port}/v1")
        assert "refused the connection" in str(error)
        assert error.retryable


def test_a_connection_that_ends_too_early() -> None:
    for answer in (b"", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"):
        with answering(answer) as url:
            error = ask(url)
        assert "was lost before the reply ended" in str(error)
        assert error.retryable


def test_a_server_that_says_nothing() -> None:
    with answering(None) as url:
        error = ask(url, read_timeout_s=0.2)
    assert "too long to answer" in str(error)
    assert error.retryable


def test_https_to_a_server_without_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(http("400 No", b""))

        thread = Thread(target=serve, daemon=True)
        thread.start()
        error = ask(f"https://127.0.0.1:{listener.getsockname()[1]}/v1")
        thread.join(10)
    assert "it speaks HTTP. Use http:// in base_url." in str(error)
    assert not error.retryable


@pytest.mark.parametrize(
    "answer",
    [
        http(
            "400 Bad Request",
            b"<html><title>400 The plain HTTP request was sent to HTTPS port</title>",
        ),
        http("400 Bad Request", b"Client sent an HTTP request to an HTTPS server.\n"),
    ],
)
def test_http_to_a_server_that_speaks_https(answer: bytes) -> None:
    with answering(answer) as url:
        error = ask(url)
    assert "speaks HTTPS. Use https:// in base_url." in str(error)
    assert not error.retryable


def test_a_base_url_without_a_scheme() -> None:
    error = ask("127.0.0.1:8080/v1")
    assert "begin with http:// or https://" in str(error)
    assert not error.retryable


@pytest.mark.parametrize("key", ["sk-abc\ndef", "sk-abc…def"])
def test_a_key_that_cannot_be_sent_is_not_shown(key: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        error = ask(f"http://127.0.0.1:{listener.getsockname()[1]}/v1", api_key=key)
    assert "Check OPENROUTER_API_KEY" in str(error)
    for text in (str(error), error.detail or ""):
        assert "abc" not in text
        assert "def" not in text
    assert not error.retryable


def test_no_key_at_all() -> None:
    with pytest.raises(openai.OpenAIError) as caught:
        openai.AsyncOpenAI(api_key=None)
    assert "Set OPENROUTER_API_KEY" in str(explained(caught.value))


@pytest.mark.parametrize(
    ("cause", "words", "retryable"),
    [
        (socket.gaierror(-2, "Name or service not known"), "host name was not found", True),
        (ssl.SSLCertVerificationError("self-signed certificate"), "No secure connection", False),
        (ConnectionRefusedError(111, "Connection refused"), "refused the connection", True),
        (ConnectionResetError(104, "Connection reset by peer"), "was lost", True),
        (OSError(101, "Network is unreachable"), "Can't reach OpenRouter", True),
        (TimeoutError(), "too long to answer", True),
        (ValueError("odd thing"), "failed unexpectedly. ValueError: odd thing", False),
    ],
)
@pytest.mark.parametrize("hidden", [False, True])
def test_the_real_cause_is_found(
    cause: Exception, words: str, retryable: bool, hidden: bool
) -> None:
    exc: BaseException = cause
    if hidden and not isinstance(cause, ValueError):
        exc = RuntimeError("Connection error.")
        exc.__cause__ = OSError("All attempts failed")
        exc.__cause__.__context__ = cause
        exc.__cause__.__suppress_context__ = True
    error = explained(exc)
    assert words in str(error)
    assert error.retryable is retryable


def test_a_chat_error_passes_through() -> None:
    error = ChatError("Enough.")
    assert explained(error) is error


def test_a_ring_of_causes_ends() -> None:
    error = ValueError("a")
    error.__cause__ = KeyError("b")
    error.__cause__.__cause__ = error
    assert "unexpected" in str(explained(error))


# --- recorded bodies: words of the message, words of the server, whether a retry may help ---

_CONTEXT = "conversation is too long for some/model"
_REQUEST = "rejected the request"
_WRONG_KEY = "rejected the API key. Check OPENROUTER_API_KEY"
_NO_MODEL = "some/model isn't available"
_RATE = "Rate limit reached for some/model"

_RECORDED = {
    "deepseek__400__08": (_CONTEXT, "1048565 tokens. However, you requested 1250025", False),
    "deepseek__400__21": (_REQUEST, "unknown variant `input_audio`", False),
    "deepseek__400__24": (_REQUEST, "Thinking mode does not support this tool_choice", False),
    "deepseek__401__02": (_WRONG_KEY, "Authentication Fails", False),
    "deepseek__401__22": (_WRONG_KEY, "Authentication Fails", False),
    "documented-openrouter__403__guardrail": ("blocked", "prompt injection", False),
    "documented-openrouter__429__capacity_exhausted": (_RATE, "Retry after 40 seconds", True),
    "doubleword__400__26": (_REQUEST, "Temperature must be between 0 and 2", False),
    "doubleword__404__27": (_NO_MODEL, "definitely-not-a-doubleword-model", False),
    "groq__400__15": (_REQUEST, "Tool call validation failed", False),
    "groq__400__16": (_REQUEST, "Tool choice is required", False),
    "groq__401__28": (_WRONG_KEY, "Invalid API Key", False),
    "groq__404__12": (_NO_MODEL, "llama-3.3-70b-versatlie", False),
    "groq__404__29": (_NO_MODEL, "groq-nonexistent-model", False),
    "llamacpp__400__30": (_CONTEXT, "2009 tokens) exceeds the available context size (512", False),
    "llamacpp__400__31": (_REQUEST, "Field 'temperature'", False),
    "llamacpp__400__37": (_REQUEST, "unsupported content[].type", False),
    "llamacpp__500__34": (_REQUEST, "image input is not supported", False),
    "llamacpp__500__36": ("an internal error", "cannot make GET request", True),
    "mistral__400__39": (_REQUEST, "Logprobs are not enabled", False),
    "mistral__400__40": (_NO_MODEL, "definitely-not-a-model", False),
    "mistral__401__03": (_WRONG_KEY, "Invalid API Key", False),
    "mistral__401__41": (_WRONG_KEY, "Invalid API Key", False),
    "ollama__400__09": (_CONTEXT, "exceeded max context length by 1119046 tokens", False),
    "ollama__401__04": (_WRONG_KEY, "Unauthorized", False),
    "openai__400__17": ("rejected the request", "Content blocks are expected", False),
    "openai__400__18": ("rejected the request", "does not support 'developer'", False),
    "openai__400__19": ("rejected the request", "Web search options", False),
    "openai__400__42": ("rejected the request", "decimal above maximum value", False),
    "openai__404__13": (_NO_MODEL, "gpt-5.2-proo", False),
    "openrouter__400__43": (_NO_MODEL, "gpt-nonexistent-routed-model", False),
    "openrouter__401__05": ("Set OPENROUTER_API_KEY", "Missing Authentication header", False),
    "openrouter__404__free-ended": (_NO_MODEL, "stepfun/step-3.5-flash:free", False),
    "openrouter__429__20": (_RATE, "temporarily rate-limited upstream", True),
    "openrouter__429__free-daily": ("Today's free requests on", "Add 10 credits", False),
    "openrouter__429__upstream-pool": (_RATE, "BaseTen said: z-ai/glm-5.3-flash", True),
    "perplexity__400__11": (_CONTEXT, "total length of all messages is too long", False),
    "perplexity__401__06": (_WRONG_KEY, "Invalid API key provided", False),
    "vllm-venice__404__44": (_NO_MODEL, "Did you mean: venice-uncensored-1-2", False),
}


@needs_wire
def test_recorded_errors_name_the_real_cause() -> None:
    files = {file.stem: file for file in (WIRE / "errors").glob("*.json")}
    assert set(files) == set(_RECORDED)
    for name, (words, said, retryable) in _RECORDED.items():
        whole = json.loads(files[name].read_text())
        status = int(name.split("__")[1])
        # The SDK hands on the inner error, where there is one.
        for error in (whole, whole.get("error", whole)):
            result = body(error, status)
            assert words in str(result), name
            assert said in str(result), name
            assert result.retryable is retryable, name
            assert result.status_code == status, name
            assert "user_" not in (result.detail or ""), name


@pytest.mark.parametrize("sent_key", [True, False, None])
def test_only_a_request_without_a_key_was_sent_no_key(sent_key: bool | None) -> None:
    error = explain_body(
        {"error": {"message": "No auth credentials found", "code": 401}},
        status=401,
        server="OpenRouter",
        key_env="OPENROUTER_API_KEY",
        sent_key=sent_key,
    )
    assert ("This request had none" in str(error)) == (sent_key is False)
    assert ("rejected the API key" in str(error)) == (sent_key is True)
    assert error.kind == ("key" if sent_key else "no_key")
