"""The files of chats outlast whatever ends a process, and are nobody else's."""

from __future__ import annotations

import errno
import os
import random
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from until import TIMEOUT, until

import nbchat
from nbchat._chat.conversation.conversation import Conversation
from nbchat._chat.settings import ChatSettings
from nbchat._files.autosave import Autosave
from nbchat._files.chat_reader import from_json, from_lines
from nbchat._files.chat_writer import to_json
from nbchat._files.export import to_markdown, to_notebook
from nbchat._files.saved_chats import SavedChatFile, suffix_of, write_file


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's data folder in which nothing is, and a folder for notebooks."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("PYTHONPATH", str(Path(nbchat.__file__).parents[1]))
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    return tmp_path


@pytest.fixture
def file() -> Iterator[SavedChatFile]:
    file = SavedChatFile("thesis")
    assert file.acquire()
    yield file
    file.release()


def saved(text: str = "Hi") -> str:
    conversation = Conversation()
    conversation.end(conversation.ask(text))
    return to_json(conversation, ChatSettings())


@contextmanager
def process(script: str) -> Iterator[subprocess.Popen[str]]:
    """A process that has printed its first line."""
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        try:
            yield child
        finally:
            child.kill()


def output(script: str) -> tuple[str, str]:
    # Newer Pythons warn of what is tried out here: forks beside threads, and loops left open.
    command = [sys.executable, "-W", "ignore", "-c", script]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.stdout, done.stderr


HOLD = """
import sys
from nbchat._files.saved_chats import SavedChatFile
file = SavedChatFile("thesis")
assert file.acquire()
print("ready", flush=True)
sys.stdin.read()
"""

# Two texts of different lengths: half of one is no chat.
WRITE_ON = """
from nbchat._files.chat_writer import to_json
from nbchat._chat.conversation.conversation import Conversation
from nbchat._files.saved_chats import SavedChatFile
from nbchat._chat.settings import ChatSettings
texts = []
for length in (1_000, 3_000_000):
    conversation = Conversation()
    conversation.end(conversation.ask("x" * length))
    texts.append(to_json(conversation, ChatSettings()))
file = SavedChatFile("thesis")
assert file.acquire()
file.write([texts[0]])
print("ready", flush=True)
while True:
    for text in texts:
        file.write([text])
"""


# The file of a name


def test_what_was_written_is_read(file: SavedChatFile) -> None:
    assert file.read() is None
    file.write("one")
    file.write("two ü\r\n")
    assert file.path.read_bytes() == "two ü\r\n".encode()
    file.write(saved())
    lines = SavedChatFile("thesis").read()
    assert lines is not None
    assert from_lines(lines).conversation.messages[0].content == "Hi"


def test_a_name_is_the_notebooks_folder_s_own(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = SavedChatFile("thesis").path
    assert SavedChatFile("thesis").path == here
    assert SavedChatFile("Thesis").path != here
    monkeypatch.chdir(home)
    assert SavedChatFile("thesis").path not in (here, home)


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "/etc/passwd", "a\0b", "..", "Ünïcödé 🙂", "日本", "\ud800", "x" * 100],
)
def test_no_name_leads_out_of_the_folder(name: str, home: Path) -> None:
    file = SavedChatFile(name)
    assert file.path.parent == home / "data" / "nbchat" / "chats"
    assert file.path.name.isascii()
    assert file.acquire()
    file.write("x")
    assert file.path.read_text() == "x"
    file.release()


def test_names_that_are_none() -> None:
    for name in ("", " \n", "x" * 101):
        with pytest.raises(ValueError, match="name must"):
            SavedChatFile(name)
    with pytest.raises(TypeError, match="name must be text, not int"):
        SavedChatFile(1)  # type: ignore[arg-type]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no file modes")
def test_for_the_user_alone(file: SavedChatFile) -> None:
    before = os.umask(0)
    try:
        file.write("x")
        path = write_file("chat.json", saved())
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    folder = file.path.parent
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for each in folder.iterdir():
        assert stat.S_IMODE(each.stat().st_mode) == 0o600


def test_what_cannot_be_read_is_said(file: SavedChatFile) -> None:
    file.path.write_bytes(b"\xff")
    with pytest.raises(ValueError, match="not UTF-8"):
        file.read()
    file.path.unlink()
    file.path.mkdir()
    with pytest.raises(ValueError, match="can't be read: Is a directory"):
        file.read()


def test_a_data_folder_that_cannot_be_made_is_an_os_error(home: Path) -> None:
    (home / "data").write_text("a file is in its place")
    file = SavedChatFile("thesis")
    with pytest.raises(OSError, match=r"thesis-\w+\.json"):
        file.acquire()


# One chat at a time


def test_another_chat_cannot_have_it_until_this_one_is_gone(file: SavedChatFile) -> None:
    file.write("mine")
    other = SavedChatFile("thesis")
    assert not other.acquire()
    with pytest.raises(RuntimeError, match="Another chat has"):
        other.write("theirs")
    assert other.read() == ["mine"]
    file.release()
    assert other.acquire()
    assert not file.acquire()
    other.release()


def test_nor_can_another_process_until_this_one_is_gone() -> None:
    with process(HOLD) as holder:
        file = SavedChatFile("thesis")
        assert not file.acquire()
        holder.kill()
        holder.wait(TIMEOUT)
        assert file.acquire()
        file.release()


# Whole or not at all


def test_a_kill_in_mid_write_leaves_a_whole_chat_and_no_litter() -> None:
    draw = random.Random(7)
    file = SavedChatFile("thesis")
    litter = kills = 0
    while kills < 8 or (not litter and kills < 100):
        kills += 1
        with process(WRITE_ON) as writer:
            time.sleep(draw.uniform(0, 0.05))  # the moment is the test's variable
            os.kill(writer.pid, signal.SIGKILL)
            writer.wait(TIMEOUT)
        lines = file.read()
        assert lines is not None
        assert len(from_lines(lines).conversation.messages[0].content) in (1_000, 3_000_000)
        partial = list(file.path.parent.glob(".*"))
        litter += len(partial)
        assert len(partial) <= 1
    assert litter > 0  # or no kill was in mid-write
    assert file.acquire()
    file.write("x")
    assert {path.suffix for path in file.path.parent.iterdir()} == {".json", ".lock"}
    file.release()


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_file(
    call: str, file: SavedChatFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write("old")
    path = write_file("chat.json", saved("old"))

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, call, full)
        with pytest.raises(OSError, match="No space left on device") as raised:
            file.write("new")
        assert raised.value.filename == str(file.path)
        with pytest.raises(OSError, match="No space left on device"):
            write_file(path, saved("new"))
    assert file.read() == ["old"]
    assert from_json(path.read_text()).conversation.messages[0].content == "old"
    assert os.listdir() == ["chat.json"]
    assert not [*file.path.parent.glob(".*")]


# Where the user wants it


def in_form(suffix: str, text: str) -> str:
    chat = from_json(saved(text))
    match suffix:
        case ".json":
            return to_json(chat.conversation, chat.settings)
        case ".md":
            return to_markdown(chat.conversation)
        case _:
            return to_notebook(chat.conversation)


@pytest.mark.parametrize("suffix", [".json", ".md", ".ipynb"])
def test_a_chat_is_saved_over_a_chat_only(suffix: str) -> None:
    name = f"chat{suffix}"
    assert suffix_of(name) == suffix
    write_file(name, in_form(suffix, "one"))
    write_file(Path(name), in_form(suffix, "two"))
    assert "two" in Path(name).read_text()
    others = ["", "# My diary\n", "{}", '{"metadata": {}}', "[1]", "[" * 100_000, "\xff"]
    for other in others:
        Path(name).write_bytes(other.encode("latin-1"))
        with pytest.raises(ValueError, match=rf"chat{suffix} is not overwritten"):
            write_file(name, in_form(suffix, "three"))
        assert Path(name).read_bytes() == other.encode("latin-1")
    assert os.listdir() == [name]


def test_a_chat_that_is_damaged_or_newer_is_not_saved_over() -> None:
    newer = saved().replace('"version": 2', '"version": 3')
    for text, why in ((saved()[:-5], "damaged"), (newer, "newer nbchat")):
        Path("x.json").write_text(text)
        with pytest.raises(ValueError, match=rf"x\.json is not overwritten: .*{why}"):
            write_file("x.json", saved())
        assert Path("x.json").read_text() == text


def test_only_three_forms() -> None:
    for name in ("x", "x.txt", "x.json.exe", ".json"):
        with pytest.raises(ValueError, match=r"\.json, \.md or \.ipynb"):
            write_file(name, saved())
    assert suffix_of("X.JSON") == ".json"


def test_paths_as_people_write_them(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(home))
    assert write_file("~/x.json", saved()) == home / "x.json"
    Path("link.json").symlink_to(home / "x.json")
    write_file("link.json", saved("anew"))
    assert Path("link.json").is_symlink()
    assert "anew" in (home / "x.json").read_text()
    long = "🙂" * 50 + ".json"
    assert write_file(long, saved()).name == long
    with pytest.raises(OSError, match="nowhere"):
        write_file("nowhere/x.json", saved())


# Autosave


class Saves:
    """What is to be saved, and each save with its times."""

    def __init__(self) -> None:
        self.state = 0
        self.seen: list[int] = []
        self.times: list[tuple[float, float]] = []
        self.errors: list[Exception] = []
        self.error: Exception | None = None
        self.takes_s = 0.0
        self.rest_s: float | None = None

    def write(self) -> float | None:
        began = time.monotonic()
        state = self.state
        if self.takes_s:
            time.sleep(self.takes_s)
        if self.error is not None:
            raise self.error
        self.seen.append(state)
        self.times.append((began, time.monotonic()))
        return self.rest_s

    def pauses(self) -> list[float]:
        return [b[0] - a[1] for a, b in zip(self.times, self.times[1:], strict=False)]


@pytest.fixture
def saves() -> Saves:
    return Saves()


@pytest.fixture
def autosave(saves: Saves) -> Iterator[Callable[..., Autosave]]:
    made: list[Autosave] = []

    def make(**options: Any) -> Autosave:
        made.append(Autosave(saves.write, saves.errors.append, **options))
        return made[-1]

    yield make
    saves.error = None
    for each in made:
        each.close()


def test_the_last_change_is_always_saved(saves: Saves, autosave: Callable[..., Autosave]) -> None:
    saver = autosave(interval_s=0.05)
    for _ in range(500):
        saves.state += 1
        saver.touch()
        time.sleep(0.001)  # a stream
    until(lambda: saves.seen[-1] == 500)
    assert len(saves.seen) > 2  # it did not wait for the end
    assert min(saves.pauses()) >= 0.05


def test_the_first_change_is_saved_at_once(saves: Saves, autosave: Callable[..., Autosave]) -> None:
    autosave(interval_s=3600.0).touch()
    until(lambda: saves.seen)


def test_long_saves_are_rare(saves: Saves, autosave: Callable[..., Autosave]) -> None:
    saver = autosave(interval_s=0.001)
    saves.takes_s = 0.02
    while len(saves.seen) < 4:
        saver.touch()
        time.sleep(0.001)
    assert min(saves.pauses()) >= 9 * 0.02


def test_a_save_may_ask_for_rest(saves: Saves, autosave: Callable[..., Autosave]) -> None:
    saves.rest_s = 0.1
    saver = autosave(interval_s=0.001)
    while len(saves.seen) < 4:
        saver.touch()
        time.sleep(0.001)
    assert min(saves.pauses()) >= 0.1


def test_flush_saves_now_and_nothing_twice(saves: Saves, autosave: Callable[..., Autosave]) -> None:
    saver = autosave(interval_s=3600.0)
    saver.flush()
    assert saves.seen == []
    saver.touch()
    until(lambda: saves.seen)
    saves.state = 1
    saver.touch()
    saver.flush()
    saver.flush()
    assert saves.seen == [0, 1]


def test_close_saves_what_is_left_and_nothing_after(
    saves: Saves, autosave: Callable[..., Autosave]
) -> None:
    saver = autosave(interval_s=0.01)
    saves.takes_s = 0.1
    saver.touch()
    saver.touch()
    saver.close()
    count = len(saves.seen)
    assert count >= 1
    saver.touch()
    saver.flush()
    assert len(saves.seen) == count


def test_a_failure_is_told_and_does_not_end_it(
    saves: Saves, autosave: Callable[..., Autosave]
) -> None:
    saver = autosave(interval_s=0.01)
    saves.error = OSError(errno.ENOSPC, "full")
    saver.touch()
    until(lambda: saves.errors)
    assert saves.errors == [saves.error]
    saver.touch()
    until(lambda: len(saves.errors) == 2)
    saves.error = None
    saver.flush()  # no change since: yet it was not kept
    assert saves.seen == [0]
    saver.touch()
    until(lambda: len(saves.seen) == 2)


def test_it_goes_on_where_even_the_failure_cannot_be_told(saves: Saves) -> None:
    def deaf(_: Exception) -> None:
        raise RuntimeError("nobody listens")

    saver = Autosave(saves.write, deaf, interval_s=0.01)
    saves.error = OSError()
    saver.touch()
    saver.flush()
    saves.error = None
    saver.touch()
    until(lambda: saves.seen)
    saver.close()


def test_no_two_saves_at_once(saves: Saves, autosave: Callable[..., Autosave]) -> None:
    saver = autosave(interval_s=0.001)
    saves.takes_s = 0.005

    def change() -> None:
        for _ in range(5):
            saver.touch()
            saver.flush()

    threads = [threading.Thread(target=change) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    saver.close()
    assert all(pause >= 0 for pause in saves.pauses())


AT_EXIT = """
import os, sys
from pathlib import Path
from nbchat._files.autosave import Autosave
saver = Autosave(lambda: Path("saved").write_text(str(state)), print, interval_s=3600)
state = 1
saver.touch()
while not Path("saved").exists(): pass
state = 2
saver.touch()
if os.fork() == 0:
    state = 3
    sys.exit()
os.wait()
print(Path("saved").read_text(), flush=True)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_the_end_of_the_process_saves_and_that_of_its_child_does_not() -> None:
    assert output(AT_EXIT) == ("1\n", "")
    assert Path("saved").read_text() == "2"


def test_without_threads_it_saves_on_the_loop() -> None:
    """As in Pyodide."""
    script = """
import asyncio, threading

def refuse(*_, **__):
    raise RuntimeError("can't start new thread")

threading.Thread.start = refuse

async def main():
    from nbchat._files.autosave import Autosave
    saved = []
    saver = Autosave(lambda: saved.append(1), print, interval_s=0.01)
    saver.touch()
    await asyncio.sleep(0.05)
    print(saved)

asyncio.new_event_loop().run_until_complete(main())
"""
    assert output(script) == ("[1]\n", "")
