"""Tools in use: consent, calls side by side, faults, Stop, and what of it all a model is told."""

from __future__ import annotations

import asyncio
import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sse_server as sse
from pages import ask_page, receive
from sse_server import DONE, ScriptedServer
from test_servers import snapshot
from until import TIMEOUT, until
from wire import WIRE, needs_wire

from nbchat import ChatError, ChatWidget, Reply
from nbchat._chat.conversation.tool_rounds import MAX_CALLS
from nbchat._tools.calls import TOO_MANY
from nbchat._widget.protocol import FaultError

Make = Callable[..., ChatWidget]


@pytest.fixture(autouse=True)
def _own_cache(empty_cache: Path) -> None:
    """No list of another test's server is known."""


def add(a: int, b: int) -> int:
    """Adds two numbers."""
    return a + b


def call(name: str, id_: str = "c1", index: int = 0, /, **arguments: object) -> bytes:
    function = {"name": name, "arguments": json.dumps(arguments)}
    return sse.chunk({"tool_calls": [{"index": index, "id": id_, "function": function}]})


def calls(server: ScriptedServer, *steps: sse.Step, cost: float = 0.0) -> None:
    """Queues an answer that calls tools."""
    server.script(*steps, sse.finish("tool_calls"), sse.usage(10, 5, cost=cost), DONE)


def answers(server: ScriptedServer, text: str = "Done.", cost: float = 0.0) -> None:
    server.script(sse.text(text), sse.finish(), sse.usage(20, 7, cost=cost), DONE)


def outcomes(reply: Reply) -> list[tuple[str, str]]:
    return [(call.status, call.result) for call in reply.tool_calls]


NONCES = itertools.count()


def decide(chat: ChatWidget, allow: bool, index: int = 0) -> None:
    """What a click in the browser sends."""
    id_ = snapshot(chat)["messages"][-1]["id"]
    message = {
        "type": "approve",
        "nonce": str(next(NONCES)),
        "id": id_,
        "call": index,
        "allow": allow,
    }
    receive(chat, message)


def waits(reply: Reply, index: int = 0) -> Callable[[], bool]:
    return lambda: len(reply.tool_calls) > index and reply.tool_calls[index].status == "waiting"


# The loop


def test_a_call_and_what_the_model_is_told(make: Make, server: ScriptedServer) -> None:
    calls(server, sse.text("Let me add."), call("add", a=2, b=3), cost=0.25)
    answers(server, "It is 5.", cost=0.5)
    chat = make(tools=[add], approve="never")
    reply = chat.send("2 + 3?").wait(TIMEOUT)
    assert reply.text == "Let me add.\n\nIt is 5."
    assert (reply.status, outcomes(reply)) == ("complete", [("complete", "5")])
    assert (reply.tool_calls[0].name, reply.tool_calls[0].arguments) == ("add", '{"a": 2, "b": 3}')
    first, second = (request.body for request in server.chats)
    (tool,) = first["tools"]
    assert tool["function"]["name"] == "add"
    assert tool["function"]["description"] == "Adds two numbers."
    assert tool["function"]["parameters"]["required"] == ["a", "b"]
    function = {"name": "add", "arguments": '{"a": 2, "b": 3}'}
    told = [
        {"role": "user", "content": "2 + 3?"},
        {
            "role": "assistant",
            "content": "Let me add.",
            "tool_calls": [{"id": "c1", "type": "function", "function": function}],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "5"},
    ]
    assert second["messages"] == told
    assert chat.messages == [*told, {"role": "assistant", "content": "It is 5."}]
    assert reply.usage is not None
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (30, 12)
    assert (reply.cost, chat.usage and chat.usage.cost) == (0.75, 0.75)


def test_a_later_message_tells_it_again(make: Make, server: ScriptedServer) -> None:
    calls(server, call("add", a=2, b=3))
    answers(server, "5")
    chat = make(tools=[add], approve="never")
    chat.send("2 + 3?").wait(TIMEOUT)
    chat.send("Sure?").wait(TIMEOUT)
    roles = [message["role"] for message in server.chats[2].body["messages"]]
    assert roles == ["user", "assistant", "tool", "assistant", "user"]
    chat.edit(4, "Really?").wait(TIMEOUT)
    assert server.chats[3].body["messages"][-1]["content"] == "Really?"
    with pytest.raises(ValueError, match="only user messages"):
        chat.edit(2, "No")


def test_calls_run_side_by_side_and_off_the_main_thread(make: Make, server: ScriptedServer) -> None:
    meeting = threading.Barrier(3, timeout=TIMEOUT)
    threads = set()

    def meet(name: str) -> str:
        threads.add(threading.current_thread())
        meeting.wait()
        return name

    async def meet_too() -> str:
        await asyncio.to_thread(meeting.wait)
        return "async"

    calls(
        server,
        call("meet", "1", 0, name="a"),
        call("meet", "2", 1, name="b"),
        call("meet_too", "3", 2),
    )
    answers(server)
    reply = make(tools=[meet, meet_too], approve="never").send("Meet").wait(TIMEOUT)
    assert outcomes(reply) == [("complete", "a"), ("complete", "b"), ("complete", "async")]
    assert len(threads) == 2
    assert threading.main_thread() not in threads
    results = [m["content"] for m in server.chats[1].body["messages"] if m["role"] == "tool"]
    assert results == ["a", "b", "async"]


def test_the_loop_is_bounded(make: Make, server: ScriptedServer) -> None:
    for _ in range(2):
        calls(server, call("add", a=1, b=1))
    answers(server, "Enough.")
    reply = make(tools=[add], approve="never", max_tool_rounds=2).send("Go").wait(TIMEOUT)
    assert reply.text == "Enough."
    assert "2 rounds" in reply.notes[0]
    assert [request.body.get("tool_choice") for request in server.chats] == [None, None, "none"]
    assert all("tools" in request.body for request in server.chats)


def test_one_that_calls_all_the_same_is_not_heeded(make: Make, server: ScriptedServer) -> None:
    for _ in range(2):
        calls(server, call("add", a=1, b=1))
    reply = make(tools=[add], approve="never", max_tool_rounds=1).send("Go").wait(TIMEOUT)
    assert outcomes(reply) == [("complete", "2"), ("stopped", "")]
    assert (reply.status, len(server.chats)) == ("complete", 2)


def test_a_round_that_could_cost_too_much_is_not_sent(make: Make, server: ScriptedServer) -> None:
    calls(server, call("add", a=1, b=1), cost=0.6)
    server.models = []
    chat = make(tools=[add], approve="never", max_cost=1.0)
    with pytest.raises(ChatError, match="could cost"):
        chat.send("Go").wait(TIMEOUT)
    assert len(server.chats) == 1
    assert chat.last.tool_calls[0].result == "2"


def test_a_round_is_retried_like_any_request(make: Make, server: ScriptedServer) -> None:
    calls(server, call("add", a=1, b=1))
    server.script(sse.status(503, {"error": {"message": "busy", "code": 503}}))
    answers(server)
    chat = make(tools=[add], approve="never", fallbacks=["other/model"])
    reply = chat.send("Go").wait(TIMEOUT)
    assert (reply.text, outcomes(reply)) == ("Done.", [("complete", "2")])
    assert server.chats[2].body["model"] == "other/model"
    assert any("other/model" in note for note in reply.notes)


# Consent


def test_it_asks_first(make: Make, server: ScriptedServer) -> None:
    calls(server, call("add", "1", 0, a=1, b=1), call("add", "2", 1, a=2, b=2))
    answers(server)
    chat = make(tools=[add])
    reply = chat.send("Go")
    until(waits(reply))
    until(waits(reply, 1))
    assert [c["status"] for c in snapshot(chat)["messages"][-1]["tool_calls"]] == ["waiting"] * 2
    assert chat.busy
    assert len(server.chats) == 1
    decide(chat, True, 1)
    until(lambda: reply.tool_calls[1].status == "complete")
    assert reply.tool_calls[0].status == "waiting"
    decide(chat, False, 0)
    reply.wait(TIMEOUT)
    assert outcomes(reply) == [("denied", reply.tool_calls[0].result), ("complete", "4")]
    told = [m["content"] for m in server.chats[1].body["messages"] if m["role"] == "tool"]
    assert told == [reply.tool_calls[0].result, "4"]
    assert "declined" in told[0]


def test_only_a_call_that_waits_can_be_allowed(make: Make, server: ScriptedServer) -> None:
    ran = []

    def run(x: int) -> None:
        ran.append(x)

    calls(server, call("run", x=1))
    answers(server)
    chat = make(tools=[run])
    reply = chat.send("Go")
    until(waits(reply))
    message = reply._message
    with pytest.raises(ValueError, match="no longer"):
        chat._session.decide(message, 1, True)
    with pytest.raises(FaultError, match="allow"):  # no consent but a real one
        ask_page(chat, "approve", id=message.id, call=0, allow="yes")
    ask_page(chat, "approve", id=message.id, call=0, allow=False)
    reply.wait(TIMEOUT)
    assert (outcomes(reply)[0][0], ran) == ("denied", [])
    with pytest.raises(ValueError, match="no longer"):
        chat._session.decide(message, 0, True)


@pytest.mark.parametrize("is_async", [False, True])
def test_a_function_decides(make: Make, server: ScriptedServer, is_async: bool) -> None:
    asked = []

    def approve(name: str, arguments: dict[str, Any]) -> bool:
        asked.append((name, arguments))
        return arguments["a"] == 1

    async def approve_later(name: str, arguments: dict[str, Any]) -> bool:
        return approve(name, arguments)

    calls(server, call("add", "1", 0, a=1, b=1), call("add", "2", 1, a=2, b=2))
    answers(server)
    chat = make(tools=[add], approve=approve_later if is_async else approve)
    reply = chat.send("Go").wait(TIMEOUT)
    assert [call.status for call in reply.tool_calls] == ["complete", "denied"]
    assert sorted(asked, key=str) == [("add", {"a": 1, "b": 1}), ("add", {"a": 2, "b": 2})]


def test_a_function_that_fails_to_decide_allows_nothing(make: Make, server: ScriptedServer) -> None:
    def approve(name: str, arguments: dict[str, Any]) -> bool:
        raise KeyError("who?")

    calls(server, call("add", a=1, b=1))
    answers(server)
    reply = make(tools=[add], approve=approve).send("Go").wait(TIMEOUT)
    assert reply.tool_calls[0].status == "error"
    assert "who?" in reply.tool_calls[0].result


# Faults


class UnheardOf(BaseException):
    pass


@pytest.mark.parametrize("raised", [SystemExit, KeyboardInterrupt, UnheardOf])
def test_a_tool_that_exits_ends_its_call_alone(
    raised: type[BaseException], make: Make, server: ScriptedServer
) -> None:
    async def later() -> str:
        raise raised("oh")

    def now() -> str:
        raise raised("oh")

    calls(server, call("now", "1", 0), call("later", "2", 1))
    answers(server, "I see.")
    chat = make(tools=[now, later], approve="never")
    reply = chat.send("Go").wait(TIMEOUT)
    assert all(raised.__name__ in call.result for call in reply.tool_calls)
    assert reply.text == "I see."
    assert chat.send("Are you there?").wait(TIMEOUT).status == "complete"


def test_what_goes_wrong_is_told_to_the_model(make: Make, server: ScriptedServer) -> None:
    def fail(kind: str) -> str:
        raise {"exit": SystemExit, "stop": StopIteration, "value": ValueError}[kind]("oh")

    calls(
        server,
        call("fail", "1", 0, kind="value"),
        call("fail", "2", 1, kind="exit"),
        call("fail", "3", 2, kind="stop"),
        call("fail", "4", 3, knd="value"),
        call("nothing", "5", 4),
        sse.chunk(
            {
                "tool_calls": [
                    {"index": 5, "id": "6", "function": {"name": "fail", "arguments": "{"}}
                ]
            }
        ),
    )
    answers(server, "I see.")
    reply = make(tools=[fail], approve="never").send("Go").wait(TIMEOUT)
    assert {call.status for call in reply.tool_calls} == {"error"}
    results = [call.result for call in reply.tool_calls]
    assert results[0] == "ValueError: oh"
    assert "SystemExit" in results[1]
    assert "StopIteration" in results[2]
    assert "kind: Field required" in results[3]
    assert "no tool" in results[4]
    assert "fail" in results[4]
    assert "not JSON" in results[5]
    told = server.chats[1].body["messages"]
    assert [m["content"] for m in told if m["role"] == "tool"] == results
    # A server would refuse the whole request for these.
    assert told[1]["tool_calls"][5]["function"]["arguments"] == "{}"
    assert reply.text == "I see."


@pytest.mark.parametrize("is_async", [False, True])
def test_a_call_that_takes_too_long(make: Make, server: ScriptedServer, is_async: bool) -> None:
    over = threading.Event()
    ended = threading.Event()

    def wait() -> str:
        over.wait(TIMEOUT)
        ended.set()
        return "late"

    async def wait_async() -> str:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return "late"

    tool = wait_async if is_async else wait
    calls(server, call(tool.__name__))
    answers(server)
    chat = make(tools=[tool], approve="never", tool_timeout_s=0.05)
    reply = chat.send("Go").wait(TIMEOUT)
    over.set()
    assert ended.wait(TIMEOUT)
    assert reply.tool_calls[0].status == "error"
    assert "0.05 s" in reply.tool_calls[0].result
    assert reply.text == "Done."


def test_half_a_call_is_none(make: Make, server: ScriptedServer) -> None:
    ran = []

    def run(x: int = 0) -> None:
        ran.append(x)

    server.script(sse.text("I will"), call("run"), sse.finish("length"), DONE)
    reply = make(tools=[run], approve="never").send("Go").wait(TIMEOUT)
    assert (reply.finish_reason, reply.tool_calls, ran) == ("length", (), [])


# Stop


@pytest.fixture
def tool_end() -> Iterator[threading.Event]:
    end = threading.Event()
    yield end
    end.set()


@pytest.mark.parametrize("place", ["waiting", "running", "async", "next request"])
def test_stop_in_the_middle(
    make: Make, server: ScriptedServer, place: str, tool_end: threading.Event
) -> None:
    begun = threading.Event()
    cancelled = threading.Event()

    def work() -> str:
        begun.set()
        if place != "next request":
            tool_end.wait(TIMEOUT)
        return "late"

    async def work_async() -> str:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        return "late"

    tool = work_async if place == "async" else work
    calls(server, sse.text("Let me."), call(tool.__name__))
    if place == "next request":
        server.script(sse.text("So"), sse.hang())
    chat = make(tools=[tool], approve="always" if place == "waiting" else "never")
    reply = chat.send("Go")
    status = "running" if place == "async" else place
    if place == "next request":
        until(lambda: "So" in reply.text)
    else:
        until(lambda: [call.status for call in reply.tool_calls] == [status])
    if place != "waiting":
        assert begun.wait(TIMEOUT)
    chat.stop()
    assert reply.wait(TIMEOUT).status == "stopped"
    assert not chat.busy
    tool_end.set()
    if place == "async":
        assert cancelled.wait(TIMEOUT)
    if place == "next request":
        assert server.chats[1].closed_early.wait(TIMEOUT)
        assert outcomes(reply) == [("complete", "late")]
    else:
        assert outcomes(reply) == [("stopped", "")]
        assert snapshot(chat)["messages"][-1]["tool_calls"][0]["status"] == "stopped"
    chat.send("Go on").wait(TIMEOUT)
    told = server.chats[-1].body["messages"]
    assert [m["role"] for m in told] == ["user", "assistant", "tool", "assistant", "user"]
    assert ("stopped" in told[2]["content"]) == (place != "next request")


# Reasoning goes back


@needs_wire
@pytest.mark.parametrize(
    "name",
    [
        "openrouter__rig__reasoning-tool-order-matrix__streaming-signed-agent-roundtrip__1",
        "openrouter__rig__reasoning-tool-roundtrip__streaming__1",
        "openrouter__fantasy__gemini__multi-tool-streaming__1",
        "openrouter__fantasy__grok__multi-tool-streaming__1",
        "deepseek__rig__reasoning-tool-roundtrip__streaming__1",
    ],
)
def test_recorded_reasoning_goes_back_as_it_came(
    make: Make, server: ScriptedServer, name: str
) -> None:
    recording = WIRE / "recorded" / f"{name}.sse"
    chunks = [
        json.loads(line[6:])
        for line in recording.read_text("utf-8").splitlines()
        if line.startswith("data: {")
    ]
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    server.script(sse.replay(recording))
    answers(server)
    reply = make(tools=[add], approve="never").send("Go").wait(TIMEOUT)
    told = server.chats[1].body["messages"][1]
    sent = [detail for delta in deltas for detail in delta.get("reasoning_details") or ()]
    if sent:
        back = told["reasoning_details"]
        kinds = [(detail["type"], detail.get("index")) for detail in sent]
        assert [(d["type"], d.get("index")) for d in back] == list(dict.fromkeys(kinds))
        for field in ("text", "summary", "data", "signature"):
            said = "".join(detail.get(field) or "" for detail in sent)
            assert "".join(detail.get(field) or "" for detail in back) == said
        assert "reasoning_content" not in told
    else:
        said = "".join(delta.get("reasoning_content") or "" for delta in deltas)
        assert told["reasoning_content"] == said != ""
    ids = [c["id"] for delta in deltas for c in delta.get("tool_calls") or () if c.get("id")]
    assert [call["id"] for call in told["tool_calls"]] == ids
    assert len(reply.tool_calls) == len(ids)


def test_a_server_that_takes_no_reasoning_back(make: Make, server: ScriptedServer) -> None:
    refusal = {"error": {"message": "property 'reasoning_details' is unsupported", "code": 400}}
    calls(server, sse.reasoning("Hm."), call("add", a=1, b=1))
    server.script(sse.status(400, refusal))
    answers(server)
    reply = make(tools=[add], approve="never").send("Go").wait(TIMEOUT)
    assert reply.text == "Done."
    assert "reasoning_details" in server.chats[1].body["messages"][1]
    assert "reasoning_details" not in server.chats[2].body["messages"][1]
    assert any("reasoning_details" in note for note in reply.notes)


# Models without tools


def test_a_model_that_takes_no_tools(make: Make, server: ScriptedServer) -> None:
    server.models = [{"id": "test/model", "supported_parameters": ["temperature", "max_tokens"]}]
    chat = make(tools=[add], approve="never")
    reply = chat.send("Go").wait(TIMEOUT)
    assert "tools" not in server.chats[0].body
    assert any("does not accept them" in note for note in reply.notes)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (400, "registry.ollama.ai/library/gemma3:1b does not support tools"),
        (404, "No endpoints found that support tool use."),
    ],
)
def test_one_that_refuses_them(make: Make, server: ScriptedServer, code: int, said: str) -> None:
    server.script(sse.status(code, {"error": {"message": said, "code": code}}))
    reply = make(tools=[add]).send("Go").wait(TIMEOUT)
    assert reply.text == "You said: Go"
    assert "tools" not in server.chats[1].body
    assert any("without tools" in note for note in reply.notes)


def test_what_was_called_is_text_for_one_without_tools(make: Make, server: ScriptedServer) -> None:
    calls(server, sse.text("Let me."), call("add", a=1, b=1))
    answers(server, "2")
    chat = make(tools=[add], approve="never")
    chat.send("Go").wait(TIMEOUT)
    chat.tools = []
    chat.send("Again").wait(TIMEOUT)
    assert server.chats[2].body["messages"] == [
        {"role": "user", "content": "Go"},
        {"role": "assistant", "content": 'Let me.\n\n[add({"a": 1, "b": 1}) → 2]\n\n2'},
        {"role": "user", "content": "Again"},
    ]


def test_calls_that_nobody_offered_are_shown_and_not_made(
    make: Make, server: ScriptedServer
) -> None:
    calls(server, call("add", a=1, b=1))
    reply = make().send("Go").wait(TIMEOUT)
    assert (reply.status, outcomes(reply)) == ("complete", [("stopped", "")])
    assert len(server.chats) == 1


# Settings


def test_tools_can_be_changed(make: Make, server: ScriptedServer) -> None:
    chat = make()
    assert chat.tools == ()
    chat.tools = [add]
    chat.approve = "never"
    calls(server, call("add", a=1, b=1))
    answers(server)
    assert outcomes(chat.send("Go").wait(TIMEOUT)) == [("complete", "2")]
    with pytest.raises(TypeError, match="functions with a name"):
        chat.tools = [lambda x: x]
    assert chat.tools == (add,)


# Saved


@pytest.mark.parametrize("stopped", [False, True])
def test_saved_and_restored(
    make: Make, server: ScriptedServer, tmp_path: Path, stopped: bool
) -> None:
    calls(server, sse.reasoning("Hm."), sse.text("Let me."), call("add", a=1, b=1))
    answers(server, "2")
    chat = make(tools=[add], approve="always" if stopped else "never")
    reply = chat.send("Go")
    if stopped:
        until(waits(reply))
    else:
        reply.wait(TIMEOUT)
    chat.save(tmp_path / "chat.json")
    for suffix in ("md", "ipynb"):
        chat.save(tmp_path / f"chat.{suffix}")
        written = (tmp_path / f"chat.{suffix}").read_text("utf-8")
        assert "Called add" in written
    chat.stop()
    back = ChatWidget.load(tmp_path / "chat.json", base_url=server.base_url)
    try:
        assert back.messages == chat.messages
        shown = snapshot(back)["messages"][-1]["tool_calls"]
        assert shown == snapshot(chat)["messages"][-1]["tool_calls"]
        assert shown[0]["status"] == ("stopped" if stopped else "complete")
    finally:
        back.close()


# Many calls at once


def test_a_round_has_a_bound(make: Make, server: ScriptedServer) -> None:
    called: set[int] = set()
    threads: list[int] = []

    def note(n: int) -> None:
        threads.append(threading.active_count())
        called.add(n)

    def piece(n: int) -> dict[str, object]:
        return {
            "index": n,
            "id": f"c{n}",
            "function": {"name": "note", "arguments": f'{{"n": {n}}}'},
        }

    before = threading.active_count()
    calls(server, sse.chunk({"tool_calls": list(map(piece, range(20_000)))}))
    answers(server)
    since = time.monotonic()
    reply = make(tools=[note], approve="never").send("Go").wait(TIMEOUT)
    assert time.monotonic() - since < 5
    assert called == set(range(MAX_CALLS))
    assert max(threads) <= before + 2 * MAX_CALLS
    others = [result for _, result in outcomes(reply)[MAX_CALLS:]]
    assert set(others) == {TOO_MANY}
    assert len(others) < 200
    told = [m["content"] for m in server.chats[-1].body["messages"] if m["role"] == "tool"]
    assert told == ["null"] * MAX_CALLS + others


def test_stop_and_other_chats_do_not_wait_for_many_calls(
    make: Make, server: ScriptedServer
) -> None:
    function = {"name": "hold", "arguments": "{}"}
    pieces = [{"id": f"c{n}", "function": function} for n in range(20_000)]
    released = threading.Event()
    calls(server, sse.chunk({"tool_calls": pieces}))
    reply = make(tools=[_holding(released)], approve="never").send("Go")
    until(lambda: any(call.status == "running" for call in reply.tool_calls))
    since = time.monotonic()
    answers(server)
    make().send("Hi").wait(TIMEOUT)
    reply.stop()
    until(lambda: reply.status == "stopped")
    assert time.monotonic() - since < 2
    released.set()


def _holding(released: threading.Event) -> Callable[[], None]:
    def hold() -> None:
        released.wait(TIMEOUT)

    return hold


# Allowed for this chat


def page_asks(chat: ChatWidget, type_: str, **values: object) -> None:
    ask_page(chat, type_, **values)


def test_a_tool_is_allowed_for_this_chat_until_that_is_undone(
    make: Make, server: ScriptedServer
) -> None:
    def other(a: int) -> int:
        return a

    chat = make(tools=[add, other])
    adds = call("add", a=1, b=1), call("add", "c2", 1, a=2, b=2)
    calls(server, *adds, call("other", "c3", 2, a=1))
    answers(server)
    reply = chat.send("Add")
    until(lambda: all(waits(reply, n)() for n in range(3)))
    id_ = snapshot(chat)["messages"][-1]["id"]
    page_asks(chat, "allow_tool", id=id_, call=0)
    # The other call of this tool that waits is allowed as well, and no other tool.
    until(lambda: [call.status for call in reply.tool_calls[:2]] == ["complete"] * 2)
    assert reply.tool_calls[2].status == "waiting"
    assert snapshot(chat)["allowed_tools"] == ["add"]
    decide(chat, False, 2)
    reply.wait(TIMEOUT)
    calls(server, call("add", a=3, b=3))
    answers(server)
    assert chat.send("Again").wait(TIMEOUT).tool_calls[0].result == "6"
    page_asks(chat, "revoke_tool", name="add")
    assert snapshot(chat)["allowed_tools"] == []
    calls(server, call("add", a=4, b=4))
    reply = chat.send("Again")
    until(waits(reply))
    chat.stop()


def test_what_was_allowed_is_no_other_function_and_ends_with_clear(
    make: Make, server: ScriptedServer
) -> None:
    chat = make(tools=[add])
    calls(server, call("add", a=1, b=1))
    answers(server)
    reply = chat.send("Add")
    until(waits(reply))
    page_asks(chat, "allow_tool", id=snapshot(chat)["messages"][-1]["id"], call=0)
    reply.wait(TIMEOUT)

    def another(a: int, b: int) -> int:
        return a - b

    another.__name__ = "add"
    chat.tools = [another]
    calls(server, call("add", a=1, b=1))
    reply = chat.send("Again")
    until(waits(reply))
    chat.clear()
    assert snapshot(chat)["allowed_tools"] == []
    assert "allowed" not in json.dumps(chat.get_state(), default=str)
