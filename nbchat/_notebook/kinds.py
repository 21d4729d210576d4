"""What a value is, found without running its code.

`isinstance`, `inspect.isroutine` and the like ask a value for its `__class__`, which may be a
property, or a proxy that connects to a database first. The type itself can't be faked.
"""

from __future__ import annotations

import sys
from types import (
    BuiltinFunctionType,
    ClassMethodDescriptorType,
    FunctionType,
    MethodDescriptorType,
    MethodType,
    MethodWrapperType,
    ModuleType,
    WrapperDescriptorType,
)
from typing import TypeGuard, TypeVar

Kind = TypeVar("Kind")

_ROUTINES: tuple[type, ...] = (
    FunctionType,
    MethodType,
    BuiltinFunctionType,
    MethodDescriptorType,
    WrapperDescriptorType,
    MethodWrapperType,
    ClassMethodDescriptorType,
)
# Their objects hold API keys: those of a chat, of its client, and of a client's connections.
_HOLD_KEYS = {__name__.partition(".")[0], "openai", "httpx", "httpcore"}

_TABLES = {
    "pandas": ("DataFrame", "Series", "Index"),
    "polars": ("DataFrame", "Series", "LazyFrame"),
    "pyarrow": ("Table", "RecordBatch", "Array", "ChunkedArray"),
    "numpy": ("ndarray",),
}


def is_a(value: object, *kinds: type[Kind]) -> TypeGuard[Kind]:
    """Whether the type of a value is one of these types, or derived from one."""
    return issubclass(type(value), kinds)


def is_of(value: object, library: str, *names: str) -> bool:
    """Whether a value is of one of these classes of a library; imports no library."""
    namespace: dict[str, object] = getattr(sys.modules.get(library), "__dict__", {})
    kinds = [kind for name in names if is_class(kind := namespace.get(name))]
    return is_a(value, *kinds)


def is_table(value: object) -> bool:
    """Whether a value is a frame, series, index or array of pandas, polars, Arrow or numpy."""
    return any(is_of(value, library, *names) for library, names in _TABLES.items())


def is_picture(value: object) -> bool:
    return is_figure(value) or is_of(value, "PIL.Image", "Image")


def is_figure(value: object) -> bool:
    """Whether a value is a figure of matplotlib, or a part of one."""
    figures = (("matplotlib.figure", "FigureBase"), ("matplotlib.axes", "Axes"))
    return any(is_of(value, module, name) for module, name in figures)


def is_class(value: object) -> TypeGuard[type]:
    return is_a(value, type)


def is_routine(value: object) -> bool:
    """Whether a value is a function or a method."""
    return is_a(value, *_ROUTINES)


def is_imported(value: object) -> bool:
    """Whether a value is a function or class that another module defines."""
    if is_class(value):
        return module_of(value) != "__main__"
    is_function = is_a(value, FunctionType, BuiltinFunctionType)
    return is_function and getattr(value, "__module__", None) != "__main__"


def holds_keys(value: object) -> bool:
    """Whether a value is a module, or belongs to a library whose objects hold API keys."""
    kind = value if is_class(value) else type(value)
    bases = type.__dict__["__mro__"].__get__(kind)
    return is_a(value, ModuleType) or any(_top(module_of(base)) in _HOLD_KEYS for base in bases)


def is_nbchats(value: object) -> bool:
    """Whether a value belongs to nbchat, such as a chat."""
    return _top(module_of(type(value))) == _top(__name__)


def name_of(kind: object, attribute: str = "__name__") -> str:
    """Returns a class's `__name__` or `__qualname__`, past its metaclass."""
    return _text(type.__dict__[attribute].__get__(kind))


def module_of(kind: object) -> str:
    """Returns the name of the module that defines a class; "" if the class does not say it."""
    return _text(type.__dict__["__module__"].__get__(kind))


def _text(value: object) -> str:
    return value if type(value) is str else ""


def _top(module: object) -> str:
    return _text(module).partition(".")[0]
