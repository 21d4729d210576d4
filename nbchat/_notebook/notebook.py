"""What a chat knows about its notebook: the user's variables, and the cell that failed last."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from IPython.core.getipython import get_ipython

from nbchat._chat.attachments.attachment import Attachment
from nbchat._chat.errors import ChatError
from nbchat._chat.notices import Action, Notice, Notices
from nbchat._chat.signal import Signal

from .kinds import name_of
from .suggestions import Suggestion, suggestions
from .time_limit import within
from .variables import NotThereError, mentioned, offered, resolve

if TYPE_CHECKING:
    from .failed_cell import FailedCell

_LOOK_UP_LIMIT_S = 1.0
_MAX_EXPECTED = 100
_FAILED = "failed-cell"


class Notebook:
    """The notebook around a chat.

    Outside IPython there are no variables and no failed cells.

    Args:
        notices: Shows the offer to explain an error.
        limit: The most characters that are sent about a variable.
        hidden: Whether the chat knows nothing of its notebook, as if it were outside IPython.

    Attributes:
        changed: Called after each cell: it may have made variables, or failed.
    """

    #: The notebook of the chat that was shown or used last: only that chat offers to explain.
    _in_use: ClassVar[weakref.ref[Notebook] | None] = None

    def __init__(self, notices: Notices, limit: int, *, hidden: bool = False) -> None:
        self._notices = notices
        self._limit = limit
        self._hidden = hidden
        self.changed: Signal[[]] = Signal()
        self._failure: FailedCell | None = None
        self._has_just_failed = False
        # Code of replies that waits to run, or runs → what to call when it begins and ends.
        self._expected: dict[str, tuple[Callable[[], None], Callable[[], None]]] = {}
        self._shell: Any = None if hidden else get_ipython()

    def watch(self) -> None:
        """Starts to listen to the notebook's cells."""
        if self._shell is not None:
            self._shell.events.register("pre_run_cell", self._before_cell)
            self._shell.events.register("post_run_cell", self._after_cell)

    def close(self) -> None:
        """Stops listening to the notebook's cells."""
        if self._shell is not None:
            self._shell.events.unregister("pre_run_cell", self._before_cell)
            self._shell.events.unregister("post_run_cell", self._after_cell)
        self._expected.clear()
        self._shell = self._failure = None

    def use(self) -> None:
        """Notes that the chat was shown or used."""
        Notebook._in_use = weakref.ref(self)

    def expect(self, code: str, began: Callable[[], None], ended: Callable[[], None]) -> None:
        """Notes that a page is about to run code of a reply.

        Args:
            code: The code, which no cell has.
            began: Called when it begins to run; never, if a cell before it ends in an error.
            ended: Called when it has run.
        """
        self.use()
        self._expected[code] = (began, ended)
        if len(self._expected) > _MAX_EXPECTED:
            del self._expected[next(iter(self._expected))]

    def forget_code(self) -> None:
        """Forgets an error of a reply's code, when the conversation with the code is gone."""
        if self._failure is not None and self._failure.of_reply:
            self._failure = None
            self._has_just_failed = False
            self.withdraw()

    def withdraw(self) -> None:
        """Removes the offer to explain an error."""
        self._notices.dismiss(_FAILED)

    def find(self, text: str, no_images: str = "") -> list[Attachment]:
        """Describes the variables that a text mentions.

        Args:
            text: A message. A word in it such as "@nobody", of no variable, is skipped.
            no_images: Why the chosen model receives no images; "" if it takes them.
        """
        if "@" not in text:
            return []
        found = {}
        for expression in mentioned(text):
            try:
                name, value = self._resolve(expression)
            except NotThereError:
                continue
            if name not in found:
                found[name] = self._describe(name, value, no_images)
        return list(found.values())

    def names(self) -> list[tuple[str, str]]:
        """Returns the variables that can be mentioned, each with a hint such as "str 6"."""
        hidden = {} if self._shell is None else self._shell.user_ns_hidden
        return offered(self._variables(), hidden)

    def suggestions(self) -> list[Suggestion]:
        """Returns what the user can do in an empty chat; nothing on a shared page."""
        if self._hidden:
            return []
        hidden = {} if self._shell is None else self._shell.user_ns_hidden
        return suggestions(self._variables(), hidden, failed=self._has_just_failed)

    def variable(self, expression: str, no_images: str = "") -> Attachment:
        """Returns what would be sent about a variable; `no_images` as in `find`.

        Raises:
            NotThereError: There is no variable of this name.
        """
        (name, *_) = mentioned(f"@{expression}") or [""]
        return self._describe(*self._resolve(name), no_images)

    def failed_cell(self) -> tuple[str, Attachment, list[str]]:
        """Returns a question about the last error, its description, and the variables it involves.

        Raises:
            RuntimeError: No cell has failed.
        """
        from .failed_cell import QUESTION

        failure = self._failed()
        return QUESTION, failure.describe(self._limit), failure.names(self._variables())

    def explained(self, no_images: str = "") -> tuple[str, list[Attachment]]:
        """Returns a message that asks for the last error to be explained, and its attachments.

        Args:
            no_images: As in `find`.

        Raises:
            RuntimeError: No cell has failed.
        """
        question, error, names = self.failed_cell()
        variables = self._variables()
        described = [self._describe(name, variables[name], no_images) for name in names]
        return question, [error, *described]

    def _failed(self) -> FailedCell:
        if self._failure is None:
            raise RuntimeError("There is no error to explain: no cell has failed.")
        return self._failure

    def _resolve(self, expression: str) -> tuple[str, object]:
        try:
            return within(_LOOK_UP_LIMIT_S, lambda: resolve(expression, self._variables()))
        except NotThereError:
            raise
        except Exception as error:
            kind = name_of(type(error))
            raise NotThereError(f"{expression!r} can't be looked up: {kind}.") from None

    def _describe(self, name: str, value: object, no_images: str) -> Attachment:
        from .description import describe

        return describe(name, value, self._limit, no_images)

    def _variables(self) -> dict[str, object]:
        return {} if self._shell is None else self._shell.user_ns

    def _is_in_use(self) -> bool:
        holder = Notebook._in_use() if Notebook._in_use is not None else None
        if holder is None or holder._shell is None:  # no chat was shown yet, or it is closed
            self.use()
            return True
        return holder is self

    def _before_cell(self, info: Any) -> None:
        if self._is_code_of_reply(info):
            self._expected[info.raw_cell][0]()

    def _is_code_of_reply(self, info: Any) -> bool:
        # A cell with the same code has an id, where the page and the kernel know ids (ipykernel 6).
        return info.raw_cell in self._expected and getattr(info, "cell_id", None) is None

    def _after_cell(self, result: Any) -> None:
        of_reply = self._is_code_of_reply(result.info)
        if of_reply:
            self._expected.pop(result.info.raw_cell)[1]()
        self._note_error(result, of_reply)
        self.changed()

    def _note_error(self, result: Any, of_reply: bool) -> None:
        error = result.error_before_exec or result.error_in_exec
        self._has_just_failed = False
        if error is None:
            self.withdraw()
        elif isinstance(error, Exception) and not isinstance(error, ChatError):
            from .failed_cell import FailedCell

            source, number = result.info.raw_cell, result.execution_count
            self._has_just_failed = True
            self._failure = FailedCell(error, source, number, of_reply)
            if self._is_in_use():
                text = f"{self._failure.title}."
                # When "explain" arrives, the page has already put everything into its composer.
                actions = {"explain": Action("Explain and fix", self.withdraw)}
                self._notices.show(Notice(_FAILED, text, actions=actions))
