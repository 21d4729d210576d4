"""What a chat knows of the notebook around it: the person's variables, and the cell that failed."""

from __future__ import annotations

import json
import weakref
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from IPython.core.getipython import get_ipython

from nbchat._chat.attachments import Attachment
from nbchat._chat.errors import ChatError
from nbchat._chat.notices import Action, Notice, Notices

from .variables import NotThereError, mentioned, offered, resolve

if TYPE_CHECKING:
    from .failed_cell import Failure

_FAILED = "failed-cell"

File = tuple[str, bytes]


class Notebook:
    """Outside of IPython, or of a kernel, there are no variables and no failed cells.

    Args:
        notices: Where it is offered to explain an error.
        limit: Characters of what is told about a variable.
        no_images: Why the chosen model is sent no images; "" if it takes them.
    """

    #: Of several chats, the one that was shown or used last offers to explain an error.
    _in_use: ClassVar[weakref.ref[Notebook] | None] = None

    def __init__(self, notices: Notices, limit: int, no_images: Callable[[], str]) -> None:
        self._notices = notices
        self._limit = limit
        self._no_images = no_images
        self._failure: Failure | None = None
        self._shell: Any = get_ipython()

    @property
    def handlers(self) -> dict[str, Callable[[dict[str, Any]], File]]:
        """What a person does in the browser, by its type in `frontend/src/protocol.ts`."""
        return {
            "names": lambda _: self.names(),
            "variable": lambda message: self.variable(message["name"]),
            "failure": lambda _: self.failure(),
        }

    def watch(self) -> None:
        """Listens to the notebook's cells from now on."""
        if self._shell is not None:
            self._shell.events.register("post_run_cell", self._after_cell)

    def close(self) -> None:
        """Listens to the notebook's cells no longer."""
        if self._shell is not None:
            self._shell.events.unregister("post_run_cell", self._after_cell)
        self._shell = self._failure = None

    def use(self) -> None:
        """The chat is shown, or something is sent."""
        Notebook._in_use = weakref.ref(self)

    def find(self, text: str) -> list[Attachment]:
        """What the variables are that a text mentions; what is none stays a word of the text."""
        if "@" not in text:
            return []
        found = {}
        for expression in mentioned(text):
            try:
                name, value = resolve(expression, self._variables())
            except NotThereError:
                continue
            if name not in found:
                found[name] = self._describe(name, value)
        return list(found.values())

    def names(self) -> File:
        """The variables that there are to pick from, as `VariableName[]` of `protocol.ts`."""
        hidden = {} if self._shell is None else self._shell.user_ns_hidden
        names = [{"name": name, "hint": hint} for name, hint in offered(self._variables(), hidden)]
        return "names.json", json.dumps(names).encode()

    def variable(self, expression: str) -> File:
        """What would be sent of one.

        Raises:
            NotThereError: There is none of this name.
        """
        (name, *_) = mentioned(f"@{expression}") or [""]
        attachment = self._describe(*resolve(name, self._variables()))
        return attachment.name, attachment.data

    def failure(self) -> File:
        """The last failed cell, as `FailedCell` of `protocol.ts`.

        Raises:
            RuntimeError: None has failed.
        """
        from .failed_cell import QUESTION

        failure = self._failed()
        error, names = failure.describe(self._limit), failure.names(self._variables())
        told = {"question": QUESTION, "name": error.name, "text": error.text, "variables": names}
        return "failure.json", json.dumps(told).encode()

    def explained(self) -> tuple[str, list[Attachment]]:
        """What to send to have the last error explained.

        Raises:
            RuntimeError: No cell has failed.
        """
        from .failed_cell import QUESTION

        failure, variables = self._failed(), self._variables()
        told = [self._describe(name, variables[name]) for name in failure.names(variables)]
        return QUESTION, [failure.describe(self._limit), *told]

    def _failed(self) -> Failure:
        if self._failure is None:
            raise RuntimeError("There is no error to explain: no cell has failed.")
        return self._failure

    def _describe(self, name: str, value: object) -> Attachment:
        from .description import describe

        return describe(name, value, self._limit, self._no_images())

    def _variables(self) -> dict[str, object]:
        return {} if self._shell is None else self._shell.user_ns

    def _is_in_use(self) -> bool:
        holder = Notebook._in_use() if Notebook._in_use is not None else None
        if holder is None or holder._shell is None:  # none was shown by itself, or it is closed
            self.use()
            return True
        return holder is self

    def _after_cell(self, result: Any) -> None:
        error = result.error_before_exec or result.error_in_exec
        if error is None:
            self._notices.dismiss(_FAILED)
        elif isinstance(error, Exception) and not isinstance(error, ChatError):
            from .failed_cell import Failure

            self._failure = Failure(error, result.info.raw_cell, result.execution_count)
            if self._is_in_use():
                text = f"{self._failure.title}: the chat can explain it, and how to fix it."
                done = partial(self._notices.dismiss, _FAILED)
                # Before "explain" comes here, the browser has put all of it into its composer.
                actions = {
                    "explain": Action("Explain", done),
                    "dismiss": Action("Not now", done),
                }
                self._notices.show(Notice(_FAILED, text, actions=actions))
