"""Virtual environments of the tests' own, made with uv."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path


def find_python(version: str) -> str | None:
    """The path of this Python ("3.12"), if the machine has it."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    kept = sorted(str(path) for path in pyenv.glob("versions/*/bin"))
    # pyenv's shims are there for versions that are not.
    found = [path for path in os.get_exec_path() if Path(path).name != "shims"]
    return shutil.which(f"python{version}", path=os.pathsep.join([*found, *kept]))


def make(folder: Path, python: str, *requirements: str) -> Path:
    """Makes an environment with these packages; returns the folder of its programs."""
    from uv import find_uv_bin

    uv = find_uv_bin()
    subprocess.run([uv, "venv", "--quiet", "--python", python, folder], check=True)
    programs = folder / ("Scripts" if os.name == "nt" else "bin")
    target = programs / "python"
    subprocess.run([uv, "pip", "install", "--quiet", "--python", target, *requirements], check=True)
    return programs
