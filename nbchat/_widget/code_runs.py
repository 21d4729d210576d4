"""Code of replies that the user runs: checks that it is a reply's, and holds its output.

The browser runs the code as it runs a cell. Before that, the kernel checks the code and sends an
`ipywidgets.Output`, which Jupyter itself fills. What is in it is kept with the message, too: there
it survives the widget, as text, images and tables.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from functools import partial
from typing import Any

import ipywidgets

from nbchat._chat.conversation.message import Message
from nbchat._chat.conversation.runs import Run, RunStatus
from nbchat._chat.markdown import Code, split
from nbchat._chat.signal import Signal
from nbchat._notebook.notebook import Notebook
from nbchat._notebook.outputs import OutputFile, to_files
from nbchat._turns.session import Session

from .comms import deliver_while_busy
from .transcript import Transcript

# Controls, format characters and Unicode's own line ends. IPython ends a line at many of them where
# the page does not, so a comment behind a magic would run; others hide text or change its order.
_UNSEEN = ("Cc", "Cf", "Zl", "Zp")

# Letters that are drawn as nothing: Python takes them as names.
_BLANK_LETTERS = "\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0"


class CodeRuns:
    """Checks the code of one chat's replies before it runs, and holds its outputs.

    Args:
        session: Has the replies.
        transcript: Shows the output of a block below it.
        notebook: Knows when code begins and ends.

    Attributes:
        changed: Called when there is something new to keep of a run.
    """

    def __init__(self, session: Session, transcript: Transcript, notebook: Notebook) -> None:
        self.changed: Signal[[]] = Signal()
        self._session = session
        self._transcript = transcript
        self._notebook = notebook
        # (reply's id, index among its Python blocks) → output.
        self._outputs: dict[tuple[str, int], ipywidgets.Output] = {}
        self._unfinished: list[Run] = []

    def run(self, reply_id: str, index: int, code: str) -> None:
        """Checks a block of code that a page is about to run, and shows an empty output below it.

        Raises:
            ValueError: This is not the code in the reply, or it doesn't run as it reads.
            RuntimeError: The chat is closed.
        """
        with self._session.lock:
            self._session.check_open()
            reply = self._session.find(reply_id)
            output = self.prepare(reply, index, code)
            self._transcript.show_run(reply, index, output.model_id)
            self._notebook.expect(
                code,
                partial(self._reached, reply.runs[index], "running"),
                partial(self._reached, reply.runs[index], "done"),
            )

    def prepare(self, reply: Message, index: int, code: str) -> ipywidgets.Output:
        """Returns an empty output for a block of code.

        Args:
            reply: The message with the code.
            index: The block's index among the reply's Python blocks.
            code: The code as the page shows it.

        Raises:
            ValueError: This is not the code in the reply, or it doesn't run as it reads.
        """
        if reply.role != "assistant" or reply.status in ("queued", "streaming"):
            raise ValueError("Code can run once its reply has ended.")
        blocks = [
            part.text for part in split(reply.content) if isinstance(part, Code) and part.is_python
        ]
        is_there = 0 <= index < len(blocks)
        if not is_there or blocks[index].rstrip("\n") != code.rstrip("\n"):
            raise ValueError("Not run: the code shown is not the code in the reply.")
        _check_reads_as_it_runs(code)
        reply.runs[index] = run = Run()
        self._unfinished.append(run)
        output = self._outputs.get((reply.id, index))
        if output is None:
            output = self._outputs[reply.id, index] = ipywidgets.Output()
            deliver_while_busy(output)
            output.observe(partial(self._keep, reply, index), "outputs")
        else:
            output.outputs = ()
        return output

    def _keep(self, reply: Message, index: int, change: Mapping[str, Any]) -> None:
        reply.runs[index].show(change["new"])
        self.changed()

    def _reached(self, run: Run, status: RunStatus) -> None:
        if run not in self._unfinished:
            return
        run.status = status
        if status == "done":
            self._unfinished.remove(run)
        self.changed()

    def clear(self, reply_id: str, index: int) -> None:
        """Removes the output of a block from the page, and from what is kept of the chat.

        Raises:
            ValueError: There is no output, or the code is still running.
        """
        with self._session.lock:
            run = self.kept(reply_id, index)
            if run in self._unfinished:
                if run.status == "running":
                    raise ValueError("This code is still running. Interrupt it first.")
                self._unfinished.remove(run)
            reply = self._session.find(reply_id)
            del reply.runs[index]
            output = self._outputs.pop((reply_id, index), None)
            if output is not None:
                output.unobserve_all()
                output.layout.close()
                output.close()
            self._transcript.hide_run(reply, index)
        self.changed()

    def read(self, reply_id: str, index: int) -> list[OutputFile]:
        """Returns the output of a block as files.

        Raises:
            ValueError: There is no output.
        """
        output = self._outputs.get((reply_id, index))
        if output is not None:
            files = to_files(output.outputs)
        else:
            files = to_files({"data": each} for each in self.kept(reply_id, index).outputs)
        if not files:
            raise ValueError("This code has no output.")
        return files

    def kept(self, reply_id: str, index: int) -> Run:
        """Returns what is kept of a block that was run.

        Raises:
            ValueError: The block was not run.
        """
        run = self._session.find(reply_id).runs.get(index)
        if run is None:
            raise ValueError("This code has no output.")
        return run

    def close(self) -> None:
        """Removes all outputs from the page; what is kept of them stays with the messages."""
        for output in self._outputs.values():
            output.layout.close()
            output.close()
        self._outputs.clear()
        for run in self._unfinished:
            if run.status == "running":
                run.status = "interrupted"
        self._unfinished.clear()
        self._transcript.forget_runs()


def _check_reads_as_it_runs(code: str) -> None:
    """Raises a ValueError if the code contains a character that the page doesn't show."""
    for number, line in enumerate(code.split("\n"), 1):
        for char in line:
            is_unseen = unicodedata.category(char) in _UNSEEN and char != "\t"
            if is_unseen or char in _BLANK_LETTERS:
                raise ValueError(
                    f"Not run: line {number} of the code contains the invisible character "
                    f"U+{ord(char):04X}, so it might not run as it reads. Insert it into a cell to "
                    "inspect it."
                )
