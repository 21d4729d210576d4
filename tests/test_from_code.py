"""What notebook code meets: completion, one thing for a list, hints, and text as it arrives."""

from __future__ import annotations

import asyncio
import inspect
import pydoc
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, get_args

import ipywidgets
import pytest
import sse_server as sse
from sse_server import DONE, ScriptedServer
from test_attachments import png
from test_servers import Make
from until import TIMEOUT, until

import nbchat
from nbchat import ChatError, ChatWidget, Reply
from nbchat._servers import providers


@pytest.fixture
def chat(make: Make) -> ChatWidget:
    return make()


# Types

TYPED = """
from typing import Any
from pydantic import BaseModel
from nbchat import ChatWidget, Reply

class Person(BaseModel):
    name: str

chat = ChatWidget("a/b", provider="openai", reasoning_effort="low", tools=print, fallbacks="c/d")
reveal_type(chat.model)
reveal_type(chat.temperature)
reveal_type(chat.max_tokens)
reveal_type(chat.max_cost)
reveal_type(chat.busy)
reveal_type(chat.last)
reveal_type(chat.send("Hi"))
reveal_type(chat.send("Hi", response_format=Person).wait().parsed.name)
plain: Reply = chat.send("Hi", images="a.png", files=[("a.txt", b"a")])
async def deltas() -> None:
    reveal_type(await chat.send("Hi", response_format=dict))
    async for delta in plain:
        reveal_type(delta)
"""
TYPES = [
    *("str", "float", "int", "float | None", "bool", "Reply[Any] | None", "Reply[Any]", "str"),
    *("Reply[dict[Any, Any]]", "str"),
]


@pytest.mark.environments
def test_what_a_type_checker_knows(tmp_path: Path) -> None:
    (tmp_path / "typed.py").write_text(TYPED)
    wrong = "import nbchat\nchat = nbchat.ChatWidget(provider='opnai')\nchat.temperature = 'hot'\n"
    (tmp_path / "wrong.py").write_text(wrong)
    command = [sys.executable, "-m", "mypy", "--strict", "--no-pretty", "--config-file="]
    done = subprocess.run(
        [*command, "typed.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    revealed = [line.split('"')[1] for line in done.stdout.splitlines() if "Revealed" in line]
    short = [each.replace("builtins.", "") for each in revealed]
    short = [each.replace("nbchat._turns.reply.", "") for each in short]
    assert short == TYPES
    done = subprocess.run(
        [*command, "wrong.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stdout.count("error: ") == 2, done.stdout


def test_the_literal_names_all_providers() -> None:
    assert get_args(providers.ProviderName) == tuple(providers.KNOWN)


# Replies


def test_its_text_is_what_it_prints(chat: ChatWidget, server: ScriptedServer) -> None:
    server.script(sse.text("One "), sse.text("two"), sse.finish(), DONE)
    reply = chat.send("Hi").wait(TIMEOUT)
    assert str(reply) == f"{reply}" == "One two"
    assert repr(reply).startswith("<Reply complete")


async def collect(reply: Reply[Any]) -> list[str]:
    return [delta async for delta in reply]


def test_the_text_arrives_piece_by_piece(chat: ChatWidget, server: ScriptedServer) -> None:
    more = threading.Event()
    server.script(sse.text("One "), sse.gate(more), sse.text("two"), sse.finish(), DONE)
    reply = chat.send("Hi")

    async def read() -> list[str]:
        deltas = []
        async for delta in reply:
            deltas.append(delta)
            more.set()
        return deltas

    assert asyncio.run(read()) == ["One ", "two"]
    assert asyncio.run(collect(reply)) == ["One two"], "a late reader gets all from the start"


def test_several_readers_get_the_same(chat: ChatWidget, server: ScriptedServer) -> None:
    server.script(sse.text("a"), sse.text("b"), sse.finish(), DONE)
    reply = chat.send("Hi")

    async def both() -> list[list[str]]:
        return await asyncio.gather(collect(reply), collect(reply))

    assert {"".join(deltas) for deltas in asyncio.run(both())} == {"ab"}


def test_reading_ends_in_the_error(chat: ChatWidget, server: ScriptedServer) -> None:
    server.script(sse.text("One"), sse.error("Broken"))
    reply = chat.send("Hi")
    read: list[str] = []

    async def collect_until_error() -> None:
        async for delta in reply:
            read.append(delta)

    with pytest.raises(ChatError):
        asyncio.run(collect_until_error())
    assert read == ["One"]


def test_leaving_the_loop_stops_nothing_but_cancelling_does(
    chat: ChatWidget, server: ScriptedServer
) -> None:
    server.script(sse.text("One"), sse.hang())
    reply = chat.send("Hi")

    async def first() -> None:
        async for _ in reply:
            break

    asyncio.run(first())
    assert reply.status == "streaming"

    async def cancelled() -> None:
        task = asyncio.ensure_future(collect(reply))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(cancelled())
    until(lambda: reply.status == "stopped")


# Arguments


def test_the_model_comes_first() -> None:
    chat = ChatWidget("c/d", base_url="http://127.0.0.1:9/v1", api_key="k")
    assert chat.model == "c/d"
    chat.close()


def test_one_thing_where_a_list_is_expected(
    make: Make, server: ScriptedServer, tmp_path: Path
) -> None:
    def add(a: int, b: int) -> int:
        """Adds."""
        return a + b

    (tmp_path / "photo.png").write_bytes(png())
    (tmp_path / "table.csv").write_text("a,b")
    chat = make(tools=add, fallbacks="c/d")
    assert chat.fallbacks == ("c/d",)
    assert chat.tools == (add,)
    for options in (
        {"images": str(tmp_path / "photo.png"), "files": tmp_path / "table.csv"},
        {"images": png(), "files": ("table.csv", b"a,b")},
    ):
        server.script(sse.text("Yes."), sse.finish(), DONE)
        chat.send("Look", **options).wait(TIMEOUT)
        parts = server.chats[-1].body["messages"][-1]["content"]
        assert [part["type"] for part in parts] == ["text", "image_url", "text"]
        assert "table.csv" in parts[2]["text"]


def test_a_model_that_nobody_chose_is_named(make: Make, server: ScriptedServer) -> None:
    server.models = [{"id": "z/first"}, {"id": "a/second"}]
    chat = make(model="")
    notes = []
    for _ in range(2):
        server.script(sse.text("Yes."), sse.finish(), DONE)
        notes.append(chat.send("Hi").wait(TIMEOUT).notes)
    assert chat.model in notes[0][0]
    assert "No model was chosen" in notes[0][0]
    assert notes[1] == ()


# Hints


@pytest.mark.parametrize(
    ("name", "meant"), [("modle", "model"), ("tool", "tools"), ("maxcost", "max_cost")]
)
def test_a_misspelled_argument_is_explained(name: str, meant: str) -> None:
    with pytest.raises(TypeError, match=f"no argument '{name}'. Did you mean '{meant}'"):
        ChatWidget(**{name: None})
    with pytest.raises(TypeError, match=r"no argument 'colour'\.$"):
        ChatWidget(**{"colour": 1})


@pytest.mark.parametrize(
    ("name", "meant"), [("temprature", "temperature"), ("max_token", "max_tokens")]
)
def test_a_misspelled_attribute_is_refused(chat: ChatWidget, name: str, meant: str) -> None:
    with pytest.raises(AttributeError, match=f"'{name}'. Did you mean '{meant}'"):
        setattr(chat, name, 0.2)
    chat.anything = 1  # type: ignore[attr-defined]
    chat._modle = 1  # type: ignore[attr-defined]
    chat.add_class("x")
    chat.layout.width = "50%"


def test_a_subclass_has_names_of_its_own() -> None:
    class Named(ChatWidget):
        tool: str
        modle = ""

        def __init__(self, colour: str, **options: Any) -> None:
            super().__init__(base_url="http://127.0.0.1:9/v1", api_key="k", **options)
            self.tool = self.modle = self.colour = colour

    chat = Named("red")
    assert (chat.tool, chat.modle, chat.colour) == ("red", "red", "red")
    assert {"tool", "modle", "send"} <= {*dir(chat)}
    chat.close()


def test_a_key_is_in_no_traceback_of_a_misspelled_argument() -> None:
    with pytest.raises(TypeError) as caught:
        ChatWidget(api_key="sk-very-secret", modle="m")  # type: ignore[call-arg]
    trace = caught.value.__traceback__
    while (trace := trace and trace.tb_next) is not None:
        assert "sk-very-secret" not in repr(trace.tb_frame.f_locals)


def test_completion_lists_the_chats_own_names(chat: ChatWidget) -> None:
    names = {name for name in dir(chat) if not name.startswith("_")}
    assert names >= {"send", "model", "max_cost", "tools", "last", "messages", "observe", "layout"}
    assert not names & {"add_traits", "get_state", "send_state", "trait_defaults", "notify_change"}
    assert len(names) < 60
    text = pydoc.render_doc(ChatWidget)
    assert "undo_clear" in text
    assert "add_traits" not in text
    assert chat.trait_names() == ipywidgets.VBox.trait_names(chat)
    assert next(iter(inspect.signature(ChatWidget).parameters)) == "model"


def test_a_message_that_is_not_there(chat: ChatWidget) -> None:
    with pytest.raises(IndexError, match=r"no messages\[99\]: the chat has 0 messages"):
        chat.edit(99, "x")


@pytest.mark.parametrize("suffix", ["json", "md", "ipynb"])
def test_a_missing_folder_is_named(chat: ChatWidget, tmp_path: Path, suffix: str) -> None:
    with pytest.raises(FileNotFoundError, match=r"no such folder.*missing"):
        chat.save(tmp_path / "missing" / f"chat.{suffix}")


def test_it_has_a_version() -> None:
    assert nbchat.__version__[0].isdigit()
    assert "__version__" in dir(nbchat)
