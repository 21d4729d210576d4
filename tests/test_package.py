"""What is published installs and runs on its own."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import environment
import pytest
from conftest import Built

pytestmark = pytest.mark.environments

BUNDLE = {f"nbchat/static/{name}.js" for name in ("highlight", "loader", "math", "nbchat")}


def test_wheel_carries_the_bundle_and_no_sources_of_it(built: Built) -> None:
    with zipfile.ZipFile(built.wheel) as archive:
        names = archive.namelist()
    assert built.wheel.name.startswith("nbchat_widget-")  # "nbchat" is another project's
    assert set(names) >= {"nbchat/__init__.py", "nbchat/static/licenses.txt", *BUNDLE}
    folders = {name.partition("/")[0] for name in names}
    assert {name.partition("-")[0] for name in folders} == {"nbchat", "nbchat_widget"}
    assert [name for name in names if "frontend" in name or name.endswith(".ts")] == []


def test_sdist_carries_sources_and_bundle(built: Built) -> None:
    with tarfile.open(built.sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert names >= {"LICENSE", "README.md", "nbchat/frontend/build.py", *BUNDLE}
    assert any(name.startswith("nbchat/frontend/src/") for name in names)
    assert [name for name in names if "node_modules" in name] == []


def test_wheel_of_the_sdist_needs_no_node(built: Built) -> None:
    assert "hatchling" in built.wheel_log
    assert "nodejs" not in built.wheel_log


def test_wheel_runs_in_a_fresh_environment(built: Built, tmp_path: Path) -> None:
    programs = environment.make(tmp_path / "venv", sys.executable, str(built.wheel))
    code = "import nbchat; nbchat.ChatWidget(); print(nbchat.__file__)"
    done = subprocess.run(
        [programs / "python", "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert str(tmp_path) in done.stdout
