"""Servers and their models, as the chat gets to know them over real sockets."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import ssl
import stat
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sse_server as sse
from pages import ask_page
from sse_server import DONE, ScriptedServer
from until import TIMEOUT, until
from wire import WIRE, needs_wire

from nbchat import ChatError, ChatWidget
from nbchat._chat.keys import Secret
from nbchat._servers import model_cache, providers
from nbchat._servers.account import account

Make = Callable[..., ChatWidget]

FULL = {
    "id": "a/thinker",
    "name": "Thinker",
    "context_length": 100_000,
    "top_provider": {"max_completion_tokens": 20_000},
    "pricing": {"prompt": "0.000001", "completion": "0.000002"},
    "supported_parameters": ["max_tokens", "reasoning"],
    "architecture": {"input_modalities": ["text"], "output_modalities": ["text"]},
    "reasoning": {
        "mandatory": True,
        "supported_efforts": ["high", "low"],
        "default_effort": "high",
    },
}
PLAIN = {"id": "b/plain", "supported_parameters": ["temperature", "max_tokens", "top_p"]}


@pytest.fixture(autouse=True)
def _own_cache(empty_cache: Path) -> None:
    """No list of another test's server is known."""


def snapshot(chat: ChatWidget) -> dict[str, Any]:
    state: dict[str, Any] = chat._transcript.get_state()["snapshot"]
    return state


def notices(chat: ChatWidget) -> dict[str, dict[str, Any]]:
    return {notice["id"]: notice for notice in snapshot(chat)["notices"]}


def card(chat: ChatWidget) -> dict[str, Any]:
    """The card that connects a model; empty if it is not shown."""
    return snapshot(chat)["connect"] or {}


def labels(chat: ChatWidget) -> list[str]:
    return [way["label"] for way in card(chat).get("ways", ())]


def choose(chat: ChatWidget, way: str) -> None:
    ask_page(chat, "connect", way=way)


def press(chat: ChatWidget, notice: str, action: str) -> None:
    ask_page(chat, "action", notice=notice, action=action)


def loaded(chat: ChatWidget) -> ChatWidget:
    """As a page does it that shows the chat."""
    chat._connection.load_models()
    until(lambda: (task := chat._connection._loading) is not None and task.done())
    return chat


# The catalogue


def test_the_first_request_already_knows_what_the_model_takes(
    make: Make, server: ScriptedServer
) -> None:
    server.models = [FULL]
    make(model="a/thinker").send("Hi").wait(TIMEOUT)
    body = server.chats[0].body
    assert body["reasoning"] == {"effort": "high"}
    assert not {"temperature", "top_p"} & set(body)


def test_a_list_that_never_comes_holds_up_no_message(
    make: Make, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nbchat._servers.connection._PATIENCE_S", 0.05)
    server.models = sse.hang()
    assert make().send("Hi").wait(TIMEOUT).text == "You said: Hi"


def test_the_list_is_kept_for_when_the_network_is_away(
    make: Make, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.models = [FULL, PLAIN]
    loaded(make(model="a/thinker"))
    until(lambda: model_cache.read(server.base_url))
    (kept,) = (model_cache.cache_dir() / "models").iterdir()
    if os.name != "nt":
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    server.models = sse.status(503, "away")
    monkeypatch.setattr("nbchat._servers.connection._listed", {})  # another kernel
    chat = make(model="a/thinker")
    chat._connection.load_models()
    until(lambda: chat._connection.catalogue.models)
    assert not chat._connection.catalogue.is_live
    assert chat._controls.model.options[:2] == ("a/thinker", "b/plain")
    chat.send("Hi").wait(TIMEOUT)
    assert "temperature" not in server.chats[0].body


def test_a_kept_list_is_shown_until_the_new_one_is_here(make: Make, server: ScriptedServer) -> None:
    model_cache.write(server.base_url, {"data": [PLAIN]})
    arrived = threading.Event()
    server.models = sse.gate(arrived)
    chat = make(model="")
    chat._connection.load_models()
    until(lambda: chat.model == "b/plain")
    arrived.set()


@pytest.mark.parametrize("kept", [b"", b"{", b"[1, 2]", b'{"data": 3}', b"\xff\xfe"])
def test_a_kept_list_that_is_damaged(make: Make, server: ScriptedServer, kept: bytes) -> None:
    path = model_cache._list_path(server.base_url)
    path.parent.mkdir(parents=True)
    path.write_bytes(kept)
    loaded(make())
    until(lambda: model_cache.read(server.base_url) == {"data": server.models})


def test_a_cache_that_cannot_be_written_costs_nothing(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.mkstemp", full)
    assert loaded(make()).send("Hi").wait(TIMEOUT).text == "You said: Hi"


def test_only_so_many_lists_are_kept(empty_cache: Path) -> None:
    for port in range(model_cache._KEPT_LISTS + 5):
        model_cache.write(f"http://127.0.0.1:{port}/v1", {"data": []})
    assert len(list((model_cache.cache_dir() / "models").iterdir())) == model_cache._KEPT_LISTS


def test_an_old_list_is_fetched_again(
    make: Make, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = loaded(make())
    server.models = [{"id": "test/model"}, {"id": "quite/new"}]
    assert chat._controls.model.options[0] == "test/model"
    loaded(chat)
    assert "quite/new" not in chat._controls.model.options, "it is fresh"
    monkeypatch.setattr("nbchat._servers.connection._FRESH_S", -1.0)
    chat._connection.load_models()
    until(lambda: "quite/new" in chat._controls.model.options)


def test_the_next_chat_opens_with_the_list_of_its_own_server(
    make: Make, server: ScriptedServer
) -> None:
    server.models = [{"id": "test/model"}, {"id": "listed/here"}]
    loaded(make())
    chat = make(model="")
    assert "listed/here" in chat._controls.model.options
    assert chat.model == "listed/here"  # the first
    with ScriptedServer() as other:
        assert "listed/here" not in make(base_url=other.base_url)._controls.model.options


def test_openrouter_is_asked_for_what_the_account_may_use(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(providers, "OPENROUTER_URL", server.base_url)
    chat = loaded(ChatWidget(api_key="sk-or-x", model="test/model"))
    assert "/models/user" in [request.path for request in server.requests]
    chat.close()


def test_a_list_that_could_not_be_loaded_is_no_secret(
    make: Make, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nbchat._servers.connection._FAILED_S", -1)
    listed, server.models = server.models, sse.status(503, "away")
    chat = make()
    chat._connection.load_models()
    until(lambda: snapshot(chat)["list_problem"] == "The list of models could not be loaded.")
    server.models = listed
    chat._connection.load_models()  # the menu is opened, or a message sent
    until(lambda: snapshot(chat)["list_problem"] == "")
    assert chat._connection.catalogue.is_live


def test_the_menu_is_in_the_order_of_what_it_shows(make: Make, server: ScriptedServer) -> None:
    ids = ("z/guard-2", "b/free:free", "openrouter/auto", "a/first")
    server.models = [{"id": id_, "name": f"Vendor: {id_[::-1]}"} for id_ in ids]
    chat = make(model="")
    chat._connection.load_models()
    until(lambda: chat._connection.catalogue.is_live and chat.model)
    options = chat._controls.model.options
    assert options[:-1] == ("a/first", "b/free:free", "openrouter/auto", "z/guard-2")
    assert chat.model == "b/free:free"  # the default is still a free one


def test_what_the_browser_gets_of_the_models(make: Make, server: ScriptedServer) -> None:
    server.models = [FULL, PLAIN]
    chat = loaded(make(model="a/thinker"))
    before = snapshot(chat)["catalogue"]
    assert snapshot(chat)["model_info"]["prompt_price"] == 1.0
    _, content = ask_page(chat, "models")
    assert [model["id"] for model in json.loads(content)] == ["a/thinker", "b/plain"]
    ask_page(chat, "model", id="typed/by-hand")
    assert (chat.model, snapshot(chat)["model_info"]) == ("typed/by-hand", None)
    assert snapshot(chat)["catalogue"] == before, "the list is the same"
    given = make(models=["b/plain", "my/own"], model="b/plain")
    listed = json.loads(ask_page(loaded(given), "models")[1])
    assert [model["id"] for model in listed] == ["b/plain", "my/own"]


@needs_wire
@pytest.mark.parametrize(
    "path",
    sorted([*WIRE.glob("openrouter-models-*.json"), *WIRE.glob("models-other/*.json")]),
    ids=lambda path: path.stem,
)
def test_a_recorded_list_becomes_the_menu(make: Make, server: ScriptedServer, path: Path) -> None:
    body = json.loads(path.read_text(encoding="utf-8"))
    server.models = sse.status(200, body)
    chat = loaded(make(model=""))
    listed = json.loads(ask_page(chat, "models")[1])
    menu = sorted(listed, key=lambda model: (not model["chats"], model["id"].casefold()))
    assert chat._controls.model.options[:-1] == tuple(model["id"] for model in menu)
    for model in listed[:: len(listed) // 20 + 1]:
        chat.model = model["id"]
        until(lambda: chat._controls.settings["max_tokens"].value == chat.max_tokens)
        assert chat._controls.reasoning_effort.value == chat.reasoning_effort
        assert snapshot(chat)["model_info"]["id"] == chat.model
    assert chat.send("Hi").wait(TIMEOUT).status == "complete"


# Controls follow the model


def test_the_controls_are_the_models_own(make: Make, server: ScriptedServer) -> None:
    server.models = [FULL, PLAIN]
    chat = loaded(make(model="a/thinker"))
    controls = chat._controls
    assert [value for _, value in controls.reasoning_effort.options] == ["low", "high"]
    assert (chat.reasoning_effort, controls.reasoning_effort.value) == ("high", "high")
    assert controls.settings["max_tokens"].max == 20_000
    assert controls.settings["temperature"].disabled
    assert snapshot(chat)["why_disabled"] == {
        "temperature": "a/thinker ignores temperature.",
        "top_p": "a/thinker ignores top_p.",
    }
    with pytest.raises(ValueError, match="low, high"):
        chat.reasoning_effort = "max"
    with pytest.raises(ValueError, match="20000"):
        chat.max_tokens = 20_001
    chat.model = "b/plain"
    assert controls.reasoning_effort.disabled
    assert not controls.settings["temperature"].disabled
    assert "does not reason" in snapshot(chat)["why_disabled"]["reasoning_effort"]
    assert controls.settings["max_tokens"].max == 65_535


def test_the_effort_beside_the_box_is_the_settings_own(make: Make, server: ScriptedServer) -> None:
    server.models = [FULL, PLAIN]
    chat = loaded(make(model="a/thinker"))
    assert (snapshot(chat)["efforts"], snapshot(chat)["effort"]) == (
        {"low": "low", "high": "high"},
        "high",
    )
    ask_page(chat, "effort", effort="low")
    assert (chat.reasoning_effort, chat._controls.reasoning_effort.value) == ("low", "low")
    chat._controls.reasoning_effort.value = "high"
    assert snapshot(chat)["effort"] == "high"
    with pytest.raises(ValueError, match="low, high"):
        ask_page(chat, "effort", effort="max")
    assert chat.reasoning_effort == "high"
    chat.model = "b/plain"
    assert snapshot(chat)["efforts"] == {}


def test_a_choice_comes_back_with_a_model_that_offers_it(
    make: Make, server: ScriptedServer
) -> None:
    small = {"id": "c/small", "top_provider": {"max_completion_tokens": 1000}}
    server.models = [FULL, PLAIN, small]
    chat = loaded(make(model="c/small", reasoning_effort="low", max_tokens=5000))
    assert chat.max_tokens == 1000
    chat.model = "a/thinker"
    assert (chat.max_tokens, chat.reasoning_effort) == (5000, "low")
    chat.reasoning_effort = "high"
    chat.model = "c/small"
    chat._controls.reasoning_effort.value = "medium"
    chat.model = "a/thinker"
    assert chat.reasoning_effort == "high", "medium is not offered: the model's own default"
    chat.model = "c/small"
    assert chat.reasoning_effort == "medium"


def test_reasoning_that_can_only_be_switched(make: Make, server: ScriptedServer) -> None:
    switched = {"id": "s/w", "reasoning": {"mandatory": False, "default_enabled": True}}
    server.models = [switched]
    chat = loaded(make(model="s/w"))
    assert chat._controls.reasoning_effort.options == (("Off", "none"), ("On", "medium"))
    chat.send("Hi").wait(TIMEOUT)
    chat.reasoning_effort = "none"
    chat.send("Hi").wait(TIMEOUT)
    assert [request.body["reasoning"] for request in server.chats] == [
        {"enabled": True},
        {"enabled": False},
    ]


def test_max_tokens_beyond_the_usual(make: Make, server: ScriptedServer) -> None:
    server.models = [{"id": "big", "top_provider": {"max_completion_tokens": 200_000}}]
    chat = loaded(make(model="big"))
    chat.max_tokens = 150_000
    assert chat._controls.settings["max_tokens"].value == 150_000
    chat.send("Hi").wait(TIMEOUT)
    assert server.chats[0].body["max_tokens"] == 150_000


def test_a_refused_parameter_greys_its_control(make: Make, server: ScriptedServer) -> None:
    chat = loaded(make())
    refusal = {"error": {"message": "Unsupported", "param": "temperature", "code": "unsupported"}}
    server.script(sse.status(400, refusal))
    reply = chat.send("Hi").wait(TIMEOUT)
    assert reply.text == "You said: Hi"
    assert "temperature" in server.chats[0].body
    assert "temperature" not in server.chats[1].body
    assert reply.notes == ("Sent without temperature: test/model does not accept it here.",)
    assert "refused" in snapshot(chat)["why_disabled"]["temperature"]
    chat.send("Again").wait(TIMEOUT)
    assert "temperature" not in server.chats[2].body
    assert chat.last.notes == ()


# A model that is gone


def test_a_model_that_is_gone_is_said_and_the_nearest_offered(
    make: Make, server: ScriptedServer
) -> None:
    server.models = [{"id": "x/new:free"}, {"id": "x/paid"}]
    chat = loaded(make(model="x/old:free"))
    notice = notices(chat)["gone"]
    assert "x/old:free" in notice["text"]
    assert [action["label"] for action in notice["actions"]] == [
        "Use x/new:free",
        "Keep x/old:free",
    ]
    press(chat, "gone", "use")
    assert chat.model == "x/new:free"
    assert notices(chat) == {}
    chat.model = "x/old:free"
    press(chat, "gone", "keep")
    chat._models.sync_model()
    assert notices(chat) == {}


def test_what_the_server_lists_is_not_gone(make: Make, server: ScriptedServer) -> None:
    for models in ([{"id": "test/model"}], []):
        server.models = models
        assert notices(loaded(make())) == {}


# Servers by name


def test_a_server_by_its_name_at_another_address(make: Make, server: ScriptedServer) -> None:
    chat = make(provider="deepseek", reasoning_effort="none")
    chat.send("Hi").wait(TIMEOUT)
    assert server.chats[0].body["thinking"] == {"type": "disabled"}


def test_a_known_server_takes_its_own_key_only(
    make: Make, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GROQ_API_KEY", "leak-groq")
    chat = ChatWidget(provider="groq", model="x")
    assert chat._connection.provider is not None
    assert chat._connection.provider.host == "api.groq.com"
    assert chat._connection.provider.key == Secret("leak-groq")
    chat.close()
    make(provider="groq").send("Hi").wait(TIMEOUT)
    assert "leak" not in repr(server.chats[0].headers), "another address: not its key"


def test_names_and_addresses_lead_to_the_same_dialect() -> None:
    for known in providers.KNOWN.values():
        address = known.base_url or "https://mine.openai.azure.com/openai/v1"
        assert providers.endpoint(address, None).dialect == known.dialect or (
            known.title == "OpenRouter"
        )
    assert providers.endpoint("http://localhost:11434/v1", None).dialect.truncates
    assert not providers.endpoint("http://far.example:11434/v1", None).dialect.truncates
    with pytest.raises(ValueError, match="ollama"):
        ChatWidget(provider="olama")


def test_changing_the_server_keeps_the_conversation(make: Make, server: ScriptedServer) -> None:
    with ScriptedServer() as other:
        other.models = [{"id": "other/model"}]
        chat = loaded(make(api_key="sk-mine"))
        chat.send("One").wait(TIMEOUT)
        go_on = threading.Event()
        server.script(sse.gate(go_on), sse.text("2"), sse.finish(), DONE)
        running = chat.send("Two")
        with pytest.raises(RuntimeError, match="still running"):
            chat.use_server(base_url=other.base_url)
        go_on.set()
        running.wait(TIMEOUT)
        chat.use_server(base_url=other.base_url)
        until(lambda: chat.model == "other/model")
        chat.send("Three").wait(TIMEOUT)
        sent = [message["content"] for message in other.chats[0].body["messages"]]
        assert sent == ["One", "You said: One", "Two", "2", "Three"]
        assert "sk-mine" not in repr([request.headers for request in other.requests])
        assert other.base_url.split("/")[2] in snapshot(chat)["server"]
        chat.use_server(base_url=server.base_url, model="test/model")
        assert chat.send("Four").wait(TIMEOUT).text == "You said: Four"
        assert len(server.chats) == 3


def test_servers_on_this_machine_are_offered(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nbchat._servers import discovery, local_model
    from nbchat._servers.discovery import FoundServer

    found = FoundServer("ollama", server.base_url, ("qwen3", "gemma"))
    monkeypatch.setattr(discovery, "find_servers", lambda: [found])
    monkeypatch.setattr(local_model, "runtime_installed", lambda: False)
    server.models = [{"id": "qwen3"}, {"id": "gemma"}]
    chat = ChatWidget()
    until(lambda: "Use Ollama" in labels(chat))
    first = card(chat)["ways"][0]
    assert (first["label"], first["primary"]) == ("Use Ollama", True)
    assert first["note"] == "2 models. Your messages stay on this computer."
    choose(chat, first["id"])
    until(lambda: chat.model == "gemma")
    assert card(chat) == {}
    assert chat.send("Hi").wait(TIMEOUT).text == "You said: Hi"
    chat.close()


def test_another_server_can_be_asked_for(
    make: Make, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nbchat._servers import discovery

    monkeypatch.setattr(discovery, "find_servers", list)
    monkeypatch.setenv("MISTRAL_API_KEY", "sk-mistral")
    chat = make()
    chat._models.welcome.offer_servers()
    until(lambda: labels(chat))
    assert labels(chat)[0] == "Use Mistral"
    choose(chat, "cancel")
    assert card(chat) == {}
    chat._models.welcome.offer_servers()
    until(lambda: labels(chat))
    choose(chat, "key:mistral")
    assert "api.mistral.ai" in repr(chat)
    assert "sk-mistral" not in repr(vars(chat))


def test_a_refused_key_can_be_replaced(make: Make, server: ScriptedServer) -> None:
    server.script(sse.status(401, {"error": {"message": "Invalid API key", "code": 401}}))
    chat = make(api_key="sk-wrong")
    ask_for_key(chat)
    assert "rejected the API key" in card(chat)["title"]
    failed = chat.last
    ask_page(chat, "secret", way="key", value="sk-right")
    until(lambda: chat.last is not failed and chat.last.status == "complete")
    assert server.chats[1].headers["authorization"] == "Bearer sk-right"
    assert [message["status"] for message in snapshot(chat)["messages"]] == ["complete"] * 2
    assert card(chat) == {}


def ask_for_key(chat: ChatWidget) -> None:
    """Asks for a key after a request that the server refuses, as the button of the error does."""
    with pytest.raises(ChatError):
        chat.send("Hi").wait(TIMEOUT)
    chat._models.ask_key()


def test_the_card_for_a_refused_key_goes_with_the_next_reply(
    make: Make, server: ScriptedServer
) -> None:
    server.script(sse.status(401, {"error": {"message": "Invalid API key", "code": 401}}))
    chat = make(api_key="sk-mine")
    ask_for_key(chat)
    chat.send("Hi again").wait(TIMEOUT)
    until(lambda: card(chat) == {})


@pytest.mark.parametrize(
    ("key", "text"),
    [("sk-mine", "rejected the API key"), (None, "needs an API key")],
)
def test_a_card_says_rejected_only_of_a_key_that_was_sent(
    make: Make, server: ScriptedServer, key: str | None, text: str
) -> None:
    server.script(sse.status(401, {"error": {"message": "No", "code": 401}}))
    chat = make(api_key=key)
    ask_for_key(chat)
    assert text in card(chat)["title"]


def test_a_message_for_a_server_that_refused_the_key_goes_to_no_other(
    make: Make, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nbchat._servers import discovery
    from nbchat._servers.discovery import FoundServer

    server.script(sse.status(401, {"error": {"message": "Invalid API key", "code": 401}}))
    chat = make(api_key="sk-wrong")
    ask_for_key(chat)
    with ScriptedServer() as other:
        found = FoundServer("ollama", other.base_url, ("qwen3",))
        monkeypatch.setattr(discovery, "find_servers", lambda: [found])
        chat._models.welcome.offer_servers()
        until(lambda: "Use Ollama" in labels(chat))
        choose(chat, "server:ollama")
        until(lambda: card(chat) == {})
        assert not chat.busy
        assert other.chats == []


def test_what_is_closed_stays_closed(make: Make, server: ScriptedServer) -> None:
    chat = make(api_key="sk-mine")
    chat.send("Hi").wait(TIMEOUT)
    chat.model = "no/such"
    until(lambda: "gone" in notices(chat))
    press(chat, "gone", "close")
    chat.temperature = 0.5
    chat._models.sync_model()
    assert notices(chat) == {}  # closed is kept


def test_an_unknown_provider_names_base_url() -> None:
    with pytest.raises(ValueError, match=r"pass its address as base_url"):
        ChatWidget(provider="acme")


@pytest.mark.parametrize(
    ("variable", "name"),
    [
        ("ANTHROPIC_API_KEY", "anthropic"),
        ("GEMINI_API_KEY", "gemini"),
        ("GOOGLE_API_KEY", "gemini"),
        ("XAI_API_KEY", "xai"),
        ("CEREBRAS_API_KEY", "cerebras"),
        ("FIREWORKS_API_KEY", "fireworks"),
    ],
)
def test_a_provider_finds_its_key(
    variable: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GEMINI_API_KEY", raising=False)
    monkeypatch.setenv(variable, "sk-found")
    key = providers.named(name).key
    assert key is not None
    assert key.reveal() == "sk-found"


def test_azure_needs_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "azure-key")
    with pytest.raises(ValueError, match=r"base_url=.*azure\.com.*AZURE_OPENAI_ENDPOINT"):
        ChatWidget(provider="azure")
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "https://mine.openai.azure.com/")
    found = providers.named("azure")
    assert found.base_url == "https://mine.openai.azure.com/openai/v1"
    assert found.name == "Azure OpenAI"
    given = "https://other.services.ai.azure.com/openai/v1"
    for provider in (found, providers.named("azure", given)):
        assert provider.key == Secret("azure-key")
        assert provider.dialect.max_tokens == "max_completion_tokens"
    assert providers.named("azure", "https://gateway.example/v1").key is None, "not Azure's host"


def test_anthropics_list_is_asked_for_in_its_own_way(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = loaded(ChatWidget(provider="anthropic", base_url=server.base_url, api_key="sk-ant-1"))
    (listing,) = [each for each in server.requests if each.path == "/models"]
    assert listing.headers["x-api-key"] == "sk-ant-1"
    assert listing.headers["anthropic-version"] == "2023-06-01"
    chat.send("Hi").wait(TIMEOUT)
    assert "x-api-key" not in server.chats[0].headers
    assert server.chats[0].headers["authorization"] == "Bearer sk-ant-1"
    chat.close()


def test_a_redirect_is_not_followed(make: Make, server: ScriptedServer) -> None:
    with ScriptedServer() as thief:
        server.script(sse.status(307, "", {"location": f"{thief.base_url}/chat/completions"}))
        server.models = sse.status(302, "", {"location": f"{thief.base_url}/models"})
        reply = make(api_key="sk-mine").send("Hi")
        until(lambda: reply.status == "error")
        assert reply.error is not None
        assert "does not follow" in reply.error.message
        assert thief.requests == []


# The account


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            {
                "data": {
                    "limit_remaining": 4.898,
                    "free_model_daily_requests": {"limit": 50, "used": 7, "remaining": 43},
                }
            },
            "$4.90 left on this key · 43 of 50 free requests left today",
        ),
        ({"data": {"limit_remaining": None, "is_free_tier": True}}, ""),
        ({"data": {"limit_remaining": -3}}, "$0.00 left on this key"),
        ({"data": {"limit_remaining": 10**400}}, ""),
        ({"data": {"limit_remaining": float("nan")}}, ""),
        ({"data": {"free_model_daily_requests": {"limit": 10**400, "remaining": 1}}}, ""),
        ({"data": []}, ""),
        (None, ""),
        ({"error": "no"}, ""),
    ],
)
def test_what_is_left_of_the_account(body: object, said: str) -> None:
    assert account(body) == said


def test_what_is_left_is_asked_after_each_reply(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(providers, "OPENROUTER_URL", server.base_url)
    left = iter([43, 42, 41, 40])

    def key(_: object) -> sse.Step:
        daily = {"limit": 50, "used": 0, "remaining": next(left)}
        return sse.status(200, {"data": {"free_model_daily_requests": daily}})

    server.answers["/key"] = key
    chat = ChatWidget(api_key="sk-or-x", model="test/model")
    chat._connection.load_models()
    until(lambda: snapshot(chat)["account"].startswith("43 of 50"))
    chat.send("Hi").wait(TIMEOUT)
    until(lambda: snapshot(chat)["account"].startswith("42 of 50"))
    chat.close()


def test_plain_http_to_a_server_that_speaks_https(tmp_path: Path) -> None:
    pair = [str(tmp_path / name) for name in ("key.pem", "cert.pem")]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost"]
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make a certificate")
    subprocess.run([*command, "-keyout", pair[0], "-out", pair[1]], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair[1], pair[0])
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection, contextlib.suppress(OSError):
                    context.wrap_socket(connection, server_side=True).close()

        threading.Thread(target=serve, daemon=True).start()
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        chat = ChatWidget(base_url=address, model="m")
        with pytest.raises(ChatError, match=r"speaks HTTPS\. Use https:// in base_url"):
            chat.send("Hi").wait(TIMEOUT)
        chat.close()
