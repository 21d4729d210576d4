"""A real JupyterLab or Notebook 7, a notebook in it, and the chat in that, as tests drive them."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from playwright.sync_api import Download, Locator, Page, expect

START_S = 60
CELL_S = 60

App = Literal["jupyterlab", "notebook"]


class Lab:
    """A Jupyter server, in a folder of its own, as a context manager.

    Args:
        folder: Empty.
        app: Which of Jupyter's applications it is.
        python: Of another environment, for the server and its kernels.

    Attributes:
        root: The folder that it shows.
        url: Where it is, without its token.
    """

    def __init__(
        self, folder: Path, app: App = "jupyterlab", *, python: str | Path = sys.executable
    ) -> None:
        self.app = app
        self._python = str(python)
        self.root = folder / "root"
        self.root.mkdir(parents=True)
        self._home = folder / "home"
        self._runtime = folder / "runtime"
        self._config = folder / "config"
        self._temporary = folder / "tmp"
        self._log = folder / "log.txt"
        self._token = secrets.token_hex(16)
        self.url = ""

    def __enter__(self) -> Lab:
        for path in (self._home, self._config, self._temporary):
            path.mkdir()
        settings = {
            "ServerApp": {
                "allow_root": True,
                "ip": "127.0.0.1",
                "open_browser": False,
                "root_dir": str(self.root),
                "terminals_enabled": False,
            },
            "IdentityProvider": {"token": self._token},
            "LabApp": {
                "check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
                "expose_app_in_browser": True,  # NotebookPage runs its commands
                "extension_manager": "readonly",
            },
            "JupyterNotebookApp": {"expose_app_in_browser": True},
        }
        (self._config / "jupyter_server_config.json").write_text(json.dumps(settings))
        # Else it asks in a corner of every page whether to fetch news.
        notifications = self._config / "lab/user-settings/@jupyterlab/apputils-extension"
        notifications.mkdir(parents=True)
        (notifications / "notification.jupyterlab-settings").write_text('{"fetchNews": "false"}')
        self._start()
        return self

    def _start(self) -> None:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        environment = {
            **os.environ,
            "HOME": str(self._home),
            "IPYTHONDIR": str(self._home / "ipython"),
            "JUPYTER_CONFIG_DIR": str(self._config),
            "JUPYTER_DATA_DIR": str(self._home / "data"),
            "JUPYTER_PREFER_ENV_PATH": "1",
            "JUPYTER_RUNTIME_DIR": str(self._runtime),
            "TMPDIR": str(self._temporary),
            "XDG_CACHE_HOME": str(cache),  # the weights are fetched once for all
        }
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [self._python, "-m", self.app, f"--ServerApp.port={urlsplit(self.url).port or 0}"],
                env=environment,
                cwd=self.root,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            self.url = self._wait_for_url()
        except BaseException:
            self.__exit__()
            raise

    def restart(self) -> None:
        """Stops the server with its kernels, and starts it again at the same address."""
        self.__exit__()
        self._start()

    def __exit__(self, *exc: object) -> None:
        self._process.terminate()  # shuts its kernels down too
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _wait_for_url(self) -> str:
        info = self._runtime / f"jpserver-{self._process.pid}.json"
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                return str(json.loads(info.read_text())["url"])
            except (FileNotFoundError, json.JSONDecodeError):  # not yet, or not all of it
                time.sleep(0.1)
        raise RuntimeError(f"{self.app} did not start:\n{self._log.read_text()[-4000:]}")

    def write(self, cells: Sequence[str], name: str | None = None) -> str:
        """Writes a notebook of code cells into the root folder; returns its name."""
        name = name or f"{uuid.uuid4().hex}.ipynb"
        notebook = {
            "cells": [
                {
                    "cell_type": "code",
                    "execution_count": None,
                    "id": f"cell-{i}",
                    "metadata": {},
                    "outputs": [],
                    "source": source,
                }
                for i, source in enumerate(cells)
            ],
            "metadata": {
                "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}
            },
            "nbformat": 4,
            "nbformat_minor": 5,
        }
        (self.root / name).write_text(json.dumps(notebook))
        return name

    def page_url(self, name: str) -> str:
        """Where the notebook opens, alone: a workspace of its own remembers no other tabs."""
        place = (
            f"lab/workspaces/{uuid.uuid4().hex}/tree" if self.app == "jupyterlab" else "notebooks"
        )
        return f"{self.url}{place}/{name}?token={self._token}"

    def api(self, path: str, method: str = "GET") -> Any:
        """Asks the server's REST API: `api("api/kernels")`."""
        headers = {"Authorization": f"token {self._token}"}
        request = urllib.request.Request(self.url + path, method=method, headers=headers)
        with urllib.request.urlopen(request, timeout=30) as response:
            return json.loads(response.read() or "null")

    @property
    def pid(self) -> int:
        return self._process.pid

    def shut_down_kernels(self, name: str | None = None) -> None:
        """Ends the kernels of all notebooks, or of this one."""
        for session in self.api("api/sessions"):
            if name in (None, session["path"]):
                self.api(f"api/sessions/{session['id']}", "DELETE")


class NotebookPage:
    """An open notebook. Cells are counted from 0.

    Args:
        by: Another address of the lab.
    """

    def __init__(self, page: Page, lab: Lab, name: str, *, by: str = "") -> None:
        self.page = page
        self.path = lab.root / name
        page.goto(lab.page_url(name).replace(lab.url, by or lab.url))
        self.wait_ready()

    def wait_ready(self) -> None:
        """Until the notebook is there and its kernel is connected and idle."""
        self.page.wait_for_function(
            """(name) => {
              const panel = window.jupyterapp?.shell?.currentWidget;
              if (panel?.context?.path !== name || !panel.context.isReady) return false;
              const kernel = panel.sessionContext?.session?.kernel;
              return kernel?.connectionStatus === "connected" && kernel.status === "idle";
            }""",
            arg=self.path.name,
            timeout=START_S * 1000,
        )
        self.page.evaluate("window.jupyterapp.shell.collapseLeft?.()")

    def cell(self, n: int) -> Locator:
        return self.page.locator(".jp-Notebook .jp-Cell").nth(n)

    def outputs(self, n: int) -> list[dict[str, Any]]:
        """The cell's outputs as nbformat has them."""
        outputs: list[dict[str, Any]] = self.page.evaluate(
            "(n) => jupyterapp.shell.currentWidget.content.widgets[n].model.outputs.toJSON()", n
        )
        return outputs

    def start(self, n: int) -> None:
        """Begins to run a cell; `wait_idle` waits for it."""
        self.page.evaluate(
            "(n) => { jupyterapp.shell.currentWidget.content.activeCellIndex = n; }", n
        )
        self._start("notebook:run-cell")

    def run(self, n: int) -> None:
        """Runs a cell to its end, which must not be an error."""
        self.start(n)
        self.wait_idle()
        self._fail_on_error([n])

    def run_all(self) -> None:
        """Runs all cells, none of which may end in an error."""
        self._start("notebook:run-all-cells")
        self.wait_idle()
        self._fail_on_error(range(self.page.locator(".jp-Notebook .jp-Cell").count()))

    def wait_idle(self, timeout_s: float = CELL_S) -> None:
        """Until all that was started has ended."""
        self.page.wait_for_function("() => !window.testsRunning", timeout=timeout_s * 1000)

    def interrupt(self) -> None:
        self.command("notebook:interrupt-kernel")

    def restart(self) -> None:
        """Restarts the kernel as its menu does, and confirms."""
        self._start("notebook:restart-kernel")
        self.page.get_by_role("dialog").locator("button.jp-mod-accept").click()
        self.wait_idle()
        self.wait_ready()

    def trust(self) -> None:
        """Trusts the notebook as its menu does, and confirms."""
        self._start("notebook:trust")
        self.page.get_by_role("dialog").locator("button.jp-mod-accept").click()
        self.wait_idle()

    def save(self) -> dict[str, Any]:
        """Saves the notebook; returns what stands in the file."""
        self.command("docmanager:save")
        saved: dict[str, Any] = json.loads(self.path.read_text())
        return saved

    def reload(self) -> None:
        """Saves, and loads the page again; the kernel lives on."""
        self.save()
        self.page.reload()
        self.wait_ready()

    def theme(self, theme: Literal["light", "dark", "dark high contrast"]) -> None:
        self.command("apputils:change-theme", {"theme": f"JupyterLab {theme.title()}"})
        light = "true" if theme == "light" else "false"
        expect(self.page.locator("body")).to_have_attribute("data-jp-theme-light", light)
        expect(self.page.locator("#jupyterlab-splash")).to_have_count(0)

    def command(self, command: str, arguments: dict[str, Any] | None = None) -> None:
        """Runs one of Jupyter's own commands to its end."""
        self.page.evaluate(
            "([id, args]) => jupyterapp.commands.execute(id, args).then(() => null)",
            [command, arguments or {}],
        )

    def _start(self, command: str) -> None:
        self.page.evaluate(
            """(id) => {
              window.testsRunning = (window.testsRunning ?? 0) + 1;
              jupyterapp.commands.execute(id).finally(() => { window.testsRunning -= 1; });
            }""",
            command,
        )

    def _fail_on_error(self, cells: Sequence[int]) -> None:
        for n in cells:
            for output in self.outputs(n):
                if output["output_type"] == "error":
                    raise AssertionError(f"cell {n}: {output['ename']}: {output['evalue']}")


class ChatPage:
    """The chat, found as a person or a screen reader finds it."""

    def __init__(self, root: Page | Locator) -> None:
        self.root = root
        self.page = root if isinstance(root, Page) else root.page
        self.conversation = root.get_by_role("log", name="Conversation")
        self.notices = root.get_by_role("group", name="Notices")
        self.user_messages = self.conversation.get_by_role("article", name="You")
        self.assistant_messages = self.conversation.get_by_role("article", name="Assistant")
        self.reply = self.assistant_messages.last
        self.alert = self.conversation.get_by_role("alert")
        self.retry_button = self.conversation.get_by_role("button", name="Retry")
        self.message = root.get_by_role("textbox", name="Message", exact=True)
        self.send_button = root.get_by_role("button", name="Send", exact=True)
        self.stop_button = root.get_by_role("button", name="Stop", exact=True)
        self.settings_button = root.get_by_role("button", name="Settings", exact=True)
        self.more_button = root.get_by_role("button", name="More", exact=True)
        self.model = root.get_by_role("combobox", name="Model", exact=True)
        self.system = root.get_by_role("textbox", name="System instructions")
        self.effort = root.get_by_role("combobox", name="Reasoning effort")
        self.temperature = root.get_by_role("slider", name="Temperature")
        self.max_tokens = root.get_by_role("slider", name="Max tokens")
        self.thoughts = self.reply.get_by_role("group", name="Thoughts")

    @property
    def clear_button(self) -> Locator:
        """In the menu, which this opens."""
        return self.in_menu("button", "Clear chat")

    @property
    def download_link(self) -> Locator:
        """In the menu, which this opens."""
        return self.in_menu("link", "Download last reply")

    def in_menu(self, role: Literal["button", "link"], name: str) -> Locator:
        """Opens the menu "More", if it is not open; returns what it has of this name."""
        if self.more_button.get_attribute("aria-expanded") != "true":
            self.more_button.click()
        expect(self.more_button).to_have_attribute("aria-expanded", "true")
        return self.root.get_by_role(role, name=name)

    def send(self, message: str) -> None:
        """Types a message and presses Enter."""
        self.message.fill(message)
        self.message.press("Enter")

    def ask(self, message: str) -> Locator:
        """Sends a message and waits until the reply has ended; returns the reply."""
        before = self.assistant_messages.count()
        self.send(message)
        expect(self.assistant_messages).to_have_count(before + 1)
        self.wait_ended()
        return self.reply

    def wait_ended(self, timeout_s: float = 60) -> None:
        """Until no reply runs: Stop is there exactly as long as one does."""
        expect(self.stop_button).to_be_hidden(timeout=timeout_s * 1000)

    def open_thoughts(self, reply: Locator | None = None) -> Locator:
        """Opens the thoughts of this reply, or else of the last one, and returns them."""
        thoughts = (reply or self.reply).get_by_role("group", name="Thoughts")
        line = thoughts.get_by_role("button", name="Thoughts")
        if line.get_attribute("aria-expanded") == "false":
            line.click()
        expect(line).to_have_attribute("aria-expanded", "true")
        return thoughts

    def download(self) -> Download:
        with self.page.expect_download() as download:
            self.download_link.click()
        return download.value
