"""Code of replies that the user runs: checks that it is a reply's, and holds its output.

The browser runs the code as it runs a cell. Before that, the kernel checks the code and sends an
`ipywidgets.Output`, which Jupyter itself fills.
"""

from __future__ import annotations

import re

import ipywidgets

from nbchat._chat.markdown import Code, split
from nbchat._chat.message import Message
from nbchat._notebook.outputs import OutputFile, to_files
from nbchat._turns.session import Session

from .comms import deliver_while_busy
from .transcript import Transcript

# These characters change the order in which text is shown: the code would not run as it reads.
_BIDIRECTIONAL = re.compile("[\u202a-\u202e\u2066-\u2069]")


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
        if _BIDIRECTIONAL.search(code):
            raise ValueError(
                "Not run: the code contains invisible characters that change the order in which it "
                "is shown. Insert it into a cell to inspect it."
            )
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
