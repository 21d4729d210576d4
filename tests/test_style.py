"""The checkout is clean under its own rules."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
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


def test_typescript_is_clean() -> None:
    build = ROOT / "nbchat" / "frontend" / "build.py"
    command = [sys.executable, build, "--npm", "run", "check"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_public_names_are_those_promised() -> None:
    import nbchat

    assert all(getattr(nbchat, name).__doc__ for name in nbchat.__all__)
    names = {name for name in vars(nbchat) if not name.startswith("_")}
    assert names - {"annotations", "TYPE_CHECKING", "Any"} == set(nbchat.__all__)
    assert set(dir(nbchat)) >= set(nbchat.__all__)


def test_showing_a_chat_leaves_the_rest_for_later() -> None:
    """What takes long to import is imported by what needs it: a request, a tool, a file."""
    late = {
        "filelock",
        "hashlib",
        "httpx",
        "markdown_it",
        "numpy",
        "openai",
        "pandas",
        "platformdirs",
        "pydantic",
    }
    late |= {"nbchat._widget.hot_reload"}
    code = f"""
import sys, anywidget, ipywidgets
before = set(sys.modules)
import nbchat
nbchat.ChatWidget(base_url="http://127.0.0.1:9/v1", api_key="none", model="m").display()
sys.exit(" ".join({late} & (set(sys.modules) - before)) or 0)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
