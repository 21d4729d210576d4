"""Clear chat destroys nothing: what was cleared comes back, from the page, code and a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sse_server as sse
from pages import ask_page
from sse_server import DONE, ScriptedServer
from test_attachments import png
from test_servers import Make, notices, press, snapshot
from until import TIMEOUT, until

from nbchat import ChatError, ChatWidget


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_cache: Path) -> Path:
    """The user's data folder."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return tmp_path / "data"


def said(chat: ChatWidget) -> list[str]:
    return [message["content"] for message in snapshot(chat)["messages"]]


def test_undo_brings_all_back(make: Make) -> None:
    chat = make()
    chat.send("One", images=[png()]).wait(TIMEOUT)
    chat.regenerate().wait(TIMEOUT)
    before = snapshot(chat)
    ask_page(chat, "clear")
    after = snapshot(chat)
    assert (after["messages"], after["usage"], after["download"]) == ([], None, None)
    (offer,) = after["notices"]
    assert offer["text"] == "Chat cleared."
    assert [action["label"] for action in offer["actions"]] == ["Undo"]
    press(chat, "cleared", "undo")
    undone = snapshot(chat)
    assert undone.pop("download")
    assert before.pop("download")
    assert undone.pop("seq") > before.pop("seq")
    assert undone == before
    assert chat._last_reply.read()[1].decode() == before["messages"][1]["content"]
    chat.edit(0, "Two").wait(TIMEOUT)
    assert snapshot(chat)["messages"][0]["branch"] == {"index": 1, "count": 2}


def test_what_streams_is_stopped_and_comes_back(make: Make, server: ScriptedServer) -> None:
    chat = make()
    server.script(sse.text("Half a sen"), sse.hang())
    reply = chat.send("Tell me")
    waiting = chat.send("And then?", queue=True)
    until(lambda: reply.text)
    chat.clear()
    assert (reply.status, waiting.status) == ("stopped", "stopped")
    chat.undo_clear()
    assert said(chat) == ["Tell me", "Half a sen", "And then?", ""]
    assert chat.retry().wait(TIMEOUT).text == "You said: And then?"
    assert [m["content"] for m in server.chats[1].body["messages"]][:2] == ["Tell me", "Half a sen"]


def test_the_next_message_takes_the_offer_away_but_code_can_still_undo(make: Make) -> None:
    chat = make()
    chat.send("One").wait(TIMEOUT)
    chat.clear()
    chat.send("Two").wait(TIMEOUT)
    assert notices(chat) == {}
    with pytest.raises(ValueError, match="no longer shown"):
        press(chat, "cleared", "undo")
    chat.undo_clear()
    assert said(chat) == ["One", "You said: One"]
    assert notices(chat) == {}
    chat.undo_clear()
    assert said(chat) == ["Two", "You said: Two"]


def test_clearing_twice_keeps_both(make: Make) -> None:
    chat = make()
    for text in ("One", "Two"):
        chat.send(text).wait(TIMEOUT)
        chat.clear()
    chat.clear()  # an empty chat: nothing to keep, and the offer stays
    assert "cleared" in notices(chat)
    chat.undo_clear()
    assert said(chat)[0] == "Two"
    chat.undo_clear()
    assert said(chat)[0] == "One"
    chat.undo_clear()
    assert said(chat)[0] == "Two"


def test_when_nothing_can_be_undone(make: Make, server: ScriptedServer) -> None:
    chat = make()
    with pytest.raises(RuntimeError, match="nothing to undo"):
        chat.undo_clear()
    chat.clear()
    assert notices(chat) == {}
    chat.send("One").wait(TIMEOUT)
    chat.clear()
    server.script(sse.hang())
    chat.send("Two")
    with pytest.raises(RuntimeError, match="still running"):
        chat.undo_clear()
    chat.close()
    with pytest.raises(RuntimeError, match="closed"):
        chat.undo_clear()


# Cost


def spend(chat: ChatWidget, server: ScriptedServer, cost: float) -> None:
    server.script(sse.text("Hi"), sse.finish(), sse.usage(cost=cost), DONE)
    chat.send("Hi").wait(TIMEOUT)


def test_what_comes_back_has_cost_what_it_had(make: Make, server: ScriptedServer) -> None:
    chat = make(max_cost=0.05)
    spend(chat, server, 0.04)
    chat.clear()
    chat.undo_clear()
    assert chat.usage is not None
    assert chat.usage.cost == pytest.approx(0.04)
    with pytest.raises(ChatError, match=r"\$0\.05 has \$0\.01 left"):
        chat.send("Hi").wait(TIMEOUT)


def test_in_a_shared_chat_the_cost_counts_on_and_once(make: Make, server: ScriptedServer) -> None:
    chat = make(shared=True)
    spend(chat, server, 0.01)
    ask_page(chat, "clear")
    assert "cleared" in notices(chat), "visitors can undo, too"
    ask_page(chat, "action", notice="cleared", action="undo")
    assert said(chat) == ["Hi", "Hi"]
    chat.clear()
    spend(chat, server, 0.02)
    for _ in range(3):
        chat.undo_clear()
        assert chat.usage is not None
        assert chat.usage.cost == pytest.approx(0.03)


# Files


def file_of(data: Path) -> Path:
    (file,) = data.rglob("*.json")
    return file


def test_a_named_chat_keeps_in_its_file_what_was_cleared(
    make: Make, data: Path, server: ScriptedServer
) -> None:
    chat = make(name="analysis")
    for text in ("First", "Second"):
        spend(chat, server, 0.01)
        chat.edit(0, text).wait(TIMEOUT)
        chat.clear()
    chat._keeper._autosave.flush()  # as it is if the kernel is killed now
    saved = file_of(data).read_text()
    for text in ("You said: First", "You said: Second", "Hi"):
        assert text in saved
    again = make(name="analysis")
    assert said(again) == []
    assert notices(again)["cleared"]["text"] == "Chat cleared."
    press(again, "cleared", "undo")
    assert said(again) == ["Second", "You said: Second"]
    assert snapshot(again)["messages"][0]["branch"] == {"index": 1, "count": 2}
    assert again.usage is not None
    assert again.usage.cost == pytest.approx(0.01)
    again.send("Third").wait(TIMEOUT)
    again.close()
    last = make(name="analysis")
    assert notices(last) == {}
    last.undo_clear()
    assert said(last) == ["First", "You said: First"]


def test_an_older_nbchat_can_read_the_file(make: Make, data: Path) -> None:
    chat = make(name="analysis")
    chat.send("Old").wait(TIMEOUT)
    chat.clear()
    chat.send("New").wait(TIMEOUT)
    chat.close()
    saved = json.loads(file_of(data).read_text())
    assert saved["version"] == 2
    assert [message["content"] for message in saved["messages"]] == ["New", "You said: New"]
    assert [[message["content"] for message in each] for each in saved["cleared"]] == [
        ["Old", "You said: Old"]
    ]


def test_what_is_saved_for_others_has_nothing_of_it(make: Make, tmp_path: Path) -> None:
    chat = make()
    chat.send("My secret").wait(TIMEOUT)
    chat.clear()
    chat.send("Hello").wait(TIMEOUT)
    for suffix in ("json", "md", "ipynb"):
        text = chat.save(tmp_path / f"chat.{suffix}").read_text()
        assert "Hello" in text
        assert "My secret" not in text
    assert "My secret" not in str(chat._keeper.render())


@pytest.mark.parametrize("cleared", ["{}", "[1]", '[[{"id": 1}]]'])
def test_a_file_whose_cleared_conversations_are_damaged_is_kept(
    make: Make, data: Path, cleared: str
) -> None:
    chat = make(name="analysis")
    chat.send("Old").wait(TIMEOUT)
    chat.close()
    saved = {**json.loads(file_of(data).read_text()), "cleared": json.loads(cleared)}
    file_of(data).write_text(json.dumps(saved))
    with pytest.raises(ValueError, match=r"damaged.*not changed"):
        make(name="analysis")
    assert json.loads(file_of(data).read_text()) == saved
