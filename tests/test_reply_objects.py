"""What notebook code gets out of a reply: code, tables, JSON, models, DataFrames."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import ipywidgets
import pandas as pd
import pytest
import sse_server as sse
import traitlets
from IPython.core.interactiveshell import InteractiveShell
from pydantic import BaseModel
from sse_server import DONE, ScriptedServer
from until import TIMEOUT, until

from nbchat import ChatWidget, Reply
from nbchat._servers.chat_completions.response_format import read_response_format


def test_how_a_cell_shows_it(
    chat: ChatWidget, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.script(sse.text("Some **text** "), sse.hang())
    server.script(sse.status(500, {"error": {"message": "<b>No</b>"}}))
    reply = chat.send("Hi")
    with pytest.raises(NotImplementedError):  # no kernel: a terminal shows the repr
        reply._ipython_display_()
    shell = InteractiveShell()
    monkeypatch.setattr(shell, "kernel", object(), raising=False)
    monkeypatch.setattr("nbchat._turns.reply.get_ipython", lambda: shell)
    shown: list[Any] = []
    handle = SimpleNamespace(update=lambda data, raw: shown.append(data["text/markdown"]))
    monkeypatch.setattr(
        "nbchat._turns.reply.display",
        lambda data, **_: (shown.append(data["text/plain"]), handle)[1],
    )
    reply._ipython_display_()
    assert shown == ["The reply appears in the chat."]
    until(lambda: reply.text)
    reply.stop()
    until(lambda: len(shown) == 2)
    assert shown[1] == "Some **text** \n\nStopped."
    with pytest.raises(NotImplementedError):
        reply._ipython_display_()
    failed = chat.send("Hi")
    failed._ipython_display_()
    until(lambda: len(shown) == 4)
    assert shown[3].startswith("Error: ")
    assert "<b>" not in shown[3]


class Person(BaseModel):
    name: str
    age: int


ADA = '{"name": "Ada", "age": 36}'
WRONG = '{"name": "Ada", "age": "old"}'
SCHEMA = {
    "type": "json_schema",
    "json_schema": {
        "name": "Person",
        "schema": {
            "title": "Person",
            "type": "object",
            "properties": {
                "name": {"title": "Name", "type": "string"},
                "age": {"title": "Age", "type": "integer"},
            },
            "required": ["name", "age"],
            "additionalProperties": False,
        },
        "strict": True,
    },
}


@pytest.fixture(autouse=True)
def _own_cache(empty_cache: Path) -> None:
    """No list of another test's server is known."""


@pytest.fixture
def chat(make: Callable[..., ChatWidget]) -> ChatWidget:
    return make()


Answer = Callable[[str], Reply]


@pytest.fixture
def answer(chat: ChatWidget, server: ScriptedServer) -> Answer:
    """A reply with this text."""

    def ask(said: str) -> Reply:
        server.script(sse.text(said), sse.finish(), DONE)
        return chat.send("Go").wait(TIMEOUT)

    return ask


# Code


def test_code_blocks(answer: Answer) -> None:
    python = "```python\nx = '''\n\n``'''\n```"
    reply = answer(f"First:\n\n{python}\n\n1. Then\n\n   ~~~ Bash\n   ls\n   ~~~\n\n```\nplain")
    assert [tuple(block) for block in reply.code_blocks] == [
        ("python", "x = '''\n\n``'''"),
        ("bash", "ls"),
        ("", "plain"),
    ]
    first = reply.code_blocks[0]
    assert (first.language, first.code) == ("python", "x = '''\n\n``'''")
    with pytest.raises(AttributeError):
        first.code = ""  # type: ignore[misc]


def test_there_may_be_none(answer: Answer) -> None:
    reply = answer("Just `words` | and a pipe.")
    assert (reply.code_blocks, reply.tables) == ([], [])


# Tables


def test_tables_are_frames_in_which_numbers_are_numbers(answer: Answer) -> None:
    reply = answer(
        "Cities:\n\n"
        "| City | People | Share | Growth | Code |\n"
        "|:-----|-------:|:-----:|--------|------|\n"
        "| **Bern** | 134,591 | 1.5 | \u22120.5 | 007 |\n"
        "| `Chur` | 38 | 2e-3 | | 12 |\n"
        "\nand\n\n"
        "a | b\n--|--\n1 | x \\| y\n2\n3 | z | left over\n# No row\n"
    )
    cities, letters = reply.tables
    assert list(cities.columns) == ["City", "People", "Share", "Growth", "Code"]
    assert cities["City"].tolist() == ["Bern", "Chur"]
    assert cities["People"].tolist() == [134591, 38]
    assert pd.api.types.is_integer_dtype(cities["People"])
    assert cities["Share"].tolist() == [1.5, 0.002]
    assert cities["Growth"][0] == -0.5
    assert cities["Growth"].isna().tolist() == [False, True]
    assert cities["Code"].tolist() == ["007", "12"], "a name, not a number"
    assert letters["a"].tolist() == [1, 2, 3]
    assert letters["b"].tolist() == ["x | y", "", "z"]


@pytest.mark.parametrize(
    "text",
    [
        "```\n| a | b |\n|---|---|\n| 1 | 2 |\n```",
        "| a | b |\n|---|\n| 1 | 2 |",
        "A title\n---\ntext",
        "| a | b |\n\n|---|---|",
        "a | b",
    ],
)
def test_what_is_no_table(answer: Answer, text: str) -> None:
    assert answer(text).tables == []


def test_a_table_in_a_list_and_one_without_rows(answer: Answer) -> None:
    listed, empty = answer("- so\n\n  | a |\n  |---|\n  | 1 |\n\n> | b |\n> |:-:|\n").tables
    assert listed["a"].tolist() == [1]
    assert (list(empty.columns), len(empty)) == (["b"], 0)


def test_a_hostile_number_stays_text(answer: Answer) -> None:
    digits = "9" * 5000
    (table,) = answer(f"| a |\n|---|\n| {digits} |\n").tables
    assert table["a"].tolist() == [digits]


def test_without_pandas(answer: Answer, chat: ChatWidget, monkeypatch: pytest.MonkeyPatch) -> None:
    reply = answer("| a |\n|---|\n| 1 |")
    monkeypatch.setitem(sys.modules, "pandas", None)
    for use in (lambda: reply.tables, chat.to_frame):
        with pytest.raises(ImportError, match="pip install pandas"):
            use()


# JSON


@pytest.mark.parametrize(
    "text",
    [
        ' {"a": [1, null]}\n',
        'Here it is:\n\n```json\n{"a": [1, null]}\n```\nAnd:\n```json\n{}\n```',
        'Here it is:\n\n```python\nx\n```\n\n```JSON\n{"a": [1, null]}\n```',
        '```\n{"a": [1, null]}\n```',
    ],
)
def test_the_json_in_a_reply(answer: Answer, text: str) -> None:
    assert answer(text).json() == {"a": [1, None]}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("No.", "No JSON found in this reply"),
        ("```python\n{}\n```", "No JSON found in this reply"),
        ('{"a": ', "invalid: Expecting value"),
        ('```json\n{"a": \n```\n\n```json\n{}\n```', "invalid: Expecting value"),
        ("[" * 100_000, "invalid"),
    ],
)
def test_why_there_is_no_json(answer: Answer, text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        answer(text).json()


# A form that is asked for


def listed(server: ScriptedServer, *parameters: str) -> None:
    server.models = [{"id": "test/model", "supported_parameters": list(parameters)}]


def said(server: ScriptedServer, n: int = -1) -> list[tuple[str, str]]:
    return [(m["role"], m["content"]) for m in server.chats[n].body["messages"]]


@pytest.mark.parametrize("parameters", [(), ("response_format",), ("structured_outputs",)])
def test_a_model_of_pydantics(
    make: Callable[..., ChatWidget], server: ScriptedServer, parameters: tuple[str, ...]
) -> None:
    listed(server, *parameters)
    server.script(sse.text(ADA), sse.finish(), DONE)
    chat = make(system="Be brief.")
    reply = chat.send("Who?", response_format=Person).wait(TIMEOUT)
    assert reply.parsed == Person(name="Ada", age=36)
    assert server.chats[0].body["response_format"] == SCHEMA
    assert said(server) == [("system", "Be brief."), ("user", "Who?")]
    assert reply.notes == ()
    chat.send("Thanks").wait(TIMEOUT)
    assert "response_format" not in server.chats[1].body


def test_a_model_that_takes_no_form_is_told_in_words(
    make: Callable[..., ChatWidget], server: ScriptedServer
) -> None:
    listed(server, "temperature", "max_tokens")
    server.script(sse.text(f"Here:\n```json\n{ADA}\n```"), sse.finish(), DONE)
    reply = make(system="Be brief.").send("Who?", response_format=Person).wait(TIMEOUT)
    assert reply.parsed == Person(name="Ada", age=36)
    assert "response_format" not in server.chats[0].body
    (_, system), (_, question) = said(server)
    assert system.startswith("Be brief.\n\n")
    assert '"age"' in system
    assert question == "Who?"
    (note,) = reply.notes
    assert note.startswith("Sent without response_format: test/model does not accept it here.")


@pytest.mark.parametrize(
    "refusal",
    [
        {"message": "Unknown parameter", "param": "response_format"},
        {"message": "This model does not support structured outputs"},
        {"message": "json_schema is not supported here"},
    ],
)
def test_a_server_that_refuses_it_is_told_in_words(
    chat: ChatWidget, server: ScriptedServer, refusal: dict[str, str]
) -> None:
    server.script(sse.status(400, {"error": refusal}))
    server.script(sse.text(ADA), sse.finish(), DONE)
    reply = chat.send("Who?", response_format=Person).wait(TIMEOUT)
    assert reply.parsed.age == 36
    assert [("response_format" in request.body) for request in server.chats] == [True, False]
    assert said(server)[0][0] == "system"
    (note,) = reply.notes
    assert "response_format" in note
    chat.send("Again", response_format=Person).wait(TIMEOUT)
    assert "response_format" not in server.chats[2].body, "it is remembered"
    assert len(chat.messages) == 4, "what was said in words is no message"


def test_a_reply_that_does_not_fit(chat: ChatWidget, server: ScriptedServer) -> None:
    server.script(sse.text(WRONG), sse.finish(), DONE)
    reply = chat.send("Who?", response_format=Person).wait(TIMEOUT)
    with pytest.raises(ValueError, match="fit Person: age: Input should be a valid integer"):
        _ = reply.parsed
    assert reply.json() == {"name": "Ada", "age": "old"}
    server.script(sse.text("I'd rather not."), sse.finish(), DONE)
    with pytest.raises(ValueError, match="No JSON found in this reply"):
        _ = chat.regenerate().wait(TIMEOUT).parsed
    assert server.chats[1].body["response_format"] == SCHEMA, "another version has the same form"
    server.script(sse.text('{"name": "A'), sse.finish("length"), DONE)
    with pytest.raises(ValueError, match="stopped at the token limit"):
        _ = chat.edit(0, "Who then?").wait(TIMEOUT).parsed
    assert server.chats[2].body["response_format"] == SCHEMA
    server.script(sse.text('da", "age": 36}'), sse.finish(), DONE)
    assert chat.continue_reply().wait(TIMEOUT).parsed == Person(name="Ada", age=36)


def test_too_early_and_not_asked_for(chat: ChatWidget, server: ScriptedServer) -> None:
    more = threading.Event()
    server.script(sse.text(ADA), sse.gate(more), sse.finish(), DONE)
    reply = chat.send("Who?", response_format=Person)
    until(lambda: reply.text)
    with pytest.raises(ValueError, match="not ended"):
        _ = reply.parsed
    more.set()
    assert reply.wait(TIMEOUT).parsed.name == "Ada"
    with pytest.raises(ValueError, match="response_format"):
        _ = chat.send("And?").wait(TIMEOUT).parsed


def test_json_without_a_schema_and_a_schema_of_ones_own(
    chat: ChatWidget, server: ScriptedServer
) -> None:
    for given, sent in ((dict, {"type": "json_object"}), (SCHEMA, SCHEMA)):
        server.script(sse.text(WRONG), sse.finish(), DONE)
        reply = chat.send("JSON", response_format=given).wait(TIMEOUT)
        assert server.chats[-1].body["response_format"] == sent
        assert reply.parsed["age"] == "old"


@pytest.mark.parametrize("wrong", [int, "json", {"properties": {}}, Person(name="Ada", age=1)])
def test_what_is_no_form(chat: ChatWidget, wrong: object) -> None:
    with pytest.raises(TypeError, match="response_format"):
        chat.send("Hi", response_format=wrong)
    assert chat.messages == []


def test_a_name_that_servers_take() -> None:
    from typing import Generic, TypeVar

    Item = TypeVar("Item")

    class Box(BaseModel, Generic[Item]):
        item: Item

    assert read_response_format(Box[int]).param["json_schema"]["name"] == "Box_int_"


# The conversation as a DataFrame


def test_to_frame(chat: ChatWidget, server: ScriptedServer) -> None:
    before = time.time()
    server.script(sse.text("One"), sse.finish(), sse.usage(3, 5, cost=0.25), DONE)
    reply = chat.send("Count").wait(TIMEOUT)
    server.script(sse.text("Two"), sse.hang())
    second = chat.send("On")
    until(lambda: second.text)
    chat.stop()
    frame = chat.to_frame()
    assert list(frame.columns) == [
        *("role", "content", "model", "time", "prompt_tokens", "completion_tokens"),
        *("cost", "duration_s", "status", "finish_reason"),
    ]
    assert frame["role"].tolist() == ["user", "assistant", "user", "assistant"]
    assert frame["content"].tolist() == ["Count", "One", "On", "Two"]
    assert frame["status"].tolist() == ["complete", "complete", "complete", "stopped"]
    first = frame.iloc[1]
    assert (first["prompt_tokens"], first["completion_tokens"], first["cost"]) == (3, 5, 0.25)
    assert (first["model"], first["finish_reason"]) == ("test/model", "stop")
    assert first["duration_s"] == reply.duration_s
    assert frame["cost"].sum() == 0.25
    assert frame["prompt_tokens"].sum() == 3
    assert frame["time"].is_monotonic_increasing
    assert before - 1 < frame["time"][0].timestamp() < time.time() + 1
    assert str(frame["time"].dt.tz) == "UTC"


def test_an_empty_conversation_has_the_same_columns(chat: ChatWidget) -> None:
    frame = chat.to_frame()
    assert len(frame) == 0
    assert frame["time"].dt.year.tolist() == []


def test_times_are_saved_and_older_files_have_none(
    chat: ChatWidget, make: Callable[..., ChatWidget], tmp_path: Path
) -> None:
    reply = chat.send("Hi").wait(TIMEOUT)
    path = chat.save(tmp_path / "chat.json")
    again = ChatWidget.load(path, base_url="http://127.0.0.1:9/v1")
    try:
        pd.testing.assert_frame_equal(again.to_frame(), chat.to_frame())
        assert again._session.last_reply.first_token_s == reply.first_token_s
    finally:
        again.close()
    import json

    body = json.loads(path.read_text())
    for message in body["messages"]:
        del message["created"]
        message.pop("first_token_s", None)
    path.write_text(json.dumps(body))
    old = ChatWidget.load(path, base_url="http://127.0.0.1:9/v1")
    try:
        assert old.to_frame()["time"].isna().all()
        assert old.to_frame()["content"].tolist() == ["Hi", "You said: Hi"]
    finally:
        old.close()


def test_how_long_the_first_token_took(chat: ChatWidget, server: ScriptedServer) -> None:
    thinks, writes = threading.Event(), threading.Event()
    server.script(
        sse.gate(thinks), sse.reasoning("Hm"), sse.gate(writes), sse.text("Yes"), sse.finish(), DONE
    )
    reply = chat.send("Hi")
    server.wait_for_request()
    assert reply.first_token_s is None
    thinks.set()
    until(lambda: reply.reasoning)
    first = reply.first_token_s
    assert first is not None
    writes.set()
    reply.wait(TIMEOUT)
    assert reply.first_token_s == first
    assert reply.duration_s is not None
    assert reply.duration_s >= first > 0


# Traits for other widgets


@pytest.mark.parametrize(
    ("widget", "name", "there", "here"),
    [
        (lambda: ipywidgets.FloatSlider(max=2.0), "temperature", 0.3, 0.7),
        (lambda: ipywidgets.IntSlider(max=65535, value=8192), "max_tokens", 300, 400),
        (lambda: ipywidgets.FloatSlider(max=1.0, value=1.0), "top_p", 0.25, 0.5),
        (lambda: ipywidgets.Text(value="test/model"), "model", "a/b", "c/d"),
        (lambda: ipywidgets.Textarea(), "system", "Be kind.", "Be brief."),
        (
            lambda: ipywidgets.Dropdown(options=["low", "medium", "high"], value="medium"),
            *("reasoning_effort", "high", "low"),
        ),
    ],
)
def test_a_widget_is_linked_to_a_setting(
    chat: ChatWidget, server: ScriptedServer, widget: Any, name: str, there: Any, here: Any
) -> None:
    control = widget()
    link = traitlets.link((chat, name), (control, "value"))
    control.value = there
    assert getattr(chat, name) == there
    setattr(chat, name, here)
    assert control.value == here
    assert getattr(chat.settings, name) == here
    link.unlink()
    control.close()


def test_a_slider_leads_the_link(chat: ChatWidget, server: ScriptedServer) -> None:
    slider = ipywidgets.FloatSlider(value=0.4, max=2.0)
    traitlets.link((slider, "value"), (chat, "temperature"))
    assert chat.temperature == 0.4
    slider.value = 1.25
    chat.send("Hi").wait(TIMEOUT)
    assert server.chats[0].body["temperature"] == 1.25
    chat.temperature = 0.05
    assert slider.value == 0.05
    slider.close()


def test_busy_and_last_are_observed_though_they_change_on_another_thread(
    chat: ChatWidget, server: ScriptedServer
) -> None:
    seen: list[tuple[str, Any]] = []
    chat.observe(lambda change: seen.append((change["name"], change["new"])), ["busy", "last"])
    running = ipywidgets.Valid(value=False)
    traitlets.dlink((chat, "busy"), (running, "value"))
    more = threading.Event()
    server.script(sse.text("1"), sse.gate(more), sse.finish(), DONE)
    reply = chat.send("Hi")
    until(lambda: reply.text)
    assert running.value is True
    more.set()
    reply.wait(TIMEOUT)
    assert seen == [("busy", True), ("last", reply), ("busy", False)]
    assert running.value is False
    with pytest.raises(traitlets.TraitError):
        chat.busy = True
    running.close()
