"""The conversation's view: sends changes to the pages, and receives their requests.

Text is sent as numbered deltas, at most one every `flush_interval_s`. It is never sent through a
trait, because each change would send the trait's whole value again. A page that misses a number,
is reloaded, or opens a second view gets a snapshot: the kernel holds the whole state. Of a long
conversation, a snapshot has the last messages, and the page asks for the earlier ones in pieces.
"""

from __future__ import annotations

import asyncio
import copy
import json
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any, Literal

import traitlets

from nbchat._chat.conversation.message import Message
from nbchat._chat.errors import ChatError
from nbchat._chat.notices import Notice
from nbchat._chat.signal import Signal
from nbchat._notebook.suggestions import Suggestion
from nbchat._servers.connection import NotAcceptedError

from .bundle import View, asset
from .protocol import (
    Change,
    ChatState,
    ConnectView,
    Delta,
    FaultError,
    File,
    FromKernel,
    MessagesView,
    MessageView,
    ReadAsset,
    ReadEarlier,
    Received,
    Request,
    Resync,
    read_request,
)
from .views import call_view, message_facts, message_view, notice_view

#: Carries out a request; to refuse it, raises one of `_REFUSALS` with a text for the user.
Answer = Callable[[Request], File | None]
Part = Literal["content", "reasoning"]

_REFUSALS = (ChatError, OSError, RuntimeError, TypeError, ValueError)
_FAULT = "This failed because of a bug in nbchat. The kernel's log has the details."
_KEPT_ANSWERS = 100
_MAX_NONCE = 100
# Characters of the messages that are sent at once: to read and draw them takes a page some 50 ms.
_PIECE = 300_000
_FACTS = 1000  # of one message, besides its texts
_log = logging.getLogger("nbchat")


class Transcript(View):
    """The conversation as a page shows it.

    Args:
        flush_interval_s: Minimum seconds between two deltas.

    Attributes:
        changed: Called after each change, with locks held: listeners must not block.
        opened: Called when a page has opened, or has asked what it missed.
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
        # Message's id → index of a Python block that was run → id of the widget with its output.
        self._runs: dict[str, dict[int, str]] = {}
        # The latest requests that ask for no file, by nonce: a page that has lost its connection
        # sends what it got no answer to again, and nothing is done twice.
        self._answered: dict[str, Received] = {}
        self._flush_timer: asyncio.TimerHandle | None = None
        self._last_flush = 0.0
        self._streaming_id = ""
        self._pending: dict[Part, list[str]] = {"content": [], "reasoning": []}
        super().__init__()
        self.on_msg(self._receive)

    def show(self, messages: Callable[[], list[Message]], lock: threading.RLock) -> None:
        """Sets the function that returns the messages of a snapshot.

        Args:
            messages: Returns the messages.
            lock: Held while a message changes and is sent: a snapshot between the two would have a
                text that a later delta repeats.
        """
        self._messages = messages
        self._lock = lock

    def answer_with(self, answer: Answer) -> None:
        """Sets the function that carries out the pages' requests."""
        self._answer = answer

    # Kernel → page

    def put(self, message: Message) -> None:
        """Adds a message."""
        with self._lock:
            self._flush()
            view = message_view(message, self._runs_of(message))
            self._emit({"type": "message", "seq": self._next(), "message": view})

    def replace(self, messages: Sequence[Message], by: Sequence[Message]) -> None:
        """Removes messages and adds others at the end.

        Both go in one change: between two changes, the view would jump.
        """
        ids = [message.id for message in messages]
        with self._lock:
            self._flush()
            last = self._last(by)
            if last["earlier"]:
                self._next()
                self._deliver({"type": "snapshot", "snapshot": self._snapshot()})
                self.changed()
                return
            views = last["messages"]
            self._emit({"type": "replace", "seq": self._next(), "ids": ids, "messages": views})

    def send_facts(self, message: Message) -> None:
        """Sends a message without its tool calls and its texts, which were sent as deltas."""
        with self._lock:
            self._flush()
            facts = message_facts(message, self._runs_of(message))
            self._emit({"type": "facts", "seq": self._next(), "id": message.id, "facts": facts})

    def send_call(self, message: Message, index: int) -> None:
        """Sends one of a message's tool calls as it is now."""
        id_ = message.id
        with self._lock:
            self._flush()
            call = call_view(message, index)
            self._emit(
                {"type": "call", "seq": self._next(), "id": id_, "index": index, "call": call}
            )

    def append(self, message: Message, part: Part, delta: str) -> None:
        """Adds text to a message; must be called on the background loop."""
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
        """Yields the state around the messages to change it; sends it if it has changed."""
        with self._lock:
            before, self._state = self._state, copy.copy(self._state)
            yield self._state
            if self._state != before:
                self._emit({"type": "state", "seq": self._next(), "state": asdict(self._state)})

    def show_notices(self, notices: Sequence[Notice]) -> None:
        """Shows these notices and no others."""
        with self.changing() as state:
            state.notices = [notice_view(notice) for notice in notices]

    def show_connect(self, card: ConnectView | None) -> None:
        """Shows the card that connects a model; None: removes it."""
        with self.changing() as state:
            state.connect = card

    def show_suggestions(self, suggestions: Sequence[Suggestion]) -> None:
        """Shows these suggestions while the chat is empty."""
        with self.changing() as state:
            state.suggestions = [{"label": each.label, "text": each.text} for each in suggestions]

    def show_download(self, name: str | None) -> None:
        """Shows the link that downloads the last reply as this file; None: removes it."""
        with self.changing() as state:
            state.download = name

    def show_allowed_tools(self, names: Sequence[str]) -> None:
        """Shows which tools are called without asking."""
        with self.changing() as state:
            state.allowed_tools = list(names)

    def show_busy(self, busy: bool) -> None:
        """Shows whether a reply is streaming or queued."""
        with self.changing() as state:
            state.busy = busy

    def show_run(self, message: Message, index: int, model_id: str) -> None:
        """Shows the output of a message's Python block: the widget with this id."""
        self._runs.setdefault(message.id, {})[index] = model_id
        self.send_facts(message)

    def hide_run(self, message: Message, index: int) -> None:
        """Shows no output of a message's Python block any more."""
        self._runs.get(message.id, {}).pop(index, None)
        self.send_facts(message)

    def forget_runs(self) -> None:
        """Forgets the widgets with outputs, which have been closed."""
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
            # The messages contain the pending text already: a later delta would repeat it.
            self._flush()
            return {"seq": self._seq, **self._last(self._messages()), **asdict(self._state)}

    def _last(self, messages: Sequence[Message]) -> MessagesView:
        """Returns as many of the last messages as are sent at once, but at least one."""
        views: list[MessageView] = []
        room = _PIECE
        for message in reversed(messages):
            if room <= 0:
                break
            view = message_view(message, self._runs_of(message))
            calls = sum(len(call["arguments"]) + len(call["result"]) for call in view["tool_calls"])
            room -= _FACTS + len(view["content"]) + len(view["reasoning"]) + calls
            views.append(view)
        return {"messages": views[::-1], "earlier": len(views) < len(messages)}

    def _earlier(self, before: str) -> File:
        """Returns messages before this one, as JSON.

        Raises:
            ValueError: The message is not shown any more.
        """
        with self._lock:
            messages = self._messages()
            at = next((at for at, each in enumerate(messages) if each.id == before), None)
            if at is None:
                raise ValueError("This message is no longer shown.")
            earlier = self._last(messages[:at])
        return File("earlier.json", json.dumps(earlier).encode())

    def get_state(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Returns the state with the conversation as it is now, also in the middle of a reply."""
        state: dict[str, Any] = super().get_state(*args, **kwargs)
        if "snapshot" in state:
            state["snapshot"] = self._snapshot()
        return state

    # Page → kernel

    def handle(self, request: Request) -> File | None:
        """Carries out a request, and returns the file that it asks for.

        Raises:
            FaultError: The chat has no handler for it.
        """
        match request:
            case Resync(seq):
                self._resync(seq)
                return None
            case ReadAsset(name):
                return File(*asset(name))
            case ReadEarlier(before):
                return self._earlier(before)
        if self._answer is None:
            raise FaultError(f"There is no handler for {request!r}.")
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
        if isinstance(nonce, str) and (answered := self._answered.get(nonce)) is not None:
            self._deliver(answered)  # the page lost the answer with its connection
            return
        received: Received = {"type": "received", "nonce": nonce}
        file: File | None = None
        try:
            file = self.handle(read_request(message, buffers))
        except _REFUSALS as error:
            received["refused"] = str(error) or repr(error)
            if isinstance(error, NotAcceptedError) and error.other:
                received["other_model"] = error.other
        except Exception:  # no cell would show it
            _log.exception("a request from a page failed: %s", message.get("type"))
            received["fault"] = _FAULT
        if nonce is not None:
            if file is None and isinstance(nonce, str) and len(nonce) <= _MAX_NONCE:
                self._answered[nonce] = received
                if len(self._answered) > _KEPT_ANSWERS:
                    del self._answered[next(iter(self._answered))]
            self._deliver(received)
        if file is not None:
            self._deliver({"type": "file", "nonce": nonce, "name": file.name}, [file.content])
