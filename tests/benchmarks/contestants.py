"""The contestants: nbchat and the others, each as its own documentation shows it.

All have their default settings. All but the bare page run in a notebook in JupyterLab, and ask the
same server with `AsyncOpenAI`.
"""

from __future__ import annotations

import re
import time

import psutil
from playwright.sync_api import Browser, Frame, FrameLocator, Locator, Page

from tests.lab import Lab, NotebookPage

from .page import BenchmarkPage

OPEN_MS = 60_000

CLIENT = """
import os
from openai import AsyncOpenAI
client = AsyncOpenAI(base_url={url!r}, api_key="none")

async def pieces(messages):
    stream = await client.chat.completions.create(
        model="benchmark", messages=messages, stream=True
    )
    async for chunk in stream:
        if chunk.choices and chunk.choices[0].delta.content:
            yield chunk.choices[0].delta.content
"""


class Contestant:
    """One way to show a reply.

    Attributes:
        measured: The page that shows it.
        log: A selector for the element with the replies, in `frame`.
        views: Whether it shows anything.
        chats: Whether it is a chat, with a box to type in.
    """

    name = ""
    label = ""
    log = "body"
    views = True
    chats = False
    measured: BenchmarkPage

    def __init__(self, browser: Browser, lab: Lab, url: str) -> None:
        self._browser = browser
        self._lab = lab
        self.url = url

    @property
    def page(self) -> Page:
        return self.measured.page

    @property
    def frame(self) -> Frame:
        return self.page.main_frame

    def open(self) -> None:
        """Opens the page, without a chat yet."""
        self.measured = BenchmarkPage(self._browser)

    def close(self) -> None:
        self.measured.close()

    def fresh(self) -> None:
        """Replaces the last chat with an empty one."""

    def ask(self, prompt: str) -> None:
        """Asks, and returns at once."""
        raise NotImplementedError


class FloorPage(Contestant):
    """A bare page that appends the text: no page can be faster."""

    name = "page"
    label = "bare page (floor)"

    def open(self) -> None:
        super().open()
        self.measured.count_http()
        self.page.goto(self.url)

    def fresh(self) -> None:
        self.page.evaluate("document.querySelector('pre').replaceChildren()")

    def ask(self, prompt: str) -> None:
        self.page.evaluate("(prompt) => { ask(prompt); }", prompt)


class Notebook(Contestant):
    """A contestant in a notebook: a cell for the imports, and one for each of two chats."""

    setup = CLIENT
    chat = "pass"
    notebook: NotebookPage
    before_setup = (0, 0)  # bytes received and fetched

    def open(self) -> None:
        super().open()
        setup = self.setup.format(url=f"{self.url}/v1")
        cells = ["import os; print(os.getpid())", setup, self.chat, self.chat]
        self.notebook = NotebookPage(self.page, self._lab, self._lab.write(cells))
        self.notebook.run(0)
        self.measured.kernel = psutil.Process(int(self.notebook.outputs(0)[0]["text"]))
        self.measured.jupyter = psutil.Process(self._lab.pid)
        self.before_setup = (self.measured.received()[0], self.measured.fetched())
        self.notebook.run(1)

    def close(self) -> None:
        super().close()
        self._lab.shut_down_kernels(self.notebook.path.name)

    def saved_bytes(self) -> int:
        """The size of the notebook's file, saved now."""
        self.notebook.save()
        return self.notebook.path.stat().st_size


class Cell(Notebook):
    """A contestant without a box to type in: its cell asks, and shows the reply."""

    log = ".jp-Notebook .jp-Cell:nth-child(3) .jp-OutputArea"

    def fresh(self) -> None:
        self._write("pass")
        self.notebook.run(2)

    def ask(self, prompt: str) -> None:
        self._write(f"await ask({prompt!r})")
        self.notebook.start(2)

    def _write(self, source: str) -> None:
        self.page.evaluate(
            """(source) => jupyterapp.shell.currentWidget.content.widgets[2]
                 .model.sharedModel.setSource(source)""",
            source,
        )


class FloorLoop(Cell):
    name = "loop"
    label = "bare loop (floor)"
    views = False
    setup = (
        CLIENT
        + """
import time

async def ask(prompt):
    stream = await client.chat.completions.create(
        model="benchmark", messages=[{{"role": "user", "content": prompt}}], stream=True
    )
    text = []
    async for chunk in stream:
        if chunk.choices and chunk.choices[0].delta.content:
            text.append(chunk.choices[0].delta.content)
    "".join(text)
    print(time.time())
"""
    )

    def ended_at(self) -> float:
        """Returns when the last reply was complete, in seconds since the epoch."""
        return float(self.notebook.outputs(2)[0]["text"])


class HtmlWidget(Cell):
    name = "html"
    label = "`ipywidgets.HTML`"
    setup = (
        CLIENT
        + """
import html, ipywidgets

async def ask(prompt):
    view = ipywidgets.HTML()
    display(view)
    text = ""
    async for piece in pieces([{{"role": "user", "content": prompt}}]):
        text += piece
        view.value = f"<pre>{{html.escape(text)}}</pre>"
"""
    )


class DisplayedMarkdown(Cell):
    name = "markdown"
    label = "`display(Markdown)`"
    setup = (
        CLIENT
        + """
from IPython.display import Markdown

async def ask(prompt):
    text = ""
    handle = display(Markdown(text), display_id=True)
    async for piece in pieces([{{"role": "user", "content": prompt}}]):
        text += piece
        handle.update(Markdown(text))
"""
    )


class Chat(Notebook):
    """A chat in the output of a cell."""

    chats = True

    def box(self, cell: int = 2) -> Locator:
        """Returns the box to type in, of the chat in this cell."""
        return self.output(cell).get_by_role("textbox").last

    def output(self, cell: int) -> Locator | FrameLocator:
        return self.notebook.cell(cell).locator(".jp-OutputArea-output").last

    def fresh(self) -> None:
        self.notebook.run(2)
        self._find_box()

    def _find_box(self) -> None:
        """Finds the box once for all turns: in a long conversation, that takes the page longer."""
        self.box().wait_for(timeout=OPEN_MS)
        self._box = self.box().element_handle()

    def show(self, cell: int) -> float:
        """Runs the cell of a chat; returns the seconds until its box accepted text."""
        start = time.time()
        self.notebook.start(cell)
        self.box(cell).wait_for(timeout=OPEN_MS)
        self.box(cell).fill("x", timeout=OPEN_MS)
        took = time.time() - start
        self.box(cell).fill("")
        return took

    def ask(self, prompt: str) -> None:
        self._box.fill(prompt)
        self._box.press("Enter")


class Nbchat(Chat):
    name = "nbchat"
    label = "**nbchat**"
    log = ".nbchat-log"
    setup = "from nbchat import ChatWidget\nurl = {url!r}"
    chat = 'ChatWidget(base_url=url, api_key="none", model="benchmark").display()'

    def box(self, cell: int = 2) -> Locator:
        return self.notebook.cell(cell).get_by_role("textbox", name="Message", exact=True)


class Gradio(Chat):
    name = "gradio"
    label = "Gradio"
    setup = (
        """
import os
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
import gradio
"""
        + CLIENT
        + """
async def respond(message, history):
    messages = [{{"role": each["role"], "content": each["content"]}} for each in history]
    text = ""
    async for piece in pieces([*messages, {{"role": "user", "content": message}}]):
        text += piece
        yield text
"""
    )
    chat = "gradio.ChatInterface(respond).launch(quiet=True)"

    def fresh(self) -> None:
        """Makes a new client as well.

        Each launch has an event loop of its own, and the connections of a client belong to a loop.
        """
        self.notebook.run(1)
        super().fresh()
        self.measured.count_http()

    @property
    def frame(self) -> Frame:
        handle = self.notebook.cell(2).locator("iframe").element_handle()
        frame = handle.content_frame()
        assert frame
        return frame

    def output(self, cell: int) -> FrameLocator:
        return self.notebook.cell(cell).frame_locator("iframe")


class Panel(Chat):
    name = "panel"
    label = "Panel"
    log = ".jp-Notebook .jp-Cell:nth-child(3) .jp-OutputArea"
    setup = (
        CLIENT
        + """
import panel
panel.extension(inline=True)  # works without internet, which no contestant has here

async def respond(contents, user, instance):
    text = ""
    async for piece in pieces(instance.serialize()):
        text += piece
        yield text
"""
    )
    chat = "panel.chat.ChatInterface(callback=respond)"

    def fresh(self) -> None:
        """Presses Panel's own button: after its cell runs again, it sometimes shows no reply."""
        clear = self.notebook.cell(2).get_by_role("button", name="Clear")
        if clear.count():
            clear.click()
        else:
            super().fresh()
        self.measured.settle(1)
        self._find_box()


CONTESTANTS: tuple[type[Contestant], ...] = (
    Nbchat,
    FloorLoop,
    FloorPage,
    HtmlWidget,
    DisplayedMarkdown,
    Gradio,
    Panel,
)


def named(names: str) -> list[type[Contestant]]:
    """Returns the contestants of a list such as "nbchat,gradio"; all for an empty list."""
    wanted = [name for name in re.split(r"[,\s]+", names) if name]
    unknown = set(wanted) - {each.name for each in CONTESTANTS}
    if unknown:
        raise ValueError(f"no contestant is called {', '.join(sorted(unknown))}")
    return [each for each in CONTESTANTS if not wanted or each.name in wanted]
