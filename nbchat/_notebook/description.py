"""Describes a variable for a model: as a text of limited size, or as an image.

Describing a value never changes it and takes limited work: large values are sampled, and foreign
code that takes too long, such as a slow `__repr__`, is abandoned.
"""

from __future__ import annotations

import ast
import inspect
import linecache
import re
import reprlib
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any

from nbchat._chat.attachments import Attachment
from nbchat._chat.keys import MASK, is_secret_name, mask_secrets
from nbchat._chat.terminal import without_commands

from .kinds import holds_keys, is_a, is_class, is_of, is_routine, module_of, name_of
from .tables import describe_table, is_table
from .time_limit import within
from .variables import last_name

TIME_LIMIT_S = 1.0
_PICTURE_LIMIT_S = 5.0  # drawing a figure takes longer
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
    is_picture = _is_picture(value)
    if is_picture and not no_images:
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
    if is_picture:
        text = f"{no_images}\n{text}"
    title = f"@{name} (as text)" if is_picture else f"@{name}"
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
    if is_secret_name(last_name(name).replace(" ", "_")) and not is_code:
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
    return _Brief().repr(value)


# Pictures


def _is_picture(value: object) -> bool:
    return _is_figure(value) or is_of(value, "PIL.Image", "Image")


def _is_figure(value: object) -> bool:
    figures = (("matplotlib.figure", "FigureBase"), ("matplotlib.axes", "Axes"))
    return any(is_of(value, module, name) for module, name in figures)


def _draw(value: Any) -> bytes:
    png = BytesIO()
    if _is_figure(value):
        figure = value.figure
        while figure.figure is not figure and hasattr(figure.figure, "figure"):
            figure = figure.figure  # from a subfigure to the whole figure
        dpi = min(figure.dpi, _PIXELS / max(figure.get_size_inches()))
        figure.savefig(png, format="png", dpi=dpi)
    else:
        factor = _PIXELS / max(value.size)
        small = value.copy()
        if factor < 1:
            small.thumbnail((_PIXELS, _PIXELS))
        if small.mode not in ("1", "L", "LA", "P", "RGB", "RGBA"):
            small = small.convert("RGB")
        small.save(png, format="PNG")
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
    if b"\0" in content:
        return f"{shown}\n\n({size:,} bytes, not a text file)"
    return f"{shown}, {size:,} bytes\n\n{content.decode('utf-8-sig', 'replace')}"


# All other values

_BOUND = 400_000  # the most characters of a text that are read
_ITEMS = 50  # the most items of a container that are shown
_NO_REPR: object = object.__repr__


class _Brief(reprlib.Repr):
    """A repr that looks only at the first items of a value, and of the values nested in it."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 5
        self.maxdict = self.maxlist = self.maxtuple = self.maxset = self.maxfrozenset = _ITEMS
        self.maxdeque = self.maxarray = _ITEMS
        self.maxstring = self.maxother = 2000

    def repr1(self, x: Any, level: int) -> str:
        kind = type(x)
        for base, show in self._containers().items():
            # A subclass's own repr might show all items, so it is not called.
            if isinstance(x, base) and not hasattr(kind, "_fields"):
                shown = show(x, level)
                return shown if kind is base else f"{kind.__name__}({shown})"
        if is_table(x) or _is_picture(x):
            return f"<{kind.__name__}>"
        if (fields := self._fields(x)) is not None:
            if level <= 0:
                return f"{kind.__name__}(...)"
            shown = ", ".join(
                f"{name}={repr(MASK) if is_secret_name(name) else self.repr1(each, level - 1)}"
                for name, each in islice(fields.items(), _ITEMS)
            )
            return f"{kind.__name__}({shown})"
        return str(super().repr1(x, level))

    def _containers(self) -> dict[type, Callable[[Any, int], str]]:
        # reprlib sorts all items of a set before it cuts them.
        def few(x: Any) -> Any:
            return islice(iter(x), _ITEMS + 1)

        return {
            dict: lambda x, level: self._dict(x, level),
            list: self.repr_list,
            tuple: self.repr_tuple,
            set: lambda x, level: self.repr_set(set(few(x)), level),
            frozenset: lambda x, level: self.repr_frozenset(frozenset(few(x)), level),
            deque: self.repr_deque,
            bytes: lambda x, _: repr(x[: self.maxother]) + ("…" if len(x) > self.maxother else ""),
        }

    def _dict(self, x: dict[Any, Any], level: int) -> str:
        if level <= 0 and x:
            return "{...}"
        shown = [
            f"{self.repr1(key, level - 1)}: "
            + (
                repr(MASK)
                if isinstance(key, str) and is_secret_name(key)
                else self.repr1(each, level - 1)
            )
            for key, each in islice(dict.items(x), _ITEMS)
        ]
        more = ["..."] if len(x) > _ITEMS else []
        return f"{{{', '.join([*shown, *more])}}}"

    def _fields(self, x: Any) -> dict[str, Any] | None:
        """Returns a value's attributes, if its own repr would show no more, or all of them."""
        kind = type(x)
        if isinstance(x, tuple):
            return dict(zip(kind._fields, x, strict=False)) if hasattr(kind, "_fields") else None
        if isinstance(x, type) or not hasattr(x, "__dict__") or holds_keys(x):
            return None
        if "__dataclass_fields__" in vars(kind):
            names = [n for n, f in vars(kind)["__dataclass_fields__"].items() if f.repr]
            return {name: vars(x)[name] for name in names if name in vars(x)}
        has_no_repr = getattr(kind, "__repr__", None) is _NO_REPR
        if has_no_repr and not inspect.isroutine(x):
            return dict(vars(x)) or None
        return None
