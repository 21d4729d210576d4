"""The tests that need no browser pass with all versions that nbchat says it works with."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import environment
import pytest
from conftest import Built

pytestmark = pytest.mark.environments

ROOT = Path(__file__).parents[1]
CURRENT = f"{sys.version_info.major}.{sys.version_info.minor}"
COLAB = ("openai==2.54.0", "ipywidgets==7.7.1", "anywidget==0.9.21", "ipykernel==6.17.1")
NEWEST: tuple[str, ...] = ()
PINS = {
    "3.10": COLAB,
    "3.11": NEWEST,
    "3.12": ("openai==2.54.0", "ipywidgets>=8,<9", "ipykernel==6.30.*"),
    "3.13": ("openai>=3,<4", "ipywidgets>=8,<9", "ipykernel>=7.0.1,<7.4"),
}
PYTHONS = {version: environment.find_python(version) for version in PINS}
PYTHONS[CURRENT] = sys.executable
if PINS.get(CURRENT) == NEWEST:
    del PYTHONS[CURRENT]  # the whole run is of this Python, with the newest of all


@pytest.mark.parametrize("version", [version for version, path in PYTHONS.items() if path])
def test_versions(version: str, built: Built, tmp_path: Path) -> None:
    programs = environment.make(
        tmp_path / "venv",
        str(PYTHONS[version]),
        f"nbchat-widget @ {built.wheel.as_uri()}",
        *PINS.get(version, ()),
        *("hypothesis", "matplotlib", "mistune", "nbformat", "pandas", "pillow"),
        *("playwright", "polars", "pyarrow", "pytest", "pytest-xdist"),
    )
    # By its script, that leaves the checkout's own nbchat out of sys.path.
    command: list[str | Path] = [programs / "pytest", "-m", "not browser and not environments"]
    # The embedded model runs in a process of its own, which no pin touches.
    command += ["--ignore", "tests/test_local_model.py", "--ignore", "tests/test_llama_server.py"]
    command += ["--ignore", "tests/test_typescript.py"]  # no Python in it
    # What old versions of other packages have deprecated since is not our matter.
    options = ["-q", "-n", "0", "-p", "no:cacheprovider", "-W", "default::DeprecationWarning"]
    done = subprocess.run(
        [*command, *options],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=900,  # a test that hangs fails by itself, not with the whole run
    )
    assert done.returncode == 0, done.stdout[-8000:]
