"""What of the front end needs no browser passes its own tests, `tests/frontend/*.test.ts`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

BUILD = Path(__file__).parents[1] / "nbchat" / "frontend" / "build.py"


def test_the_front_ends_own_tests_pass() -> None:
    done = subprocess.run([sys.executable, BUILD, "--npm", "test"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
