"""What became of a reply's code that the user ran: its outputs, as far as the chat keeps them.

The outputs of code are foreign data: they have bounds, and nothing in them can run again. A page
shows the HTML of a table only through its sanitiser, and other HTML as text.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

from nbchat._chat.keys import mask_secrets
from nbchat._chat.terminal import as_on_a_terminal

#: "waiting" code has not begun, and may never begin. It was "interrupted" if the kernel ended, or
#: the chat was cleared, while it ran: later output is not there.
RunStatus = Literal["waiting", "running", "done", "interrupted"]

#: MIME type → text, or an image in Base64. Each output has a text, an image or both.
Output = Mapping[str, str]

MAX_OUTPUTS = 100
MAX_CHARACTERS = 20_000  # of one output's text, and of one table's HTML
MAX_ERROR_CHARACTERS = 300
MAX_IMAGE_CHARACTERS = 7_000_000  # of all images of one run, in Base64: 5 MB
MAX_RUNS = 100  # of one reply
_WORDS = 60  # room for the words about what was left out: else it would be too long again

TEXT = "text/plain"
TABLE = "text/html"
IMAGES = ("image/png", "image/jpeg")
#: The last line of a traceback, beside its whole text.
ERROR = "application/vnd.jupyter.error"
_TEXTS = (TEXT, "text/markdown", "text/latex", "text/html")


class Run:
    """One run of a block of code.

    Args:
        status: How far it has come.
        outputs: Its outputs, in the format of nbformat 4.
    """

    def __init__(self, status: RunStatus = "waiting", outputs: Iterable[object] = ()) -> None:
        self.status = status
        self._new: Iterable[object] | None = None
        self._kept = tuple(_within_bounds(outputs))

    def show(self, outputs: Iterable[object]) -> None:
        """Replaces the outputs, given in the format of nbformat 4; called for each printed line."""
        self._new = outputs

    @property
    def outputs(self) -> tuple[Output, ...]:
        """The outputs within the bounds; words stand for what was too large."""
        new, self._new = self._new, None
        if new is not None:
            self._kept = tuple(_within_bounds(new))
        return self._kept

    @property
    def size(self) -> int:
        """About how many bytes the outputs take."""
        return sum(len(data) for output in self.outputs for data in output.values())

    @property
    def text(self) -> str:
        """All outputs in words; blank if there is nothing to say."""
        lines = [output.get(TEXT) or "[an image]" for output in self.outputs]
        if self.status == "interrupted":
            lines.append(
                "[Interrupted: the kernel ended, or the chat was cleared, before the end.]"
            )
        elif self.status == "running":
            lines.append("[This code has not ended yet.]")
        return "\n".join(line.rstrip("\n") for line in lines)


def cut(text: str, limit: int) -> str:
    """Masks what looks like a key; a text that is longer than the limit loses its middle."""
    if len(text) <= limit:
        return mask_secrets(text)
    half = limit // 2
    left_out = len(text) - 2 * half
    # Masked with what stood around them: half of a key looks like none.
    first, last = (mask_secrets(part) for part in (text[: 2 * half], text[-2 * half :]))
    return f"{first[:half]}\n[… {left_out:,} characters were left out …]\n{last[-half:]}"


def text_of(output: Mapping[str, Any]) -> str:
    """Returns an output of nbformat 4 as text, in full."""
    match output.get("output_type"):
        case "stream":
            return as_on_a_terminal(joined(output.get("text", "")))
        case "error":
            trace = output.get("traceback")
            lines = map(str, trace) if isinstance(trace, list) else ()
            return (
                as_on_a_terminal("\n".join(lines))
                or f"{output.get('ename')}: {output.get('evalue')}"
            )
        case _:
            data = data_of(output)
            texts = [as_on_a_terminal(joined(data[each])) for each in _TEXTS if each in data]
            # Of some displays, the plain text is only a name.
            better = [text for text in texts if not text.startswith("<IPython.core.display.")]
            if texts := better or texts:
                return texts[0]
            return f"[{', '.join(map(str, data))}]" if data else ""


def data_of(output: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns what an output displays, by MIME type."""
    data = output.get("data")
    return data if isinstance(data, Mapping) else {}


def _error_line(output: Mapping[str, Any]) -> str:
    if output.get("output_type") != "error":
        return joined(data_of(output).get(ERROR))
    line = f"{output.get('ename')}: {output.get('evalue')}"
    return as_on_a_terminal(line).partition("\n")[0]


def joined(text: object) -> str:
    """Joins a text, which nbformat stores as a list of lines in files."""
    if isinstance(text, list):
        return "".join(map(str, text))
    return text if isinstance(text, str) else ""


def _is_base64(text: str) -> bool:
    try:
        return bool(binascii.a2b_base64(text))
    except ValueError:
        return False


def _within_bounds(outputs: Iterable[object]) -> Iterator[Output]:
    room = MAX_IMAGE_CHARACTERS
    for number, output in enumerate(every := list(outputs)):
        if number == MAX_OUTPUTS - 1 and (more := len(every) - number) > 1:
            yield {TEXT: f"[{more:,} more outputs were left out.]"}
            return
        if not isinstance(output, Mapping):
            continue
        kept: dict[str, str] = {}
        data = data_of(output)
        image = next((each for each in IMAGES if _is_base64(joined(data.get(each)))), None)
        if image is not None:
            content = joined(data[image]).strip()
            if len(content) > room:
                kept[TEXT] = f"[An image of {len(content) * 3 / 4e6:.1f} MB was left out.]"
                yield kept
                continue
            room -= len(content)
            kept[image] = content
        elif text := text_of(output):
            limit = MAX_CHARACTERS - (_WORDS if len(text) > MAX_CHARACTERS else 0)
            kept[TEXT] = cut(text, limit)
        if TEXT in kept and (error := _error_line(output)):
            kept[ERROR] = mask_secrets(error)[:MAX_ERROR_CHARACTERS]
        table = joined(data.get(TABLE))
        if "<table" in table and len(table) <= MAX_CHARACTERS and TEXT in kept:
            kept[TABLE] = mask_secrets(table)
        if kept:
            yield kept
