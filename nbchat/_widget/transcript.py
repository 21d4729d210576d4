"""The conversation's view: sends what happens to the pages, and reads what they ask.

Text goes out as numbered deltas, at most one message every `flush_interval_s`; never through a
trait, whose whole value would be sent again each time. A page that misses a number, reloads, or
opens a second view is answered with a snapshot: the kernel holds the whole state.
"""

from __future__ import annotations

import asyncio
import copy
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any, Literal

import traitlets

from nbchat._chat.errors import ChatError
from nbchat._chat.message import Message
from nbchat._chat.notices import Notice
from nbchat._chat.signal import Signal

from .bundle import View, asset
from .protocol import (
    Change,
    ChatState,
    Delta,
    FaultError,
    File,
    FromKernel,
    ReadAsset,
    Received,
    Request,
    Resync,
    call_view,
    message_facts,
    message_view,
    notice_view,
    read_request,
)

#: Does what a request asks for; raises one of `_REFUSALS` to refuse it, with words for the user.
Answer = Callable[[Request], File | None]
Part = Literal["content", "reasoning"]

_REFUSALS = (ChatError, OSError, RuntimeError, TypeError, ValueError)
_FAULT = "nbchat could not do this: a fault of its own. The kernel's log has the details."
_log = logging.getLogger("nbchat")


class Transcript(View):
    """The conversation as a page shows it.

    Args:
        flush_interval_s: The least time between two messages with text.

    Attributes:
        changed: Called after each change, with locks held: listeners must not wait.
        opened: Called when a page shows the chat.
    """

    snapshot = traitlets.Dict().tag(sync=True)

    def __init__(self, flush_interval_s: float) -> None:
        self.changed: Signal[[]] = Signal()
        self.opened: Signal[[]] = Signal()
        self.flush_interval_s = flush_interval_s
        self._lock = threading.RLock()
        self._messages: Callable[[], list[Message]] = list
        self._answer: Answer | None = None
        self._seq = 0
        self._state = ChatState()
        # Message → the number of a block of Python that was run → the widget with its output.
        self._runs: dict[str, dict[int, str]] = {}
        self._flush_timer: asyncio.TimerHandle | None = None
        self._last_flush = 0.0
        self._streaming_id = ""
        self._pending: dict[Part, list[str]] = {"content": [], "reasoning": []}
        super().__init__()
        self.on_msg(self._receive)

    def show(self, messages: Callable[[], list[Message]]) -> None:
        """Sets where the messages of a snapshot come from."""
        self._messages = messages

    def answer_with(self, answer: Answer) -> None:
        """Sets who does what the pages ask for."""
        self._answer = answer

    # Kernel → page

    def put(self, message: Message) -> None:
        """Adds a message."""
        with self._lock:
            self._flush()
            view = message_view(message, self._runs_of(message))
            self._emit({"type": "message", "seq": self._next(), "message": view})

    def replace(self, messages: Sequence[Message], by: Sequence[Message]) -> None:
        """Takes messages away and adds others at the end.

        In one step: between two, the view would jump.
        """
        ids = [message.id for message in messages]
        with self._lock:
            self._flush()
            views = [message_view(message, self._runs_of(message)) for message in by]
            self._emit({"type": "replace", "seq": self._next(), "ids": ids, "messages": views})

    def send_facts(self, message: Message) -> None:
        """Sends all of a message but its texts, which went out as deltas, and its calls."""
        with self._lock:
            self._flush()
            facts = message_facts(message, self._runs_of(message))
            self._emit({"type": "facts", "seq": self._next(), "id": message.id, "facts": facts})

    def send_call(self, message: Message, index: int) -> None:
        """Sends one of a message's calls of tools as it is now."""
        id_ = message.id
        with self._lock:
            self._flush()
            call = call_view(message, index)
            self._emit(
                {"type": "call", "seq": self._next(), "id": id_, "index": index, "call": call}
            )

    def append(self, message: Message, part: Part, delta: str) -> None:
        """Adds text to a message. Called on the background loop."""
        with self._lock:
            self._streaming_id = message.id
            self._pending[part].append(delta)
            if self._flush_timer is None:
                loop = asyncio.get_running_loop()
                due = self._last_flush + self.flush_interval_s
                if loop.time() >= due:
                    self._flush()
                    self._last_flush = loop.time()
                else:
                    self._flush_timer = loop.call_at(due, self._flush_on_time, loop)

    @contextmanager
    def changing(self) -> Iterator[ChatState]:
        """Lets the state around the messages be changed, and sends it if it has."""
        with self._lock:
            before, self._state = self._state, copy.copy(self._state)
            yield self._state
            if self._state != before:
                self._emit({"type": "state", "seq": self._next(), "state": asdict(self._state)})

    def show_notices(self, notices: Sequence[Notice]) -> None:
        """Shows these notices, and no others."""
        with self.changing() as state:
            state.notices = [notice_view(notice) for notice in notices]

    def show_download(self, name: str | None) -> None:
        """Links to the last reply under this file name; None: there is none."""
        with self.changing() as state:
            state.download = name

    def show_thoughts(self, message_id: str | None) -> None:
        """Shows the thoughts of this reply; None: those of the last one."""
        with self.changing() as state:
            state.thoughts = message_id

    def show_busy(self, busy: bool) -> None:
        """Shows whether a reply streams or is queued."""
        with self.changing() as state:
            state.busy = busy

    def show_run(self, message: Message, index: int, model_id: str) -> None:
        """Shows the output of a message's block of Python in the widget of this id."""
        self._runs.setdefault(message.id, {})[index] = model_id
        self.send_facts(message)

    def forget_runs(self) -> None:
        """The widgets with outputs are gone."""
        self._runs.clear()

    def _runs_of(self, message: Message) -> dict[int, str]:
        return self._runs.get(message.id, {})

    def _flush_on_time(self, loop: asyncio.AbstractEventLoop) -> None:
        with self._lock:
            self._flush_timer = None
            self._last_flush = loop.time()
            self._flush()

    def _flush(self) -> None:
        texts = {part: "".join(deltas) for part, deltas in self._pending.items() if deltas}
        if not texts:
            return
        self._pending = {"content": [], "reasoning": []}
        delta: Delta = {"type": "delta", "seq": self._next(), "id": self._streaming_id}
        if "content" in texts:
            delta["content"] = texts["content"]
        if "reasoning" in texts:
            delta["reasoning"] = texts["reasoning"]
        self._emit(delta)

    def _next(self) -> int:
        self._seq += 1
        return self._seq

    def _emit(self, change: Change) -> None:
        self._deliver(change)
        self.changed()

    def _deliver(self, message: FromKernel, buffers: Sequence[bytes] = ()) -> None:
        self.send(message, list(buffers))

    def _snapshot(self) -> dict[str, Any]:
        with self._lock:
            # What is pending is in the messages already: sent later, it would come twice.
            self._flush()
            messages = [message_view(each, self._runs_of(each)) for each in self._messages()]
            return {"seq": self._seq, "messages": messages, **asdict(self._state)}

    def get_state(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """A page that loads gets the conversation as it is now, in mid-reply as well."""
        state: dict[str, Any] = super().get_state(*args, **kwargs)
        if "snapshot" in state:
            state["snapshot"] = self._snapshot()
        return state

    # Page → kernel

    def handle(self, request: Request) -> File | None:
        """Does what a request asks for.

        Raises:
            FaultError: Nobody answers it here.
        """
        match request:
            case Resync(seq):
                self._resync(seq)
                return None
            case ReadAsset(name):
                return File(*asset(name))
        if self._answer is None:
            raise FaultError(f"Nobody answers {request!r}.")
        return self._answer(request)

    def _resync(self, seq: int) -> None:
        with self._lock:
            self._flush()
            if seq == self._seq:
                self._deliver({"type": "synced"})
            else:
                self._deliver({"type": "snapshot", "snapshot": self._snapshot()})
        self.opened()

    def _receive(self, _: View, message: dict[str, Any], buffers: list[memoryview]) -> None:
        nonce = message.get("nonce")
        received: Received = {"type": "received", "nonce": nonce}
        file: File | None = None
        try:
            file = self.handle(read_request(message, buffers))
        except _REFUSALS as error:
            received["refused"] = str(error) or repr(error)
        except Exception:  # it would reach no cell
            _log.exception("a request from a page failed: %s", message.get("type"))
            received["fault"] = _FAULT
        if nonce is not None:
            self._deliver(received)
        if file is not None:
            self._deliver({"type": "file", "nonce": nonce, "name": file.name}, [file.content])
