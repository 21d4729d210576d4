"""Chromium for the tests: an installed one, else Playwright's own, else the distribution's."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, Playwright
from playwright.sync_api import Error as PlaywrightError

COMMANDS = ("google-chrome", "google-chrome-stable", "chromium", "chromium-browser")
APPLICATIONS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Google\Chrome\Application\chrome.exe",
)
FLAGS = (
    "--no-sandbox",  # Chromium refuses to run as root without
    "--disable-gpu",
    "--disable-dev-shm-usage",  # containers have a small one
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
)


def launch(playwright: Playwright) -> Browser:
    """Starts the first Chromium that is to be had.

    Raises:
        RuntimeError: None is, with what was tried. The browser tests are never skipped.
    """
    tried = []
    ways: tuple[Callable[[Playwright], Path], ...] = (installed, playwrights_own, distributions)
    for way in ways:
        try:
            path = way(playwright)
            return playwright.chromium.launch(executable_path=path, args=FLAGS)
        except (OSError, subprocess.SubprocessError, PlaywrightError) as problem:
            output = getattr(problem, "stderr", None) or ""
            tried.append(f"{way.__name__}: {problem}\n{output}"[-2000:])
    raise RuntimeError("The browser tests need Chrome or Chromium:\n" + "\n".join(tried))


def installed(_: Playwright) -> Path:
    for candidate in (*map(shutil.which, COMMANDS), *APPLICATIONS):
        if candidate and Path(candidate).exists():
            return Path(candidate)
    raise FileNotFoundError("none is installed")


def playwrights_own(playwright: Playwright) -> Path:
    path = Path(playwright.chromium.executable_path)
    if not path.exists():
        _run([sys.executable, "-m", "playwright", "install", "chromium"], timeout=300)
    return path


def distributions(playwright: Playwright) -> Path:
    """Debian's package brings the libraries along that Playwright's own may lack."""
    as_root = [] if os.name == "nt" or os.geteuid() == 0 else ["sudo", "-n"]
    _run([*as_root, "apt-get", "update", "-q"], timeout=180)
    _run([*as_root, "apt-get", "install", "-qy", "chromium", "fonts-liberation"], timeout=600)
    return installed(playwright)


def _run(command: list[str], timeout: float) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(
        command, env=environment, timeout=timeout, check=True, capture_output=True, text=True
    )
