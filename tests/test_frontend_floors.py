"""The folders of the front end are floors: imports run downwards only, and never in a circle."""

from __future__ import annotations

import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

SRC = Path(__file__).parents[1] / "nbchat" / "frontend" / "src"

# From the top to the bottom. Folders of one floor don't import from each other.
FLOORS = (
    (".",),
    ("header",),
    ("conversation", "composer", "models"),
    ("attachments",),
    ("markdown",),
    ("kernel",),
    ("page",),
)
FLOOR = {folder: floor for floor, folders in enumerate(FLOORS) for folder in folders}
IMPORT = re.compile(r"""\b(?:from|import)\s*\(?\s*["']([^"']+)["']""")

pytestmark = pytest.mark.environments


def imported(text: str) -> list[str]:
    """What a file imports, in whatever form."""
    return IMPORT.findall(text)


def folder(path: Path) -> str:
    return path.parent.relative_to(SRC).as_posix()


def files() -> list[Path]:
    return sorted(path for path in SRC.rglob("*") if path.suffix in {".ts", ".css"})


def local_imports(path: Path) -> set[Path]:
    """The files of the front end that `path` imports."""
    found = set()
    for name in imported(path.read_text(encoding="utf-8")):
        if name.startswith("."):
            target = (path.parent / name).resolve()
            found.add(target if target.suffix == ".css" else target.with_name(f"{target.name}.ts"))
    return found


def test_every_form_of_import_is_read() -> None:
    text = """
        import one from "./one";
        import type { Two } from "../two";
        import {
          three,
          type Three,
        } from "./three";
        import "./four.css";
        export { five } from "./five";
        const six = await import("./six");
        let seven: typeof import('./seven');
    """
    assert [Path(name).stem for name in imported(text)] == [
        *("one", "two", "three", "four", "five", "six", "seven"),
    ]


def test_each_file_stands_on_a_floor() -> None:
    folders = {folder(path) for path in files()}
    assert folders == set(FLOOR)


def test_what_is_imported_exists() -> None:
    missing = [
        f"{path.relative_to(SRC)} imports {target}"
        for path in files()
        for target in local_imports(path)
        if not target.is_file()
    ]
    assert missing == []


def test_imports_run_downwards_only() -> None:
    upwards = [
        f"{path.relative_to(SRC)} imports {target.relative_to(SRC)}"
        for path in files()
        for target in local_imports(path)
        if folder(target) != folder(path) and FLOOR[folder(target)] <= FLOOR[folder(path)]
    ]
    assert upwards == []


def test_no_files_import_each_other_in_a_circle() -> None:
    try:
        TopologicalSorter({path: local_imports(path) for path in files()}).prepare()
    except CycleError as error:
        circle = " → ".join(str(path.relative_to(SRC)) for path in error.args[1])
        pytest.fail(f"a circle of imports: {circle}")
