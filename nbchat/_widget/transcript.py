"""The conversation's view: what the kernel tells the browser, and what a person does there.

The wire protocol's other side is `frontend/src/protocol.ts`. Text goes out as numbered deltas, at
most one message every `flush_interval_s`; never through a trait, whose whole value would be sent
again each time. A browser that misses a number, reloads, or opens a second view is answered with a
snapshot: the kernel holds the whole state.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import traitlets

from nbchat._chat.message import Message

from .bundle import View, asset

# Handles one type of message from the browser, with its bytes as `buffers`; may answer with a file
# (a tuple of name and content), and refuse by raising.
Handler = Callable[[dict[str, Any]], object]


class Transcript(View):
    """The conversation as the browser shows it.

    Args:
        on_change: Called when anything has changed, with locks held: it must not wait.
        flush_interval_s: The least time between two messages with text.
    """

    snapshot = traitlets.Dict().tag(sync=True)

    def __init__(self, on_change: Callable[[], None], flush_interval_s: float) -> None:
        self._lock = threading.RLock()
        self._handlers: dict[str, Handler] = {
            "resync": lambda _: None,
            "asset": lambda message: asset(message["name"]),
        }
        self._on_change = on_change
        self._messages: Callable[[], list[Message]] = list
        self._seq = 0
        self._state: dict[str, Any] = {
            "busy": False,
            "notices": [],
            "download": None,
            "thoughts": None,
            "model": "",
            "server": "",
            "facts": None,
            "disabled": {},
            "catalogue": 0,
            "account": "",
            "usage": None,
            "max_cost": None,
            "context": None,
        }
        self.flush_interval_s = flush_interval_s
        self._flush_timer: asyncio.TimerHandle | None = None
        self._last_flush = 0.0
        self._streaming_id = ""
        self._pending: dict[str, list[str]] = {"content": [], "reasoning": []}
        super().__init__()
        self.on_msg(self._receive)

    def show(self, messages: Callable[[], list[Message]]) -> None:
        """Sets where the messages of a snapshot come from."""
        self._messages = messages

    def answer(self, handlers: Mapping[str, Handler]) -> None:
        """Sets what is done with some types of messages from the browser."""
        self._handlers |= handlers

    # Kernel → browser

    def put(self, message: Message) -> None:
        """Adds a message."""
        with self._lock:
            self._flush()
            self._emit("message", message=message.to_view())

    def replace(self, messages: Sequence[Message], by: Sequence[Message]) -> None:
        """Takes messages away and adds others at the end.

        In one step: between two, the view would jump.
        """
        with self._lock:
            self._flush()
            self._emit(
                "replace",
                ids=[message.id for message in messages],
                messages=[message.to_view() for message in by],
            )

    def settle(self, message: Message) -> None:
        """Sends all of a message but its texts, which went out as deltas, and its calls."""
        with self._lock:
            self._flush()
            self._emit("facts", id=message.id, facts=message.facts())

    def call(self, message: Message, index: int) -> None:
        """Sends one of a message's calls of tools as it is now."""
        with self._lock:
            self._flush()
            self._emit("call", id=message.id, index=index, call=message.call_to_view(index))

    def append(self, message: Message, part: str, delta: str) -> None:
        """Adds text to a message's "content" or "reasoning". Called on the background loop."""
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

    def publish(self, **state: Any) -> None:
        """Changes what surrounds the messages: the names in `ChatState` of `protocol.ts`."""
        with self._lock:
            if any(self._state[name] != value for name, value in state.items()):
                self._state |= state
                self._emit("state", **self._state)

    def _flush_on_time(self, loop: asyncio.AbstractEventLoop) -> None:
        with self._lock:
            self._flush_timer = None
            self._last_flush = loop.time()
            self._flush()

    def _flush(self) -> None:
        texts = {part: "".join(deltas) for part, deltas in self._pending.items() if deltas}
        if texts:
            self._pending = {"content": [], "reasoning": []}
            self._emit("delta", id=self._streaming_id, **texts)

    def _emit(self, type_: str, **content: Any) -> None:
        self._seq += 1
        self.send({"type": type_, "seq": self._seq, **content})
        self._on_change()

    def _snapshot(self) -> dict[str, Any]:
        with self._lock:
            # What is pending is in the messages already: sent later, it would come twice.
            self._flush()
            messages = [message.to_view() for message in self._messages()]
            return {"seq": self._seq, "messages": messages, **self._state}

    def get_state(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """A page that loads gets the conversation as it is now, in mid-reply as well."""
        state: dict[str, Any] = super().get_state(*args, **kwargs)
        if "snapshot" in state:
            state["snapshot"] = self._snapshot()
        return state

    def _resync(self, seq: int) -> None:
        with self._lock:
            self._flush()
            if seq == self._seq:
                self.send({"type": "synced"})
            else:
                self.send({"type": "snapshot", "snapshot": self._snapshot()})

    # Browser → kernel

    def handle(self, message: dict[str, Any]) -> object:
        """Does what a message from the browser asks for; gives the answer."""
        if message["type"] == "resync":
            self._resync(message["seq"])
        return self._handlers[message["type"]](message)

    def _receive(self, _: View, message: dict[str, Any], buffers: list[memoryview]) -> None:
        nonce = message.get("nonce")
        message = {**message, "buffers": buffers}
        try:
            answer = self.handle(message)
        except Exception as error:  # a callback's exception would reach no cell
            self.send({"type": "received", "nonce": nonce, "refused": str(error) or repr(error)})
            return
        if nonce is not None:
            self.send({"type": "received", "nonce": nonce})
        if isinstance(answer, tuple):
            name, content = answer
            self.send({"type": "file", "nonce": nonce, "name": name}, [content])
