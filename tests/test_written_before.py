"""What earlier versions of nbchat wrote still opens, with all that is in it.

The files in `written_by` are never edited: where one of these tests fails, users lose a chat.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sse_server as sse
from lab import ChatPage, Lab, NotebookPage
from playwright.sync_api import Locator, Page, expect
from sse_server import DONE, ScriptedServer
from until import TIMEOUT

from nbchat import ChatSettings, ChatWidget

Make = Callable[..., ChatWidget]
Load = Callable[[Path], ChatWidget]

WRITTEN = Path(__file__).parent / "written_by" / "0.1.0"
# Where the server was that answered then.
SERVER = "127.0.0.1:8123"

SYSTEM = "Answer briefly.\nNumbers go into a table. Ü 🙂"
IMAGE = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIA"
    "X8jx0gAAAABJRU5ErkJggg=="
)
PAPER = (
    "data:application/pdf;base64,JVBERi0xLjQKMSAwIG9iago8PCA+PgplbmRvYmoKdHJhaWxlcgo8PCA+PgolJUVP"
    "Rgo="
)
PEOPLE = "people.csv:\n\n```\nname,born\nAda,1815\n```"
OVERLOADED = f"{SERVER} is overloaded or down for the moment"


def call(id_: str, name: str, arguments: str) -> dict[str, Any]:
    return {"id": id_, "type": "function", "function": {"name": name, "arguments": arguments}}


def result(id_: str, content: str) -> dict[str, str]:
    return {"role": "tool", "tool_call_id": id_, "content": content}


def said(*contents: str) -> list[dict[str, str]]:
    """Messages of the user and the assistant in turns."""
    return [
        {"role": "assistant" if index % 2 else "user", "content": content}
        for index, content in enumerate(contents)
    ]


# Of `chat.json`: what a model is told.
MESSAGES = [
    {"role": "system", "content": SYSTEM},
    {
        "role": "user",
        "content": [
            {"type": "text", "text": "What is in these files?"},
            {"type": "image_url", "image_url": {"url": IMAGE}},
            {"type": "text", "text": PEOPLE},
            {"type": "file", "file": {"filename": "paper.pdf", "file_data": PAPER}},
        ],
    },
    {"role": "assistant", "content": "A red dot, **Ada**, and a paper."},
    {"role": "user", "content": "What are 2 + 3 and 1 / 0? Then forget it all."},
    {
        "role": "assistant",
        "content": "Let me calculate.",
        "tool_calls": [
            call("call_1", "add", '{"a": 2, "b": 3}'),
            call("call_2", "divide", '{"a": 1, "b": 0}'),
            call("call_3", "forget", '{"what": "all"}'),
        ],
        "reasoning_details": [
            {
                "type": "reasoning.text",
                "text": "I need a calculator.",
                "format": "anthropic-claude-v1",
                "index": 0,
                "signature": "c2lnbmVkIHRvbw==",
            }
        ],
    },
    result("call_1", "5"),
    result("call_2", "ZeroDivisionError: division by zero"),
    result("call_3", "The person did not allow this call."),
    {"role": "assistant", "content": "2 + 3 is 5, and 1 / 0 is not a number."},
    {"role": "user", "content": "And 4 + 5?"},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [call("call_4", "add", '{"a": 4, "b": 5}')],
        "reasoning_content": "Add them.",
    },
    result("call_4", "9"),
    {"role": "assistant", "content": "9"},
    *said(
        *("Write a long poem.", "Roses are red,\nviolets are"),
        *("Count to a million.", "1, 2, 3, "),
        *("Tell me a story.", "Half a sen"),
        *("What is the capital of France?", "Paris"),
        *("Draw a red dot.", "Here it is:\n\n```python\nprint('dot')\n```\n\n\n[image-1]"),
        *("Thanks!", "You are welcome."),
    ),
]

# Of the replies that are shown: model, tokens in and out, US dollars, status, finish_reason.
REPLIES = [
    ("test/thinker", 125, 31, 0.002, "complete", "stop"),
    ("test/thinker", 460, 58, 0.007, "complete", "stop"),
    ("test/thinker", 630, 22, 0.011, "complete", "stop"),
    ("test/thinker", 340, 900, 0.007, "complete", "length"),
    ("test/thinker", None, None, None, "stopped", None),
    ("test/thinker", None, None, None, "error", "error"),
    ("test/thinker", None, None, None, "error", None),
    ("test/other", 400, 5, 0.0041, "complete", "stop"),  # its cost is estimated
    ("test/thinker", 420, 30, 0.009, "complete", "stop"),
    ("test/thinker", 470, 4, 0.011, "complete", "stop"),
]


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's data folder in which nothing is, and a folder for notebooks."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    return tmp_path / "data"


@pytest.fixture
def load(server: ScriptedServer) -> Iterator[Load]:
    """Opens saved chats, and closes them."""
    chats: list[ChatWidget] = []

    def load_chat(path: Path) -> ChatWidget:
        chats.append(ChatWidget.load(path, base_url=server.base_url))
        return chats[-1]

    yield load_chat
    for chat in chats:
        chat.close()


def replies(chat: ChatWidget) -> list[tuple[Any, ...]]:
    frame = chat.to_frame().astype(object)
    rows = frame.where(frame.notna(), None)[lambda rows: rows["role"] == "assistant"]
    columns = ["model", "prompt_tokens", "completion_tokens", "cost", "status", "finish_reason"]
    return [tuple(row) for row in rows[columns].to_numpy()]


def check(chat: ChatWidget) -> None:
    """Asserts that this is the chat of `chat.json`."""
    assert chat.settings == ChatSettings(
        model="test/thinker",
        system=SYSTEM,
        reasoning_effort="high",
        temperature=0.3,
        max_tokens=900,
        top_p=0.9,
    )
    assert chat.messages == MESSAGES
    assert replies(chat) == REPLIES
    frame = chat.to_frame()
    assert frame["time"][0].isoformat(timespec="milliseconds") == "2026-11-28T00:08:22.827+00:00"
    assert frame["duration_s"][1] == pytest.approx(0.06336205799993877)
    # All branches count.
    assert chat.usage is not None
    assert dataclasses.asdict(chat.usage) == {
        "prompt_tokens": 3945,
        "completion_tokens": 1073,
        "total_tokens": 5018,
        "reasoning_tokens": 28,
        "cached_tokens": 100,
        "cost": pytest.approx(0.0711),
    }


# A saved chat


def test_a_saved_chat_opens(load: Load) -> None:
    check(load(WRITTEN / "chat.json"))


def test_a_saved_chat_goes_on(load: Load, server: ScriptedServer) -> None:
    chat = load(WRITTEN / "chat.json")
    assert chat.send("Still there?").wait(TIMEOUT).text == "You said: Still there?"
    body = server.chats[0].body
    assert (body["model"], body["temperature"], body["max_tokens"]) == ("test/thinker", 0.3, 900)
    assert chat.messages == [*MESSAGES, *said("Still there?", "You said: Still there?")]


def test_saved_again_it_has_lost_nothing(load: Load, tmp_path: Path) -> None:
    path = load(WRITTEN / "chat.json").save(tmp_path / "chat.json")
    check(load(path))
    before, after = (json.loads(file.read_text("utf-8")) for file in (WRITTEN / "chat.json", path))
    assert after["settings"] == before["settings"]
    for message in after["messages"]:
        if error := message.get("error"):  # 0.1.0 wrote them as one text
            assert error["message"].startswith(f"{error.pop('title')}. {error.pop('advice')}")
            assert error.pop("server") == ""
    # The branches that are not shown are in it too.
    assert after["messages"] == before["messages"]


def test_an_exported_chat_has_all_that_people_read(load: Load, tmp_path: Path) -> None:
    markdown = load(WRITTEN / "chat.json").save(tmp_path / "chat.md").read_text("utf-8")
    for text in (
        "The image is red. The list has one name.",  # thoughts
        "I need a calculator.",
        "image.png, people.csv, paper.pdf",
        "ZeroDivisionError: division by zero",
        f"{OVERLOADED}. Try again soon, or pick another model.",
        "The provider fell over",
        "Insufficient credits",
        f"test/thinker failed ({OVERLOADED}): test/other was asked.",
    ):
        assert text in markdown


@pytest.mark.parametrize("suffix", [".json", ".md", ".ipynb"])
def test_an_exported_chat_is_known_as_ours_and_overwritten(
    make: Make, tmp_path: Path, suffix: str
) -> None:
    path = Path(shutil.copy(WRITTEN / f"chat{suffix}", tmp_path))
    assert "Roses are red" in path.read_text("utf-8")
    chat = make()
    chat.send("Something else").wait(TIMEOUT)
    assert chat.save(path) == path
    assert "You said: Something else" in path.read_text("utf-8")
    assert "Roses are red" not in path.read_text("utf-8")


# A named chat


def put(data: Path, name: str) -> Path:
    """Puts a file where 0.1.0 kept the chat "analysis" of this folder of notebooks."""
    key = hashlib.sha256(os.fsencode(os.getcwd()) + b"\0analysis").hexdigest()[:16]
    folder = data / "nbchat" / "chats"
    folder.mkdir(parents=True)
    return Path(shutil.copy(WRITTEN / name, folder / f"analysis-{key}.json"))


def test_a_named_chat_comes_back(make: Make, server: ScriptedServer, data: Path) -> None:
    file = put(data, "named.json")
    chat = make(name="analysis")
    assert chat.settings == ChatSettings(
        model="test/model",  # as the cell says
        system="Be brief.",
        reasoning_effort="low",
        temperature=0.25,
        max_tokens=700,
        top_p=0.8,
    )
    messages = [
        {"role": "system", "content": "Be brief."},
        *said("The capital of France?", "Paris"),
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "And of Italy?"},
                {"type": "text", "text": PEOPLE},
            ],
        },
        {"role": "assistant", "content": "Rome"},
    ]
    assert chat.messages == messages
    assert replies(chat) == [
        ("test/thinker", 30, 6, 0.5, "complete", "stop"),
        ("test/thinker", 40, 2, 0.25, "complete", "stop"),
    ]
    assert chat.usage is not None
    assert chat.usage.cost == 1.0  # with that of the other version
    chat.send("And of Spain?").wait(TIMEOUT)
    assert server.chats[-1].body["messages"][-1]["content"] == "And of Spain?"
    chat.close()
    texts = [message.get("content") for message in json.loads(file.read_text("utf-8"))["messages"]]
    assert {"Paris", "Rom", "Rome", "You said: And of Spain?"} <= set(texts)


def test_a_named_chat_comes_back_after_its_kernel_was_killed(
    make: Make, server: ScriptedServer, data: Path
) -> None:
    put(data, "killed.json")
    chat = make(name="analysis")
    assert chat.temperature == 0.25
    assert [row[4] for row in replies(chat)] == ["complete", "stopped", "stopped"]
    assert chat.messages[:4] == [
        *said("The capital of France?", "Paris", "And how many people live there?"),
        {
            "role": "assistant",
            "content": "Let me look.",
            "tool_calls": [call("call_1", "slow", '{"n": 1}')],
        },
    ]
    assert chat.messages[4]["tool_call_id"] == "call_1"
    assert "stopped" in chat.messages[4]["content"]
    server.script(sse.text("About two million."), sse.finish(), DONE)
    assert chat.retry().wait(TIMEOUT).text == "About two million."
    assert chat.messages[-2:] == said("Thank you.", "About two million.")


# In JupyterLab


@pytest.fixture
def open_file(page: Page, lab: Lab) -> Iterator[Callable[[str], NotebookPage]]:
    """Opens a notebook of the lab's folder in the test's page; its kernel ends with the test."""
    yield lambda name: NotebookPage(page, lab, name)
    lab.shut_down_kernels()


def press(article: Locator, name: str) -> None:
    article.get_by_role("button", name=name, exact=True).press("Enter")


@pytest.mark.browser
def test_a_saved_chat_is_shown_with_its_branches(
    lab: Lab, open_file: Callable[[str], NotebookPage], server: ScriptedServer
) -> None:
    shutil.copy(WRITTEN / "chat.json", lab.root / "written before.json")
    cell = (
        "from nbchat import ChatWidget\n"
        f"chat = ChatWidget.load('written before.json', base_url={server.base_url!r})\nchat"
    )
    notebook = open_file(lab.write([cell]))
    notebook.run(0)
    chat = ChatPage(notebook.cell(0))
    expect(chat.assistant_messages).to_have_count(10)
    reply = chat.assistant_messages

    first = chat.user_messages.first
    for name in ("image.png", "people.csv", "paper.pdf"):
        expect(first.get_by_role("button", name=f"Save {name}")).to_have_count(1)
    first.scroll_into_view_if_needed()
    expect(first.get_by_role("img", name="image.png")).to_have_js_property("naturalWidth", 1)
    thoughts = chat.open_thoughts(reply.nth(0))
    expect(thoughts).to_contain_text("The image is red. The list has one name.")
    for name, outcome, told in (
        ("add", "→ 5", "5"),
        ("divide", "→ ZeroDivisionError", "ZeroDivisionError: division by zero"),
        ("forget", "Denied", "The person did not allow this call."),
    ):
        card = reply.nth(1).get_by_role("group", name=f"Call of {name}")
        expect(card).to_contain_text(outcome)
        expect(card.get_by_label("Result")).to_have_text(told)
    expect(reply.nth(3)).to_contain_text("Stopped at the token limit")
    expect(reply.nth(4)).to_contain_text("Stopped")
    expect(reply.nth(5).get_by_role("alert")).to_contain_text("The provider fell over")
    expect(reply.nth(6).get_by_role("alert")).to_contain_text("Insufficient credits")
    expect(reply.nth(7)).to_contain_text("test/other was asked.")
    drawn = reply.nth(8)
    drawn.scroll_into_view_if_needed()
    expect(drawn.get_by_role("img", name="image-1")).to_have_js_property("naturalWidth", 1)

    expect(drawn).to_contain_text("2/3")
    press(drawn, "Next version")
    expect(chat.reply).to_contain_text("Sorry, no.")
    press(chat.reply, "Previous version")
    expect(chat.reply).to_contain_text("You are welcome.")
    press(drawn, "Previous version")
    expect(chat.reply).to_contain_text("I can't draw.")
    expect(first).to_contain_text("2/2")
    press(first, "Previous version")
    expect(chat.user_messages).to_contain_text(["What are these?", "Are you sure?"])
    expect(reply).to_contain_text(["A dot, a list and a paper.", "Quite sure."])
    expect(first.get_by_role("button", name="Save paper.pdf")).to_have_count(1)
    expect(chat.ask("Really?")).to_contain_text("You said: Really?")


@pytest.mark.browser
@pytest.mark.parametrize("trusted", [False, True], ids=["not trusted", "trusted"])
def test_a_saved_notebook_is_readable_and_runs(
    lab: Lab, open_file: Callable[[str], NotebookPage], server: ScriptedServer, trusted: bool
) -> None:
    saved = (WRITTEN / "notebook.ipynb").read_text("utf-8")
    path = lab.root / f"written before, {trusted}.ipynb"
    path.write_text(saved.replace(SERVER, server.base_url.split("/")[2]), "utf-8")
    notebook = open_file(path.name)
    if trusted:  # as on the machine that wrote it: what is saved of the widgets is shown too
        notebook.trust()
        notebook.reload()
    for text in (
        *("Say hello.", "Bonjour", "Write some code.", "6 * 7"),
        *("Which numbers are these?", "| Ada | 1815 |", "Count.", "1 2 3", "Stopped."),
    ):
        expect(notebook.cell(0).get_by_text(text)).to_be_visible()
    expect(notebook.cell(1).get_by_role("cell", name="1815")).to_be_visible()

    notebook.run(0)
    chat = ChatPage(notebook.cell(0))
    expect(chat.message).to_be_visible()
    expect(chat.assistant_messages).to_have_count(0)
    expect(notebook.cell(0).get_by_text("Bonjour")).to_have_count(0)
    expect(chat.ask("Good morning")).to_contain_text("You said: Good morning")
    assert server.chats[0].body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Good morning"},
    ]
