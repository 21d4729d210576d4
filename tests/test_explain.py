"""What is told about a cell that failed, and when the chat offers to explain it."""

from __future__ import annotations

import gc
import json
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
import sse_server as sse
from IPython.core.interactiveshell import InteractiveShell
from matplotlib.figure import Figure
from pages import ask_page, receive
from sse_server import ScriptedServer
from test_attached import blind
from test_servers import Make, loaded, snapshot
from test_variables import Hostile, until_given_up
from until import TIMEOUT, until

from nbchat import ChatWidget
from nbchat._notebook import notebook
from nbchat._notebook.failed_cell import QUESTION, FailedCell

DEFINE = """
import json
rows, column = [{"price": 1}], "prize"
def total(rows):
    return sum(row[column] for row in rows)
"""


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> Iterator[InteractiveShell]:
    shell = InteractiveShell()
    monkeypatch.setattr(shell, "showtraceback", lambda *_, **__: None)
    monkeypatch.setattr(shell, "showsyntaxerror", lambda *_, **__: None)
    monkeypatch.setattr(notebook, "get_ipython", lambda: shell)
    run(shell, DEFINE)
    yield shell
    shell.history_manager.end_session()


def run(shell: InteractiveShell, source: str) -> Any:
    return shell.run_cell(source, store_history=True)


def failure(shell: InteractiveShell, source: str) -> FailedCell:
    result = run(shell, source)
    error = result.error_before_exec or result.error_in_exec
    assert error is not None
    return FailedCell(error, source, result.execution_count)


# The text


def test_the_persons_frames_come_first_and_libraries_are_brief(shell: InteractiveShell) -> None:
    failed = failure(shell, "x = '{'\njson.loads(x)")
    told = failed.describe(4000)
    assert told.name == failed.title == "JSONDecodeError in cell [2]"
    assert told.text.startswith("json.decoder.JSONDecodeError: Expecting property name")
    places = [told.text.index(part) for part in ("--> ", "json/__init__.py:", "The cell:")]
    assert places == sorted(places)
    assert "-->    2 json.loads(x)" in told.text
    assert "interactiveshell" not in told.text
    assert told.text.endswith("The cell:\nx = '{'\njson.loads(x)")


def test_it_names_the_variables_of_the_code_that_failed(shell: InteractiveShell) -> None:
    failed = failure(shell, "y = 1\nz = total(rows)")
    assert failed.names(shell.user_ns) == ["column", "total", "rows"]
    assert "return sum(row[column] for row in rows)" in failed.describe(4000).text


def test_no_colours_no_keys_no_more_than_the_limit(shell: InteractiveShell) -> None:
    raised = "raise ValueError('\\x1b[31mred\\x1b[0m ' + key)"
    failed = failure(shell, f"key = 'sk-or-v1-0123456789abcdef0123456789'\n{raised}")
    told = failed.describe(4000).text
    assert told.startswith("ValueError: red [key]")
    assert "\x1b" not in told
    assert "0123456789" not in told
    assert len(failed.describe(150).text) <= 150


def test_causes_groups_and_errors_of_syntax(shell: InteractiveShell) -> None:
    told = failure(shell, "try:\n    1/0\nexcept Exception as e:\n    raise KeyError('k') from e")
    text = told.describe(4000).text
    assert text.index("KeyError: 'k'") < text.index("Caused by:\nZeroDivisionError")
    syntax = failure(shell, "a = 1)").describe(4000)
    assert syntax.name.startswith("SyntaxError in cell")
    assert "a = 1)" in syntax.text


@pytest.mark.parametrize("how", ["waits", "loops", "raises", "huge"])
def test_an_error_that_cannot_be_put_in_words(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nbchat._notebook.failed_cell.TIME_LIMIT_S", 0.2)
    hostile = Hostile(how)

    class OddError(Exception):
        def __str__(self) -> str:
            return repr(hostile)

    try:
        raise OddError
    except OddError as error:
        told = FailedCell(error, "odd()", 3).describe(1000)
    assert told.name == "OddError in cell [3]"
    assert told.text.endswith("The cell:\nodd()") or how == "huge"
    assert len(told.text) <= 1000
    hostile.go_on.set()
    until_given_up()


# The offer


def offers(chat: ChatWidget) -> list[str]:
    return [each["text"] for each in snapshot(chat)["notices"] if each["id"] == "failed-cell"]


def test_it_is_offered_until_a_cell_succeeds(make: Make, shell: InteractiveShell) -> None:
    chat = make()
    chat._notebook.use()
    run(shell, "total(rows)")
    assert offers(chat) == ["KeyError in cell [2]."]
    run(shell, "1/0")
    assert offers(chat)[0].startswith("ZeroDivisionError in cell [3]")
    run(shell, "1")
    assert offers(chat) == []


@pytest.mark.parametrize(
    "source", ["raise KeyboardInterrupt", "import nbchat\nraise nbchat.ChatError('no')"]
)
def test_what_is_not_offered(make: Make, shell: InteractiveShell, source: str) -> None:
    chat = make()
    chat._notebook.use()
    run(shell, source)
    assert offers(chat) == []
    with pytest.raises(RuntimeError, match="no cell has failed"):
        chat.explain()
    assert chat.messages == []


def test_of_several_chats_the_one_used_last_offers(
    make: Make, shell: InteractiveShell, server: ScriptedServer
) -> None:
    first, second = make(), make()
    first._notebook.use()
    second._notebook.use()
    run(shell, "1/0")
    assert (len(offers(first)), len(offers(second))) == (0, 1)
    first.send("Hi").wait(TIMEOUT)
    run(shell, "2/0")
    assert len(offers(first)) == 1


def test_a_chat_that_was_not_shown_by_itself_offers_too(
    make: Make, shell: InteractiveShell
) -> None:
    shown, within_a_box = make(), make()
    shown._notebook.use()
    shown.close()
    run(shell, "1/0")
    assert len(offers(within_a_box)) == 1


def test_what_the_browser_gets_of_it(make: Make, shell: InteractiveShell) -> None:
    chat = make()
    with pytest.raises(RuntimeError, match="no cell has failed"):
        ask_page(chat, "failure")
    run(shell, "total(rows)")
    told = json.loads(ask_page(chat, "failure").content)
    assert told["question"] == QUESTION
    assert told["name"] == "KeyError in cell [2]"
    assert told["text"].startswith("KeyError: 'prize'")
    assert told["variables"] == ["column", "total", "rows"]


def test_explain_sends_it_at_once(
    make: Make, shell: InteractiveShell, server: ScriptedServer
) -> None:
    server.script(sse.text("A typo."), sse.finish(), sse.DONE)
    chat = make()
    run(shell, "total(rows)")
    assert chat.explain().wait(TIMEOUT).text == "A typo."
    question, error, *variables = server.chats[0].body["messages"][0]["content"]
    assert question["text"] == QUESTION
    assert "KeyError: 'prize'" in error["text"]
    assert [each["text"].split(":")[0] for each in variables] == ["@column", "@total", "@rows"]


def test_a_closed_chat_listens_no_more(shell: InteractiveShell, server: ScriptedServer) -> None:
    listening = len(shell.events.callbacks["post_run_cell"])
    gone = []
    for _ in range(5):
        chat = ChatWidget(base_url=server.base_url, model="test/model")
        chat._notebook.use()
        run(shell, "big = [0]\n1/0")
        chat.close()
        run(shell, "2/0")
        with pytest.raises(RuntimeError, match="closed"):
            chat.explain()
        gone.append(weakref.ref(chat))
    assert len(shell.events.callbacks["post_run_cell"]) == listening
    del chat
    until(lambda: gc.collect() >= 0 and all(each() is None for each in gone))


# Variables from code


def test_send_takes_along_what_it_mentions(
    make: Make, shell: InteractiveShell, server: ScriptedServer
) -> None:
    chat = make(variable_chars=200)
    shell.user_ns["text"] = "x" * 1000
    text = "Is @rows or @text odd, @nobody? And @rows[0]['price']."
    chat.send(text, mentions=True).wait(TIMEOUT)
    said, rows, long, price = server.chats[0].body["messages"][0]["content"]
    assert said["text"] == text
    assert rows["text"] == "@rows:\n\n```\nrows: list\n[{'price': 1}]\n```"
    assert "cut at 200 characters" in long["text"]
    assert price["text"].startswith("@rows[0]['price']:")
    chat.send("me@rows.org", mentions=True).wait(TIMEOUT)
    assert server.chats[1].body["messages"][-1]["content"] == "me@rows.org"


def test_foreign_text_takes_no_variables_along(
    make: Make, shell: InteractiveShell, server: ScriptedServer
) -> None:
    page = "Reader, compare @rows and @column."
    reply = make().send(f"Summarise: {page}").wait(TIMEOUT)
    assert server.chats[0].body["messages"][0]["content"] == f"Summarise: {page}"
    assert reply.notes == ()


def test_a_figure_is_told_in_words_to_a_model_that_takes_no_images(
    make: Make, shell: InteractiveShell, server: ScriptedServer
) -> None:
    blind(server)
    chat = loaded(make(model="can/see"))
    shell.user_ns["fig"] = Figure()
    chat.send("See @fig", mentions=True).wait(TIMEOUT)
    chat.model = "test/model"
    chat.send("And @fig?", mentions=True).wait(TIMEOUT)
    seen, told = (asked.body["messages"][-1]["content"][1] for asked in server.chats)
    assert seen["type"] == "image_url"
    assert "@fig (as text)" in told["text"]
    assert "test/model does not accept images." in told["text"]


def test_the_browsers_messages_take_along_only_what_it_showed(
    make: Make, shell: InteractiveShell, server: ScriptedServer
) -> None:
    chat = make()
    message = {"type": "send", "content": "Is @rows odd?", "attachments": []}
    receive(chat, message)
    chat.last.wait(TIMEOUT)
    assert server.chats[0].body["messages"][0]["content"] == "Is @rows odd?"


def test_what_the_browser_gets_of_variables(make: Make, shell: InteractiveShell) -> None:
    chat = make()
    names = json.loads(ask_page(chat, "names").content)
    assert names[0] == {"name": "total", "hint": "function"}
    assert {"name": "rows", "hint": "list 1"} in names
    assert not {"In", "get_ipython", "json"} & {each["name"] for each in names}
    name, content = ask_page(chat, "variable", name="column.Then")
    assert name == "@column"
    assert b"prize" in content
    with pytest.raises(ValueError, match="no variable 'nobody'"):
        ask_page(chat, "variable", name="nobody")


@pytest.mark.parametrize("how", ["exits", "interrupts"])
def test_the_browser_gets_an_answer_whatever_a_variable_does(
    how: str, make: Make, shell: InteractiveShell
) -> None:
    shell.user_ns["it"] = Hostile(how)
    assert b"can't be described" in ask_page(make(), "variable", name="it").content
    assert {"name": "it", "hint": "Hostile"} in json.loads(ask_page(make(), "names").content)


def test_a_limit_that_is_none(make: Make) -> None:
    with pytest.raises(ValueError, match="variable_chars must be at least 1"):
        make(variable_chars=0)
