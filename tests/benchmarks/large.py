"""Measures the pauses that a conversation of 200 MB costs: `python -m tests.benchmarks.large`."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from tests import browser as chromium
from tests.lab import Lab, NotebookPage

from .server import Server

WAIT_MS = 240_000

# Writes the saved chat, in the form that nbchat writes.
MAKE = r"""
import base64, json, os
from nbchat._files.saved_chats import SavedChatFile

TEXT = "## Part {n}\n\nSome **bold** words, `code` and a [link](https://example.org).\n\n" + (
    "- one line of a list that says what the data show\n" * 4
    + "\nA paragraph of prose. " * 20 + "\n\n")
PLOT = "```python\nplot(data)\n```\n"
image = lambda size: base64.b64encode(b"\x89PNG\r\n\x1a\n" + os.urandom(size)).decode()
png = lambda size: {"name": "plot.png", "media_type": "image/png", "data": image(size)}

def talk(turns, start="", **first):
    parent = None
    for n in range(turns):
        question, reply = f"{start}q{n}", f"{start}a{n}"
        yield {"id": question, "parent": parent, "role": "user", "content": f"Question {n}?",
               "status": "complete", "shown": True, **(first if n == 0 else {})}
        yield {"id": reply, "parent": question, "role": "assistant", "shown": True,
               "content": TEXT.replace("{n}", str(n)), "status": "complete", "model": "benchmark",
               "finish_reason": "stop", "duration_s": 1.0}
        parent = reply

def shown():
    for n, message in enumerate(talk(1500)):
        if n % 50 == 0:
            message["attachments"] = [png(1_000_000)]
        if n == 2:  # as large as an attachment may be
            message["attachments"] = [png(19_000_000)]
        if n % 400 == 199:  # a reply of 1 MB
            message["content"] *= 1_000_000 // len(message["content"])
        if n % 100 == 51:
            message["content"] = PLOT + message["content"]
            message["runs"] = [{"index": 0, "status": "done",
                "outputs": [{"image/png": image(900_000), "text/plain": "a plot"}]}]
        yield message

def dumped(messages):
    return "[\n" + ",\n".join(json.dumps(each, ensure_ascii=False) for each in messages) + "\n]"

settings = {"model": "benchmark", "system": ""}
head = json.dumps({"format": "nbchat", "version": 2, "settings": settings})[:-1]
cleared = [dumped(talk(20, f"c{n}", attachments=[png(15_000_000)])) for n in range(2)]
path = SavedChatFile("large").path
path.parent.mkdir(parents=True, exist_ok=True)
path.write_text(f'{head}, "messages": {dumped(shown())}, "cleared": [{", ".join(cleared)}]}}\n')
print(path.stat().st_size)
del cleared
"""

# Each ticks every 5 ms: a thread, a task of the background's loop, and one of the kernel's own.
WATCH = """
import asyncio, threading, time
from nbchat._chat.background import start

pauses = dict.fromkeys(("thread", "background", "main"), 0.0)

def note(who, before):
    now = time.perf_counter()
    pauses[who] = max(pauses[who], now - before - 0.005)
    return now

def tick_thread():
    now = time.perf_counter()
    while True:
        time.sleep(0.005)
        now = note("thread", now)

async def tick(who):
    now = time.perf_counter()
    while True:
        await asyncio.sleep(0.005)
        now = note(who, now)

threading.Thread(target=tick_thread, daemon=True).start()
start(tick("background"))
ticking = asyncio.get_event_loop().create_task(tick("main"))
"""

OPEN = """
from nbchat import ChatWidget
chat = ChatWidget(name="large", base_url={url!r}, api_key="none", model="benchmark")
chat
"""

SAVE = """
import os
path = chat._keeper._file.path
before = path.stat().st_mtime_ns
chat._keeper.touch()
while path.stat().st_mtime_ns == before:
    await asyncio.sleep(0.05)
"""

# Long tasks, and the longest time between two frames.
PAGE = """
window.pauses = { task: 0, frame: 0 };
new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) pauses.task = Math.max(pauses.task, duration);
}).observe({ type: "longtask" });
let last = performance.now();
requestAnimationFrame(function next(now) {
  pauses.frame = Math.max(pauses.frame, now - last);
  last = now;
  requestAnimationFrame(next);
});
"""

LOG = "document.querySelector('.nbchat-log"
FIRST = f"{LOG} article')"
LAST = "[...document.querySelectorAll('.nbchat-log article')].at(-1)"

REPORT = "import json; print(json.dumps(pauses)); pauses.update(dict.fromkeys(pauses, 0.0))"


def main() -> None:
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        Server() as server,
        Lab(Path(folder)) as lab,
        sync_playwright() as playwright,
    ):
        browser = chromium.launch(playwright)
        for name, figures in measure(browser, lab, server.url):
            cells = [f"{1000 * figures[each]:,.0f} ms" for each in ("thread", "background", "main")]
            cells += [f"{figures[each]:,.0f} ms" for each in ("task", "frame")]
            row = " | ".join([name, f"{figures['seconds']:.1f} s", *cells])
            print(f"| {row} |", flush=True)  # noqa: T201
        browser.close()


def measure(browser: Browser, lab: Lab, url: str) -> Iterator[tuple[str, dict[str, float]]]:
    """Yields the longest pauses of each step: in seconds of the kernel, in ms of the page."""
    cells = [MAKE, WATCH, OPEN.format(url=f"{url}/v1"), REPORT, SAVE]
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(WAIT_MS)
    notebook = NotebookPage(page, lab, lab.write(cells))

    def run(cell: int) -> None:
        notebook.start(cell)
        notebook.wait_idle(WAIT_MS / 1000)
        notebook._fail_on_error([cell])

    def report() -> dict[str, Any]:
        run(3)
        kernel: dict[str, Any] = json.loads(notebook.outputs(3)[0]["text"])
        return kernel | page.evaluate("pauses")

    def step(name: str, act: Callable[[], object]) -> tuple[str, dict[str, float]]:
        report()
        page.evaluate("Object.assign(pauses, { task: 0, frame: 0 })")
        began = time.perf_counter()
        act()
        return name, {"seconds": time.perf_counter() - began} | report()

    run(0)
    run(1)
    page.evaluate(PAGE)

    def wait(condition: str) -> None:
        # Not by role or text: that would search all of the page again and again.
        page.wait_for_function(condition, polling=100, timeout=WAIT_MS)

    def all_drawn() -> None:
        wait(f"{FIRST}?.textContent.includes('Question 0?') && !{LOG} article[aria-busy=true]')")

    def ready() -> None:
        run(2)
        wait(f"{LAST}?.textContent.includes('Part 1499')")

    def ask() -> None:
        page.locator(".nbchat-composer textarea").fill("#1: 400 tokens at 50/s")
        page.locator(".nbchat-composer textarea").press("Enter")
        wait(f"{LAST}?.textContent.includes('The end:')")

    def reload() -> None:
        page.add_init_script(PAGE)
        notebook.save()  # else the page that is loaded has no chat
        page.reload()
        wait(f"{LAST}?.textContent.includes('The end:')")
        all_drawn()

    yield step("open: the end is there", ready)
    yield step("… all is there", all_drawn)
    yield step("save", lambda: run(4))
    yield step("question and reply", ask)
    yield step("the page is reloaded", reload)


if __name__ == "__main__":
    main()
