"""Signing in from the chat; what becomes of the key, the code and the verifier."""

from __future__ import annotations

import gc
import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ipywidgets
import pytest
import sse_server as sse
from pages import ask_page
from sse_server import Request, ScriptedServer
from test_servers import card, choose, labels, snapshot
from until import TIMEOUT, until

from nbchat import ChatError, ChatWidget
from nbchat._chat.keys import Secret
from nbchat._servers import discovery, local_model, providers

KEY = "sk-or-v1-of-this-file-01234567"
CODE = "code-fedcba9876543210"


@pytest.fixture
def chat(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, empty_cache: Path
) -> Iterator[ChatWidget]:
    """A chat without a key, whose OpenRouter is the scripted server."""
    monkeypatch.setattr(providers, "OPENROUTER_URL", server.base_url)
    monkeypatch.setattr(local_model, "runtime_installed", lambda: False)
    monkeypatch.setattr(discovery, "find_servers", list)
    server.models = [{"id": "openrouter/free"}]
    chat = ChatWidget()
    yield chat
    chat.close()


def accept(request: Request) -> sse.Step:
    return sse.status(200, {"key": KEY, "user_id": "user"})


def sign_in(chat: ChatWidget, code: str = CODE) -> None:
    ask_page(chat, "secret", way="sign-in", value=code)


def test_signing_in(chat: ChatWidget, server: ScriptedServer) -> None:
    server.answers["/auth/keys"] = accept
    choose(chat, "sign-in")
    assert "code_challenge_method=S256" in card(chat)["sign_in"]
    sign_in(chat)
    until(lambda: chat.model == "openrouter/free")
    assert card(chat) == {}
    chat.send("Hi").wait(TIMEOUT)
    assert server.chats[0].headers["authorization"] == f"Bearer {KEY}"


def test_a_code_that_is_not_accepted(chat: ChatWidget, server: ScriptedServer) -> None:
    server.answers["/auth/keys"] = lambda _: sse.status(403, {"error": {"message": "Invalid code"}})
    choose(chat, "sign-in")
    before = card(chat)["sign_in"]
    sign_in(chat)
    until(lambda: "not accepted" in card(chat)["problem"])
    assert card(chat)["sign_in"] != before, "a new attempt has a new challenge"
    server.answers["/auth/keys"] = accept
    sign_in(chat)
    until(lambda: chat.model == "openrouter/free")


def test_signing_in_can_be_given_up(chat: ChatWidget) -> None:
    first = card(chat)
    choose(chat, "sign-in")
    assert card(chat)["ways"] == []
    choose(chat, "cancel")
    assert card(chat) == first
    with pytest.raises(ValueError, match="has ended"):
        sign_in(chat)


def test_a_message_waits_for_the_key(chat: ChatWidget, server: ScriptedServer) -> None:
    chat.send("Hi")
    until(lambda: snapshot(chat)["messages"][-1]["error"])
    assert not snapshot(chat)["messages"][-1]["error"]["retryable"], "a retry can't help"
    ask_page(chat, "secret", way="key", value=KEY)
    until(lambda: not chat.busy and chat.last.text == "You said: Hi")
    assert len(snapshot(chat)["messages"]) == 2  # the error is gone
    assert card(chat) == {}


def test_what_there_is_comes_first(chat: ChatWidget, monkeypatch: pytest.MonkeyPatch) -> None:
    assert labels(chat) == ["Sign in to OpenRouter", "Paste a key", "Server address"]
    assert card(chat)["ways"][0]["primary"]
    assert "nbchat-widget[local]" in card(chat)["text"]
    monkeypatch.setenv("OPENAI_API_KEY", "sk-found")
    monkeypatch.setenv("XAI_API_KEY", "sk-found")
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "of no use without an address")
    second = ChatWidget()
    assert labels(second)[:3] == ["Use OpenAI", "Use xAI", "Sign in to OpenRouter"]
    assert [each["label"] for each in card(second)["ways"] if each["primary"]] == ["Use OpenAI"]
    choose(second, "key:openai")
    assert "api.openai.com" in repr(second)
    second.close()


def test_a_message_without_a_model_brings_the_card_back(chat: ChatWidget) -> None:
    chat._models.welcome.done()
    chat.send("Hi")
    until(lambda: card(chat))


def test_a_key_that_cannot_be_one_is_refused(chat: ChatWidget) -> None:
    for key in ("", "sk-with-ünicode", "two\nlines", "x" * 10_001):
        with pytest.raises(ValueError, match="API key"):
            ask_page(chat, "secret", way="key", value=key)
    assert card(chat)["title"] == "Connect a model"


@pytest.mark.parametrize(
    ("key", "host"),
    [
        ("sk-ant-api03-0123456789", "api.anthropic.com"),
        ("sk-proj-0123456789", "api.openai.com"),
        ("gsk_0123456789", "api.groq.com"),
        ("AIza0123456789", "generativelanguage.googleapis.com"),
        ("xai-0123456789", "api.x.ai"),
        ("csk-0123456789", "api.cerebras.ai"),
        ("fw_0123456789", "api.fireworks.ai"),
        ("hf_0123456789", "router.huggingface.co"),
    ],
)
def test_a_key_is_its_providers(chat: ChatWidget, key: str, host: str) -> None:
    ask_page(chat, "secret", way="key", value=key)
    assert chat._connection.provider is not None
    assert chat._connection.provider.host == host
    assert chat._connection.provider.key == Secret(key)


def test_a_key_of_unknown_form_goes_to_nobody_before_the_user_has_chosen(
    chat: ChatWidget, server: ScriptedServer
) -> None:
    ask_page(chat, "secret", way="key", value="sk-0123456789abcdef")
    assert chat._connection.provider is None
    assert "Which provider" in card(chat)["title"]
    assert {"OpenAI", "DeepSeek", "Mistral", "Together"} <= set(labels(chat)[:4])
    choose(chat, "cancel")
    with pytest.raises(ValueError, match="no longer"):
        choose(chat, "owner:deepseek")
    ask_page(chat, "secret", way="key", value="sk-0123456789abcdef")
    choose(chat, "owner:deepseek")
    assert chat._connection.provider is not None
    assert chat._connection.provider.host == "api.deepseek.com"
    assert chat._connection.provider.key == Secret("sk-0123456789abcdef")
    assert server.requests == []


def test_another_providers_key_is_not_sent_to_a_server_that_rejected_one(
    chat: ChatWidget, server: ScriptedServer
) -> None:
    chat.use_server("openai", api_key="sk-proj-wrong")
    chat._models.welcome.other_key()
    with pytest.raises(ValueError, match="from Anthropic, not from OpenAI"):
        ask_page(chat, "secret", way="key", value="sk-ant-0123456789")
    assert chat._connection.provider is not None
    assert chat._connection.provider.key == Secret("sk-proj-wrong")


def test_an_address_is_tested_before_it_is_used(
    chat: ChatWidget, server: ScriptedServer, silent_port: int
) -> None:
    chat.send("Hi")
    until(lambda: snapshot(chat)["messages"][-1]["error"])
    ask_page(chat, "connect_to", base_url=f"http://127.0.0.1:{silent_port}/v1", key="")
    until(lambda: "refused the connection" in card(chat)["problem"])
    assert "Server address" in labels(chat), "it can be corrected"
    server.models = [{"id": "mine"}]
    ask_page(chat, "connect_to", base_url=server.base_url, key="sk-mine")
    until(lambda: not chat.busy and chat.last is not None and chat.last.text == "You said: Hi")
    assert card(chat) == {}
    assert server.chats[0].headers["authorization"] == "Bearer sk-mine"


def test_nothing_of_it_is_for_visitors(make: Callable[..., ChatWidget]) -> None:
    shared = make(shared=True)
    assert snapshot(shared)["connect"] is None
    assert snapshot(shared)["suggestions"] == []
    for type_, values in (
        ("connect", {"way": "sign-in"}),
        ("secret", {"way": "key", "value": KEY}),
        ("connect_to", {"base_url": "http://127.0.0.1:9/v1", "key": ""}),
        ("servers", {}),
    ):
        with pytest.raises(ValueError, match="shared page"):
            ask_page(shared, type_, **values)


def test_no_secret_gets_out(
    chat: ChatWidget,
    server: ScriptedServer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    from IPython.core.ultratb import VerboseTB

    caplog.set_level(logging.DEBUG)
    sent: list[Any] = []
    monkeypatch.setattr(
        chat._transcript, "send", lambda content, buffers=None: sent.append((content, buffers))
    )
    verifiers: list[str] = []

    def exchange(request: Request) -> sse.Step:
        verifiers.append(request.body["code_verifier"])
        return accept(request)

    server.answers["/auth/keys"] = exchange
    choose(chat, "sign-in")
    sign_in(chat)
    until(lambda: chat.model == "openrouter/free")
    chat.send("Hi").wait(TIMEOUT)
    # A server that says the key it got.
    server.script(sse.status(401, {"error": {"message": f"Incorrect API key provided: {KEY}"}}))
    shown = ""
    try:
        chat.send("Again").wait(TIMEOUT)
    except ChatError as error:
        shown = VerboseTB("nocolor").text(type(error), error, error.__traceback__)
    assert "ChatError" in shown
    chat._models.ask_key()
    until(lambda: card(chat))
    state = ipywidgets.Widget.get_manager_state(widgets=None)
    said = {
        "widget state": json.dumps(state, default=repr),
        "messages to the browser": repr(sent),
        "snapshot": repr(snapshot(chat)),
        "repr": repr(chat) + repr(vars(chat)) + repr(vars(chat._connection)),
        "traceback": shown,
        "log": caplog.text,
        "output": "".join(capfd.readouterr()),
        "cache": "".join(p.read_text() for p in _files()),
    }
    for place, text in said.items():
        for secret in (KEY, CODE, *verifiers):
            assert secret not in text, place
    assert len(verifiers) == 1
    assert KEY in server.chats[0].headers["authorization"]
    gc.collect()


def _files() -> list[Path]:
    from nbchat._servers.model_cache import cache_dir

    return [path for path in cache_dir().rglob("*") if path.is_file()]
