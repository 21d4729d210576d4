"""The folders are the floors of the house: imports run downwards only."""

from __future__ import annotations

import ast
import graphlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "nbchat"
# From the top down. Folders of one floor don't import each other.
FLOORS: tuple[tuple[str, ...], ...] = (
    ("__init__", "__main__"),
    ("_compare",),
    ("_chat_widget",),
    ("_widget", "_files"),
    ("_turns",),
    ("_servers", "_notebook", "_tools"),
    ("_chat",),
)
HEIGHT = {room: -floor for floor, rooms in enumerate(FLOORS) for room in rooms}
# What pure values do without.
WIDGETS = {"IPython", "anywidget", "ipykernel", "ipywidgets", "traitlets"}
NETWORK = {"ftplib", "http", "httpx", "openai", "requests", "socket", "ssl", "urllib.request"}

pytestmark = pytest.mark.environments


@cache
def modules() -> dict[str, Path]:
    """Each module's dotted name within the package, and its file."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        if parts[0] != "frontend":
            found[".".join(parts)] = path
    return found


def imported(module: str, path: Path) -> Iterator[str]:
    """All that a module imports, in functions and for types as well; our own as "nbchat.…"."""
    folder = ["nbchat", *module.split(".")[:-1]]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = folder[: len(folder) - node.level + 1] if node.level else []
            name = ".".join([*base, *filter(None, [node.module])])
            yield name
            yield from (f"{name}.{alias.name}" for alias in node.names)


def ours(module: str, path: Path) -> set[str]:
    """The modules of the package that a module imports."""
    names = {name.removeprefix("nbchat.") for name in imported(module, path)}
    return {name for name in names if name in modules()}


def test_every_folder_has_its_floor() -> None:
    assert {module.partition(".")[0] for module in modules()} == set(HEIGHT)


def test_imports_run_downwards() -> None:
    upwards = []
    for module, path in modules().items():
        room = module.partition(".")[0]
        for name in ours(module, path):
            other = name.partition(".")[0]
            if other != room and HEIGHT[other] >= HEIGHT[room]:
                upwards.append(f"{module} imports {name}")
    assert upwards == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = {module: ours(module, path) - {module} for module, path in modules().items()}
    graphlib.TopologicalSorter(graph).prepare()  # raises CycleError, with the circle


def test_pure_values_know_no_widgets_and_no_network() -> None:
    found = [
        f"{module} imports {name}"
        for module, path in modules().items()
        if module.startswith("_chat.")
        for name in imported(module, path)
        if {name, name.partition(".")[0]} & (WIDGETS | NETWORK)
    ]
    assert found == []
