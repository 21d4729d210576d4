"""Kernel and page speak the same protocol: both sides are held against one set of examples."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict
from unittest.mock import MagicMock

import pytest
import sse_server as sse
from pages import receive
from sse_server import ScriptedServer
from test_tool_loop import answers, call, calls
from until import until

from nbchat import ChatError, ChatWidget
from nbchat._chat.conversation.runs import Run
from nbchat._chat.keys import Secret
from nbchat._widget import protocol
from nbchat._widget.protocol import (
    REQUESTS,
    ChatState,
    FaultError,
    FromKernel,
    Upload,
    read_request,
)
from nbchat._widget.requests import ChatRequests

Make = Callable[..., ChatWidget]
TIMEOUT = 20

EXAMPLES: dict[str, Any] = json.loads((Path(__file__).parent / "protocol.json").read_text("utf-8"))
*_, NEW_CHAT = (each["state"] for each in EXAMPLES["from_kernel"] if each["type"] == "state")
FILES = {
    "earlier": protocol.MessagesView,
    "models": list[protocol.ModelInfo],
    "names": list[protocol.VariableName],
    "failure": protocol.FailedCellView,
    "outputs": list[protocol.OutputFileView],
    "ran": protocol.RunView,
}


def misfit(value: object, hint: Any, where: str = "") -> str:
    """Where a value of JSON does not fit a type, and why; blank if it does."""
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        found = [misfit(value, each, where) for each in get_args(hint)]
        return "" if "" in found else " or ".join(found)
    if origin is Literal:
        return "" if value in get_args(hint) else f"{where}: {value!r} is none of {get_args(hint)}"
    if hint is NoneType:
        return "" if value is None else f"{where}: {value!r} is not null"
    if origin is list:
        if not isinstance(value, list):
            return f"{where}: {value!r} is no list"
        (each,) = get_args(hint)
        return next(filter(None, (misfit(v, each, f"{where}[]") for v in value)), "")
    if origin is dict:
        if not isinstance(value, dict):
            return f"{where}: {value!r} is no object"
        _, each = get_args(hint)
        return next(filter(None, (misfit(v, each, f"{where}.{k}") for k, v in value.items())), "")
    if is_typeddict(hint) or hint is ChatState:
        if not isinstance(value, dict):
            return f"{where}: {value!r} is no object"
        hints = get_type_hints(hint)
        needed = getattr(hint, "__required_keys__", None)
        missing = (set(hints) if needed is None else set(needed)) - set(value)
        unknown = set(value) - set(hints)
        if missing or unknown:
            return f"{where}: lacks {sorted(missing)}, has {sorted(unknown)} besides"
        return next(
            filter(None, (misfit(v, hints[k], f"{where}.{k}") for k, v in value.items())), ""
        )
    if hint is Any:
        return ""
    numbers = (int, float) if hint is float else (hint,)
    return "" if type(value) in numbers else f"{where}: {value!r} is no {hint.__name__}"


def check_from_kernel(message: Mapping[str, Any]) -> None:
    kinds = {get_args(get_type_hints(kind)["type"])[0]: kind for kind in get_args(FromKernel)}
    assert misfit(message, kinds[message["type"]], message["type"]) == ""
    if message["type"] == "state":
        assert misfit(message["state"], ChatState, "state") == ""
    if message["type"] == "snapshot":
        snapshot = dict(message["snapshot"])
        assert misfit(snapshot.pop("seq"), int, "seq") == ""
        assert misfit(snapshot.pop("messages"), list[protocol.MessageView], "messages") == ""
        assert misfit(snapshot.pop("earlier"), bool, "earlier") == ""
        assert misfit(snapshot, ChatState, "snapshot") == ""


def of_type(direction: str) -> set[str]:
    return {message["type"] for message in EXAMPLES[direction]}


def test_each_kind_of_message_has_an_example() -> None:
    kinds = {get_args(get_type_hints(kind)["type"])[0] for kind in get_args(FromKernel)}
    assert of_type("from_kernel") == kinds
    assert of_type("from_page") == set(REQUESTS)
    assert set(get_args(protocol.Request)) == set(REQUESTS.values())
    assert set(EXAMPLES["files"]) == set(FILES)


@pytest.mark.parametrize("message", EXAMPLES["from_kernel"], ids=lambda message: message["type"])
def test_the_kernel_sends_messages_like_these(message: dict[str, Any]) -> None:
    check_from_kernel(message)


@pytest.mark.parametrize("name", FILES)
def test_files_of_json_hold_such_values(name: str) -> None:
    assert misfit(EXAMPLES["files"][name], FILES[name], name) == ""


@pytest.mark.environments
def test_the_pages_side_knows_the_same(tsc: Callable[[dict[str, str]], str]) -> None:
    """TypeScript's compiler checks every key and value, and that no kind of message is missing."""
    kernel_types = dict.fromkeys(sorted(of_type("from_kernel")), True)
    page_types = dict.fromkeys(sorted(of_type("from_page")), True)
    files = dict.fromkeys(EXAMPLES["answered_by_file"], True)
    code = f"""
      import {{ ANSWERED_BY_FILE, INITIAL_STATE }} from "./kernel/protocol";
      import type {{ FromKernel, ToKernel }} from "./kernel/protocol";
      import type {{ FailedCell, ModelInfo, OutputFile, Ran }} from "./kernel/protocol";
      import type {{ Messages, VariableName }} from "./kernel/protocol";
      export const fromKernel: FromKernel[] = {json.dumps(EXAMPLES["from_kernel"])};
      export const fromPage: ToKernel[] = {json.dumps(EXAMPLES["from_page"])};
      export const kernelTypes: Record<FromKernel["type"], true> = {json.dumps(kernel_types)};
      export const pageTypes: Record<ToKernel["type"], true> = {json.dumps(page_types)};
      export const earlier: Messages = {json.dumps(EXAMPLES["files"]["earlier"])};
      export const models: ModelInfo[] = {json.dumps(EXAMPLES["files"]["models"])};
      export const names: VariableName[] = {json.dumps(EXAMPLES["files"]["names"])};
      export const failure: FailedCell = {json.dumps(EXAMPLES["files"]["failure"])};
      export const outputs: OutputFile[] = {json.dumps(EXAMPLES["files"]["outputs"])};
      export const ran: Ran = {json.dumps(EXAMPLES["files"]["ran"])};
      export const files: Record<keyof typeof ANSWERED_BY_FILE, true> = {json.dumps(files)};
      export const initial: typeof INITIAL_STATE = {json.dumps(NEW_CHAT)};
    """
    assert tsc({"examples.ts": code}) == ""


@pytest.mark.environments
def test_the_comparison_notices_a_difference(tsc: Callable[[dict[str, str]], str]) -> None:
    wrong = {**EXAMPLES["from_kernel"][0], "seq": "1"}
    extra = {**EXAMPLES["from_page"][0], "more": 1}
    code = f"""
      import type {{ FromKernel, ToKernel }} from "./kernel/protocol";
      export const first: FromKernel = {json.dumps(wrong)};
      export const second: ToKernel = {json.dumps(extra)};
      export const third: Record<ToKernel["type"], true> = {{ resync: true }};
    """
    said = tsc({"examples.ts": code})
    assert all(f"examples.ts({line}" in said for line in (3, 4, 5)), said


def test_a_new_chat_looks_the_same_on_both_sides() -> None:
    assert {**vars(ChatState()), "labels": {}} == NEW_CHAT


def test_what_a_chat_really_sends_is_like_these(make: Make, server: ScriptedServer) -> None:
    def stock(fruit: str) -> int:
        """Counts what is on the shelf."""
        return len(fruit)

    sent: list[dict[str, Any]] = []
    chat = make(tools=[stock], approve="never")
    chat._transcript.send = lambda message, buffers=None: sent.append(
        json.loads(json.dumps(message))
    )
    calls(server, sse.reasoning("Hm"), call("stock", fruit="figs"))
    answers(server, "4")
    chat.send("How many?", files=[("a.csv", b"a,b")]).wait(TIMEOUT)
    chat.regenerate().wait(TIMEOUT)
    for message in EXAMPLES["from_page"]:
        if message["type"] in ("resync", "models", "names", "download", "stop"):
            receive(chat, {**message, "nonce": message["type"]})
    receive(chat, {"type": "resync", "seq": chat._transcript._seq})
    for message in sent:
        check_from_kernel(message)
    assert {message["type"] for message in sent} == of_type("from_kernel")


# What a page asks


def buffers(message: Mapping[str, Any]) -> list[bytes]:
    return [b"a,b"] * len(message.get("attachments", ()))


@pytest.mark.parametrize("message", EXAMPLES["from_page"], ids=lambda message: message["type"])
def test_a_request_is_read_whole(message: dict[str, Any]) -> None:
    request = read_request(message, buffers(message))
    expected = {k: v for k, v in message.items() if k not in ("type", "nonce")}
    if "attachments" in expected:
        expected["attachments"] = (Upload("table.csv", "text/csv", b"a,b"),)
    if message["type"] == "connect_to":
        expected["key"] = Secret("")
    if message["type"] == "secret":
        expected["value"] = Secret("sk-typed")
    assert vars(request) == expected


@pytest.mark.parametrize("message", EXAMPLES["from_page"], ids=lambda message: message["type"])
def test_a_request_that_lacks_something_is_a_fault(message: dict[str, Any]) -> None:
    for name in message.keys() - {"type", "nonce"}:
        for value in (None, [], {}, 1.5):
            with pytest.raises(FaultError, match=name):
                read_request({**message, name: value}, buffers(message))
        with pytest.raises(FaultError, match=name):
            read_request({k: v for k, v in message.items() if k != name}, buffers(message))
    with pytest.raises(FaultError, match="no request"):
        read_request({**message, "type": "unheard-of"}, ())


@pytest.mark.parametrize("message", EXAMPLES["from_page"], ids=lambda message: message["type"])
def test_each_request_has_exactly_one_handler(message: dict[str, Any]) -> None:
    parts = MagicMock()
    parts.models.listed.return_value = []
    parts.notebook.names.return_value = []
    parts.notebook.failed_cell.return_value = ("Why?", MagicMock(name="error"), [])
    parts.notebook.failed_cell.return_value[1].name = "KeyError"
    parts.notebook.failed_cell.return_value[1].text = "KeyError"
    parts.runs.read.return_value = []
    parts.runs.kept.return_value = Run("done")
    parts.read_last_reply.return_value = ("reply.md", b"")
    parts.export.return_value = ("chat.md", b"")
    parts.session.read_attachment.return_value = ("a.png", b"")
    requests = ChatRequests(
        *(parts.session, parts.turns, parts.models, parts.notices, parts.notebook, parts.runs),
        *(parts.allowed, parts.read_last_reply, parts.export, parts.clear, parts.show_version),
    )
    request = read_request(message, buffers(message))
    if message["type"] in (
        "resync",
        "asset",
        "earlier",
        "take",
    ):  # the transcript's own; a comparison's
        with pytest.raises(FaultError):
            requests.answer(request)
        assert parts.mock_calls == []
    else:
        answer = requests.answer(request)
        assert (answer is not None) == (message["type"] in EXAMPLES["answered_by_file"])
        handled = [name for name, *_ in parts.mock_calls if not name.startswith("session.find")]
        assert len(handled) == 1, handled


def test_a_fault_is_logged_and_not_shown_as_a_refusal(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    sent: list[dict[str, Any]] = []
    chat = make()
    chat._transcript.send = lambda message, buffers=None: sent.append(message)
    for message in (
        {"type": "unheard-of", "nonce": "1"},
        {"type": "edit", "id": "x", "nonce": "2"},
        {"type": "take", "nonce": "3"},
    ):
        receive(chat, message)
    assert [message["nonce"] for message in sent] == ["1", "2", "3"]
    assert all("refused" not in message and "bug in nbchat" in message["fault"] for message in sent)
    assert len(caplog.records) == 3
    receive(chat, {"type": "retry", "id": "x", "nonce": "4"})
    assert "no longer shown" in sent[-1]["refused"]


def test_only_the_last_reply_is_repeated(make: Make, server: ScriptedServer) -> None:
    server.script(sse.text("One"), sse.finish(), sse.DONE)
    server.script(sse.status(500, {"error": {"message": "no"}}))
    chat = make()
    first = chat.send("Hi").wait(TIMEOUT)
    with pytest.raises(ChatError):
        chat.send("Again").wait(TIMEOUT)
    sent: list[dict[str, Any]] = []
    chat._transcript.send = lambda message, buffers=None: sent.append(message)
    for type_ in ("retry", "continue"):
        receive(chat, {"type": type_, "id": first._message.id, "nonce": type_})
        (answer,) = [each for each in sent if each.get("nonce") == type_]
        assert "no longer the last" in answer["refused"]


def test_what_a_page_sends_again_is_done_once_and_answered_again(
    make: Make, server: ScriptedServer
) -> None:
    sent: list[dict[str, Any]] = []
    chat = make()
    chat._transcript.send = lambda message, buffers=None: sent.append(message)
    question = {"type": "send", "content": "Hi", "attachments": [], "nonce": "1-1"}
    refused = {"type": "retry", "id": "x", "nonce": "1-2"}
    for message in (question, question, refused, refused):
        receive(chat, message)
    answers = [each for each in sent if each["type"] == "received"]
    assert answers[0] == answers[1]
    assert answers[2] == answers[3]
    assert "refused" in answers[2]
    until(lambda: chat._transcript._state.download)
    receive(chat, question)
    assert [message["content"] for message in chat.messages] == ["Hi", "You said: Hi"]
    assert len(server.chats) == 1
    # What only reads is read again: the page lacks the file.
    for _ in range(2):
        receive(chat, {"type": "download", "nonce": "1-3"})
    assert [each["type"] for each in sent].count("file") == 2
    for n in range(1000):
        receive(chat, {"type": "stop", "nonce": f"{n}"})
        receive(chat, {"type": "stop", "nonce": "x" * 10_000 + f"{n}"})
    assert len(chat._transcript._answered) <= 100
    assert max(map(len, chat._transcript._answered)) < 100
