"""Named chats, saving and loading, from code."""

from __future__ import annotations

import json
import os
import re
import stat
import threading
from pathlib import Path
from typing import Any

import pytest
import sse_server as sse
from sse_server import DONE, ScriptedServer
from test_attachments import png
from test_servers import Make, loaded, notices, snapshot
from until import TIMEOUT, until

from nbchat import ChatWidget
from nbchat._files.keeper import _keepers
from nbchat._widget.transcript import Transcript


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_cache: Path) -> Path:
    """The user's data folder."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return tmp_path / "data"


def file_of(data: Path) -> Path:
    (file,) = data.rglob("*.json")
    return file


def test_a_named_chat_is_back_with_all_it_had(make: Make, server: ScriptedServer) -> None:
    chat = make(name="analysis", system="Be brief.")
    chat.temperature, chat.max_tokens, chat.reasoning_effort = 0.3, 500, "low"
    server.script(sse.reasoning("Hm."), sse.text("One."), sse.finish(), sse.usage(5, 7), DONE)
    chat.send("First", images=[png()]).wait(TIMEOUT)
    chat.regenerate().wait(TIMEOUT)
    before = snapshot(chat)
    chat.close()
    again = make(name="analysis")
    after = snapshot(again)
    (image,) = after["messages"][0].pop("attachments")
    assert image["name"] == before["messages"][0].pop("attachments")[0]["name"]
    assert after["messages"] == before["messages"]
    assert after["usage"] == before["usage"]
    assert after["download"]
    assert again.settings == chat.settings
    assert (again.temperature, again.max_tokens, again.reasoning_effort) == (0.3, 500, "low")
    assert again._last_reply.read()[1] == again.messages[-1]["content"].encode()
    again._session.show_version(again._session.last_reply, -1)
    assert again.messages[-1]["content"] == "One."
    again.send("Second").wait(TIMEOUT)
    assert server.chats[-1].body["messages"][0] == {"role": "system", "content": "Be brief."}
    assert again._session.read_attachment(image["id"])[1] == png()


def test_what_is_given_anew_counts(make: Make) -> None:
    chat = make(name="analysis", system="Old", temperature=0.1, max_tokens=200)
    chat.close()
    again = make(name="analysis", system="New", max_tokens=300)
    assert (again.system, again.temperature, again.max_tokens) == ("New", 0.1, 300)


def test_it_is_saved_as_it_goes(make: Make, server: ScriptedServer, data: Path) -> None:
    go_on = threading.Event()
    server.script(sse.text("So far "), sse.gate(go_on), sse.text("so good"), sse.finish(), DONE)
    chat = make(name="analysis")
    reply = chat.send("Hi")
    until(lambda: list(data.rglob("*.json")) and "So far" in file_of(data).read_text())
    go_on.set()
    reply.wait(TIMEOUT)
    until(lambda: "So far so good" in file_of(data).read_text())
    if os.name != "nt":
        assert stat.S_IMODE(file_of(data).stat().st_mode) == 0o600
    chat.clear()
    until(lambda: json.loads(file_of(data).read_text())["messages"] == [])


def test_a_cell_that_is_run_again_goes_on_with_its_chat(make: Make, data: Path) -> None:
    first = make(name="analysis")
    first.send("One").wait(TIMEOUT)
    second = make(name="analysis")
    assert [message["content"] for message in second.messages] == ["One", "You said: One"]
    assert notices(second) == {}
    assert "another cell" in notices(first)["saving"]["text"]
    first.send("Lost to the file").wait(TIMEOUT)
    second.send("Two").wait(TIMEOUT)
    first.close()
    second.close()
    saved = file_of(data).read_text()
    assert "Two" in saved
    assert "Lost" not in saved


def test_a_chat_that_another_kernel_has_says_that_it_is_not_saved(make: Make, data: Path) -> None:
    first = make(name="analysis")
    first.send("Mine").wait(TIMEOUT)
    (path,) = [path for path, keeper in _keepers.items() if keeper is first._keeper]
    del _keepers[path]  # as if it were another process's
    second = make(name="analysis")
    assert "aren't saved" in notices(second)["saving"]["text"]
    second.send("Other").wait(TIMEOUT)
    second.close()
    first.close()
    assert "Other" not in file_of(data).read_text()
    assert notices(make(name="analysis")) == {}


def test_a_damaged_file_is_told_and_kept(make: Make, data: Path) -> None:
    chat = make(name="analysis")
    chat.send("Hi").wait(TIMEOUT)
    chat.close()
    damaged = file_of(data).read_text()[:-30]
    file_of(data).write_text(damaged)
    for _ in range(2):  # nothing is left locked
        with pytest.raises(ValueError, match="not changed") as raised:
            make(name="analysis")
        assert str(file_of(data)) in str(raised.value)
    assert file_of(data).read_text() == damaged
    make(name="other").send("Hi").wait(TIMEOUT)


def test_a_page_that_knows_the_new_chat_already_is_told_what_was_kept(
    make: Make, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(name="analysis").send("Hi").wait(TIMEOUT)
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(Transcript, "send", lambda _, content, *__: sent.append(content))
    chat = make(name="analysis")
    (told,) = [content for content in sent if content["type"] == "replace"]
    assert [message["content"] for message in told["messages"]] == [
        message["content"] for message in chat.messages
    ]


def test_a_newer_file_is_told_and_kept(make: Make, data: Path) -> None:
    chat = make(name="analysis")
    chat.send("Hi").wait(TIMEOUT)
    chat.close()
    newer = re.sub(r'"version": \d+', '"version": 99', file_of(data).read_text())
    file_of(data).write_text(newer)
    with pytest.raises(ValueError, match="newer nbchat"):
        make(name="analysis")
    assert file_of(data).read_text() == newer


def test_a_full_disk_is_told_and_costs_no_reply(
    make: Make, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = make(name="analysis")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(os, "fsync", full)
        assert chat.send("Hi").wait(TIMEOUT).text == "You said: Hi"
        until(lambda: "saving" in notices(chat))
        assert "No space left" in notices(chat)["saving"]["text"]
    chat.send("Again").wait(TIMEOUT)
    until(lambda: "saving" not in notices(chat))
    assert "You said: Again" in file_of(data).read_text()


@pytest.mark.parametrize("name", ["", " ", 3, "x" * 101])
def test_names_that_are_none(make: Make, name: Any) -> None:
    with pytest.raises((ValueError, TypeError), match="name"):
        make(name=name)


def test_saved_and_loaded(make: Make, server: ScriptedServer, tmp_path: Path) -> None:
    chat = make(system="Be kind.", temperature=0.7)
    server.script(sse.text("```python\n1 + 1\n```\nTwo."), sse.finish(), DONE)
    chat.send("What is 1 + 1?").wait(TIMEOUT)
    path = chat.save(tmp_path / "chat.json")
    assert chat.save(path) == path, "one of ours is written anew"
    again = ChatWidget.load(path, base_url=server.base_url)
    assert again.messages == chat.messages
    assert (again.system, again.temperature, again.model) == ("Be kind.", 0.7, "test/model")
    assert again.send("And 2 + 2?").wait(TIMEOUT).status == "complete"
    again.close()
    other = ChatWidget.load(str(path), base_url=server.base_url, model="other", temperature=1)
    assert (other.model, other.temperature) == ("other", 1.0)
    other.close()
    markdown = chat.save(tmp_path / "chat.md").read_text()
    assert "What is 1 + 1?" in markdown
    notebook = json.loads(chat.save(tmp_path / "chat.ipynb").read_text())
    code = [cell["source"] for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert ["".join(lines) for lines in code] == ["1 + 1"]


def test_what_cannot_be_saved_or_loaded(make: Make, tmp_path: Path) -> None:
    chat = make()
    with pytest.raises(ValueError, match=r"\.json, \.md or \.ipynb"):
        chat.save(tmp_path / "chat.txt")
    mine = tmp_path / "notes.md"
    mine.write_text("# My notes\n")
    with pytest.raises(ValueError, match="not overwritten"):
        chat.save(mine)
    assert mine.read_text() == "# My notes\n"
    with pytest.raises(ValueError, match="can't be read"):
        ChatWidget.load(tmp_path / "absent.json")
    with pytest.raises(ValueError, match="notes"):
        ChatWidget.load(mine)


def test_choices_that_the_model_does_not_offer_are_kept(
    make: Make, server: ScriptedServer, tmp_path: Path
) -> None:
    server.models = [{"id": "small", "top_provider": {"max_completion_tokens": 300}}]
    chat = loaded(make(model="small", max_tokens=5000))
    path = chat.save(tmp_path / "chat.json")
    again = ChatWidget.load(path, base_url=server.base_url)
    loaded(again)
    assert again.max_tokens == 300
    again.close()
