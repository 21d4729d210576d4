"""Code of replies that the user runs: checks that it is a reply's, and holds its output.

The browser runs the code as it runs a cell. Before that, the kernel checks the code and sends an
`ipywidgets.Output`, which Jupyter itself fills.
"""

from __future__ import annotations

import unicodedata

import ipywidgets

from nbchat._chat.markdown import Code, split
from nbchat._chat.message import Message
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
    """

    def __init__(self, session: Session, transcript: Transcript) -> None:
        self._session = session
        self._transcript = transcript
        # (reply's id, index among its Python blocks) → output.
        self._outputs: dict[tuple[str, int], ipywidgets.Output] = {}

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
        output = self._outputs.get((reply.id, index))
        if output is None:
            output = self._outputs[reply.id, index] = ipywidgets.Output()
            deliver_while_busy(output)
        else:
            output.outputs = ()
        return output

    def read(self, reply_id: str, index: int) -> list[OutputFile]:
        """Returns the output of a block as files.

        Raises:
            ValueError: There is no output.
        """
        output = self._outputs.get((reply_id, index))
        files = to_files(output.outputs) if output is not None else []
        if not files:
            raise ValueError("This code has no output.")
        return files

    def close(self) -> None:
        """Removes all outputs from the page."""
        for output in self._outputs.values():
            output.layout.close()
            output.close()
        self._outputs.clear()
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
