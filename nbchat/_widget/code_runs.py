"""Code of replies that a person runs: whether it is a reply's, and where its output goes.

The browser runs it, as it runs a cell: the kernel says whether it may, and gives it an
`ipywidgets.Output`, which Jupyter itself fills with what comes out.
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

# They change the order in which text is shown: the code would run otherwise than it reads.
_BIDIRECTIONAL = re.compile("[\u202a-\u202e\u2066-\u2069]")


class CodeRuns:
    """The outputs of one chat's code.

    Args:
        session: Has the replies.
        transcript: Shows where the output of a block goes.
    """

    def __init__(self, session: Session, transcript: Transcript) -> None:
        self._session = session
        self._transcript = transcript
        # A reply's id, and which of its blocks of Python it is, from 0.
        self._outputs: dict[tuple[str, int], ipywidgets.Output] = {}

    def run(self, reply_id: str, index: int, code: str) -> None:
        """Lets a page run a block of a reply's code: makes an output for it, or empties its own.

        Raises:
            ValueError: This is not what the reply says there, or not what it seems to be.
            RuntimeError: The chat is closed.
        """
        with self._session.lock:
            self._session.check_open()
            reply = self._session.find(reply_id)
            output = self.prepare(reply, index, code)
            self._transcript.show_run(reply, index, output.model_id)

    def prepare(self, reply: Message, index: int, code: str) -> ipywidgets.Output:
        """The output for what `code` will put out, empty.

        Args:
            reply: The message that the code stands in.
            index: Which of its blocks of Python it is, from 0.
            code: As it is shown.

        Raises:
            ValueError: This is not what the reply says there, or not what it seems to be.
        """
        if reply.role != "assistant" or reply.status in ("queued", "streaming"):
            raise ValueError("Code can be run once its reply has ended.")
        blocks = [
            part.text for part in split(reply.content) if isinstance(part, Code) and part.is_python
        ]
        is_there = 0 <= index < len(blocks)
        if not is_there or blocks[index].rstrip("\n") != code.rstrip("\n"):
            raise ValueError(
                "Not run: the code that is shown is not the code that the reply holds."
            )
        if _BIDIRECTIONAL.search(code):
            raise ValueError(
                "Not run: the code holds invisible characters that change the order in which it "
                "is shown. Look at it in a cell."
            )
        output = self._outputs.get((reply.id, index))
        if output is None:
            output = self._outputs[reply.id, index] = ipywidgets.Output()
            deliver_while_busy(output)
        else:
            output.outputs = ()
        return output

    def read(self, reply_id: str, index: int) -> list[OutputFile]:
        """What a block has put out.

        Raises:
            ValueError: There is nothing.
        """
        output = self._outputs.get((reply_id, index))
        files = to_files(output.outputs) if output is not None else []
        if not files:
            raise ValueError("There is no output to send.")
        return files

    def close(self) -> None:
        """Takes all outputs off the page."""
        for output in self._outputs.values():
            output.layout.close()
            output.close()
        self._outputs.clear()
        self._transcript.forget_runs()
