"""Code of replies that a person runs: whether it is a reply's, and where its output goes.

The browser runs it, as it runs a cell: the kernel says whether it may, and gives it an
`ipywidgets.Output`, which Jupyter itself fills with what comes out.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from typing import Any

import ipywidgets

from nbchat._chat.markdown import Code, split
from nbchat._chat.message import Message
from nbchat._notebook.outputs import to_files
from nbchat._turns.session import Session

from .comms import deliver_while_busy
from .transcript import Handler

# They change the order in which text is shown: the code would run otherwise than it reads.
_BIDIRECTIONAL = re.compile("[\u202a-\u202e\u2066-\u2069]")


class Runs:
    """The outputs of one chat's code.

    Args:
        session: Has the replies.
        settle: Shows what has changed of one.
    """

    def __init__(self, session: Session, settle: Callable[[Message], None]) -> None:
        self._session = session
        self._settle = settle
        self._outputs: dict[str, ipywidgets.Output] = {}

    @property
    def handlers(self) -> dict[str, Handler]:
        """What a person does in the browser, by its type in `frontend/src/protocol.ts`."""
        find = self._session.find
        return {
            "run": self._run,
            "outputs": lambda message: self.read(find(message["id"]), message["index"]),
        }

    def _run(self, message: dict[str, Any]) -> None:
        with self._session.lock:
            self._session.check_open()
            reply = self._session.find(message["id"])
            self.prepare(reply, message["index"], message["code"])
            self._settle(reply)

    def prepare(self, reply: Message, index: int, code: str) -> None:
        """Makes room for what `code` will give: `reply.runs` has it then.

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
        output = self._outputs.get(reply.runs.get(index, ""))
        if output is None:
            output = ipywidgets.Output()
            deliver_while_busy(output)
            self._outputs[output.model_id] = output
            reply.runs[index] = output.model_id
        else:
            output.outputs = ()

    def read(self, reply: Message, index: int) -> tuple[str, bytes]:
        """What a block gave: JSON of `OutputFile[]` in `frontend/src/protocol.ts`.

        Raises:
            ValueError: There is nothing.
        """
        output = self._outputs.get(reply.runs.get(index, ""))
        files = to_files(output.outputs) if output is not None else []
        if not files:
            raise ValueError("There is no output to send.")
        return "outputs.json", json.dumps(
            [
                {
                    "name": file.name,
                    "media_type": file.media_type,
                    "data": base64.b64encode(file.data).decode(),
                }
                for file in files
            ]
        ).encode()

    def close(self) -> None:
        """Takes all outputs off the page."""
        for output in self._outputs.values():
            output.layout.close()
            output.close()
        self._outputs.clear()
