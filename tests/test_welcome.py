"""Signing in from the chat; what becomes of the key, the code and the verifier."""

from __future__ import annotations

import gc
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ipywidgets
import pytest
import sse_server as sse
from pages import ask_page
from sse_server import Request, ScriptedServer
from test_servers import notices, press, snapshot
from until import TIMEOUT, until

from nbchat import ChatError, ChatWidget
from nbchat._servers import discovery, local_model, providers

KEY = "sk-or-v1-0123456789abcdef"
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
    ask_page(chat, "secret", notice="sign-in", value=code)


def test_signing_in(chat: ChatWidget, server: ScriptedServer) -> None:
    server.answers["/auth/keys"] = accept
    press(chat, "no-model", "sign-in")
    notice = notices(chat)["sign-in"]
    assert "code_challenge_method=S256" in notice["text"]
    assert (notice["secret_label"], notice["secret_button"]) == ("Code from OpenRouter", "Sign in")
    sign_in(chat)
    until(lambda: chat.model == "openrouter/free")
    assert notices(chat) == {}
    chat.send("Hi").wait(TIMEOUT)
    assert server.chats[0].headers["authorization"] == f"Bearer {KEY}"


def test_a_code_that_is_not_accepted(chat: ChatWidget, server: ScriptedServer) -> None:
    server.answers["/auth/keys"] = lambda _: sse.status(403, {"error": {"message": "Invalid code"}})
    press(chat, "no-model", "sign-in")
    before = notices(chat)["sign-in"]["text"]
    sign_in(chat)
    until(lambda: notices(chat)["sign-in"]["tone"] == "error")
    text = notices(chat)["sign-in"]["text"]
    assert "not accepted" in text
    assert before not in text, "a new attempt has a new challenge"
    server.answers["/auth/keys"] = accept
    sign_in(chat)
    until(lambda: chat.model == "openrouter/free")


def test_signing_in_can_be_given_up(chat: ChatWidget) -> None:
    press(chat, "no-model", "sign-in")
    assert list(notices(chat)) == ["sign-in"]  # in the place of the other card
    press(chat, "sign-in", "cancel")
    assert list(notices(chat)) == ["no-model"]
    with pytest.raises(ValueError, match="no longer"):
        sign_in(chat)


def test_a_message_waits_for_the_key(chat: ChatWidget, server: ScriptedServer) -> None:
    chat.send("Hi")
    until(lambda: snapshot(chat)["messages"][-1]["error"])
    assert not snapshot(chat)["messages"][-1]["error"]["retryable"], "a retry can't help"
    ask_page(chat, "secret", notice="no-model", value=KEY)
    until(lambda: not chat.busy and chat.last.text == "You said: Hi")
    assert len(snapshot(chat)["messages"]) == 2  # the error is gone
    assert notices(chat) == {}


def test_keys_in_the_environment_are_offered_first(
    chat: ChatWidget, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "Found" not in notices(chat)["no-model"]["text"]
    monkeypatch.setenv("OPENAI_API_KEY", "sk-found")
    monkeypatch.setenv("XAI_API_KEY", "sk-found")
    second = ChatWidget()
    card = notices(second)["no-model"]
    assert "a key for OpenAI and xAI" in card["text"]
    labels = [action["label"] for action in card["actions"]]
    assert labels == ["Use OpenAI", "Use xAI", "Sign in to OpenRouter"]
    press(second, "no-model", "openai")
    assert "api.openai.com" in repr(second)
    second.close()


def test_a_closed_first_card_comes_back_when_it_is_needed(chat: ChatWidget) -> None:
    press(chat, "no-model", "close")
    assert notices(chat) == {}
    chat.send("Hi")
    until(lambda: "no-model" in notices(chat))


def test_a_key_that_cannot_be_one_is_refused(chat: ChatWidget) -> None:
    for key in ("", "sk-with-ünicode", "two\nlines"):
        with pytest.raises(ValueError, match="API key"):
            ask_page(chat, "secret", notice="no-model", value=key)
    assert "no-model" in notices(chat)


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
    press(chat, "no-model", "sign-in")
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
    until(lambda: "no-model" in notices(chat))
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
