"""Describes a variable for a model: as a text of limited size, or as an image.

Describing a value never changes it and takes limited work: large values are sampled, and foreign
code that takes too long, such as a slow `__repr__`, is abandoned.
"""

from __future__ import annotations

import ast
import inspect
import linecache
import re
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

from nbchat._chat.attachments.attachment import Attachment
from nbchat._chat.attachments.encodings import decode
from nbchat._chat.attachments.pil_images import to_png
from nbchat._chat.keys import MASK, is_secret_name, mask_secrets
from nbchat._chat.terminal import without_commands

from .brief import brief
from .kinds import (
    is_a,
    is_class,
    is_figure,
    is_picture,
    is_routine,
    is_table,
    module_of,
    name_of,
)
from .tables import describe_table
from .time_limit import within
from .variables import last_name

TIME_LIMIT_S = 1.0
_PICTURE_LIMIT_S = 5.0  # drawing a figure takes longer
_BOUND = 400_000  # the most characters of a text that are read
_PIXELS = 1600  # of an image's longer side: providers scale larger images down
# All control characters but tab and line feed: a text with one would count as a binary file.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def describe(name: str, value: object, limit: int, no_images: str = "") -> Attachment:
    """Describes a variable as it is now.

    Args:
        name: The expression that mentions it, such as "df" or "config.model".
        value: Its value.
        limit: The most characters of a text.
        no_images: Why images are described in words; "" if they are drawn.
    """
    drawable = is_picture(value)
    if drawable and not no_images:
        try:
            drawn = within(_PICTURE_LIMIT_S, lambda: _draw(value))
            return Attachment(f"@{name}", "image/png", drawn)
        except Exception as error:
            no_images = f"It can't be drawn: {_message(error)}"
    try:
        text = within(TIME_LIMIT_S, lambda: _text(name, value))
    except TimeoutError:
        text = f"(Not described: that takes more than {TIME_LIMIT_S:g} s.)"
    except Exception as error:
        text = f"(It can't be described: {_message(error)})"
    kind = type(value)
    head = f"{name}: {module_of(kind)}.{name_of(kind, '__qualname__')}"
    head = head.replace(": builtins.", ": ")
    if drawable:
        text = f"{no_images}\n{text}"
    title = f"@{name} (as text)" if drawable else f"@{name}"
    return Attachment(title, "text/markdown", for_model(f"{head}\n{text}", limit).encode())


def for_model(text: str, limit: int) -> str:
    """Masks keys in a text, removes colours and control characters, and cuts it to `limit`."""
    text = text[: 4 * limit].encode("utf-8", "replace").decode()
    text = mask_secrets(_CONTROL.sub("", without_commands(text).replace("\r\n", "\n"))).strip("\n")
    if len(text) <= limit:
        return text
    note = f"\n… (cut at {limit:,} characters)"
    return text[: max(0, limit - len(note))].rstrip() + note[:limit]


def _message(error: Exception) -> str:
    """Returns the type and message of an exception; only the type if its `__str__` fails."""
    try:
        return within(TIME_LIMIT_S, lambda: f"{type(error).__name__}: {error}"[:200])
    except Exception:
        return name_of(type(error))


def _text(name: str, value: object) -> str:
    kind = type(value)
    is_code = is_class(value) or is_routine(value)
    if is_secret_name(last_name(name)) and not is_code:
        return MASK
    if is_a(value, str):
        return f"{len(value):,} characters\n\n{value[:_BOUND]}"
    for hook in ("__llm__", "_repr_markdown_"):
        if hook == "_repr_markdown_" and is_table(value):
            return describe_table(value)
        # Looked up on the class: an object with a catch-all `__getattr__` has every name.
        if not is_class(value) and callable(getattr(kind, hook, None)):
            shown = getattr(value, hook)()
            shown = shown[0] if isinstance(shown, tuple) and shown else shown
            if isinstance(shown, str):
                return shown[:_BOUND]
    if is_table(value):
        return describe_table(value)
    if is_code:
        return _source(value)
    if is_a(value, Path):
        return _file(value)
    return brief(value)


# Pictures


def _draw(value: Any) -> bytes:
    if not is_figure(value):
        return to_png(value, _PIXELS)
    figure = value.figure
    while figure.figure is not figure and hasattr(figure.figure, "figure"):
        figure = figure.figure  # from a subfigure to the whole figure
    png = BytesIO()
    dpi = min(figure.dpi, _PIXELS / max(figure.get_size_inches()))
    figure.savefig(png, format="png", dpi=dpi)
    return png.getvalue()


# Functions, classes and files


def _source(value: Any) -> str:
    with suppress(OSError, TypeError):
        return inspect.getsource(value)
    if isinstance(value, type) and (found := _cells_class(value)):
        return found
    signature = ""
    with suppress(ValueError, TypeError):
        signature = str(inspect.signature(value))
    doc = inspect.getdoc(value) or ""
    return f"{value.__qualname__}{signature}\n\n{doc}".rstrip()


def _cells_class(kind: type) -> str:
    """Returns the source of a class that a cell defines; inspect finds only those in files."""
    codes = [each.__code__ for each in vars(kind).values() if inspect.isfunction(each)]
    for file in dict.fromkeys(code.co_filename for code in codes):
        text = "".join(linecache.getlines(file))
        with suppress(SyntaxError):
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.ClassDef) and node.name == kind.__name__:
                    return ast.get_source_segment(text, node) or ""
    return ""


def _file(path: Path) -> str:
    """Returns the beginning of a text file; of another file, only its size."""
    shown = str(path)
    if not path.is_file():  # perhaps a pipe, on which reading would block
        return f"{shown}\n\n({'a folder' if path.is_dir() else 'no such file'})"
    size = path.stat().st_size
    with path.open("rb") as file:
        content = file.read(_BOUND)
    decoded = decode(content, is_cut=size > len(content))
    if decoded is None:
        return f"{shown}\n\n({size:,} bytes, not a text file)"
    text, encoding = decoded
    how = "" if encoding == "utf-8" else f", read as {encoding}"
    return f"{shown}, {size:,} bytes{how}\n\n{text}"
