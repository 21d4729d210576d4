"""Files of chats: written whole or not at all, for the user alone, and over nobody else's."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, cast, get_args

from filelock import FileLock, Timeout

from nbchat._chat.settings import read_text_file

from .chat_json import from_json
from .export import MARKER, METADATA

Suffix = Literal[".json", ".md", ".ipynb"]

_PARTIAL = ".partial"
_NAME_LIMIT = 100
_SLUG_LIMIT = 40


class SavedChatFile:
    """The file in which the chat of a name is kept, in the user's data folder.

    Notebooks in different folders may use the same name. Of several chats that share a file, only
    the one that holds its lock may write.

    Args:
        name: By which the notebook finds its chat again.

    Raises:
        ValueError: The name is blank or longer than 100 characters, or the folder in which the
            notebook runs is gone.
        TypeError: The name is no text.
    """

    def __init__(self, name: str) -> None:
        if not isinstance(name, str):
            raise TypeError(f"name must be text, not {type(name).__name__}")
        if not name.strip():
            raise ValueError("name must not be blank")
        if len(name) > _NAME_LIMIT:
            raise ValueError(f"name must have at most {_NAME_LIMIT} characters, not {len(name)}")
        self.name = name
        self.path = _folder() / f"{_file_stem(name)}.json"
        self._lock = FileLock(self.path.with_suffix(".lock"), mode=0o600, thread_local=False)

    def acquire(self) -> bool:
        """Takes the file for this chat until `release`, or the process's end; False: it is taken.

        Raises:
            OSError: The folder can't be made or written to.
        """
        if self._lock.is_locked:
            return True
        with _naming(self.path):
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                self._lock.acquire(timeout=0)
            except Timeout:
                return False
        return True

    def release(self) -> None:
        """Lets another chat have the file."""
        self._lock.release()

    def read(self) -> str | None:
        """What is in the file; None if there is none yet.

        Raises:
            ValueError: It can't be read.
        """
        try:
            return read_text_file(self.path, "saved chat")
        except ValueError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                return None
            raise

    def write(self, text: str) -> None:
        """Replaces the file's content; if that fails, the old one stays.

        Raises:
            RuntimeError: Another chat has the file.
            OSError: The disk is full, or the file can't be written for another reason.
        """
        if not self._lock.is_locked:
            raise RuntimeError(f"The file of the chat {self.name!r} is another chat's.")
        # Only the lock's holder writes: these are of processes that were killed in mid-write.
        prefix = f".{self.path.stem}."
        for left in self.path.parent.glob(f"{prefix}*{_PARTIAL}"):
            with contextlib.suppress(OSError):
                left.unlink()
        _replace(self.path, text, prefix)


def suffix_of(path: str | os.PathLike[str]) -> Suffix:
    """In which form a file of this name is saved.

    Raises:
        ValueError: It is none of the three.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in get_args(Suffix):
        raise ValueError(f"a chat is saved as .json, .md or .ipynb, not as {Path(path).name!r}")
    return cast(Suffix, suffix)


def write_file(path: str | os.PathLike[str], text: str) -> Path:
    """Writes a chat to where the user wants it, whole or not at all; gives the file's path.

    Args:
        path: A name that ends in .json, .md or .ipynb; it says what `text` is.
        text: The chat in this form.

    Raises:
        ValueError: It has another suffix, or there is a file that nbchat has not written or can't
            read.
        OSError: The disk is full, or the file can't be written for another reason.
    """
    suffix = suffix_of(path)
    # A link stays one: what it points to is replaced.
    target = Path(os.path.realpath(os.path.expanduser(path)))
    if os.path.lexists(target):
        _check_ours(target, suffix)
    _replace(target, text, ".nbchat-")
    return target


def _check_ours(path: Path, suffix: Suffix) -> None:
    kept = f"{path} is not overwritten"
    try:
        text = read_text_file(path, "file")
        match suffix:
            case ".json":
                from_json(text)
            case ".md" if text.split("\n", 1)[0].rstrip() != MARKER:
                raise ValueError("It was not written by nbchat.")
            case ".ipynb" if METADATA not in _metadata(text):
                raise ValueError("It was not written by nbchat.")
    except ValueError as error:
        raise ValueError(f"{kept}: {error}") from error


def _metadata(notebook: str) -> dict[str, object]:
    with contextlib.suppress(ValueError, RecursionError):
        match json.loads(notebook):
            case {"metadata": dict(metadata)}:
                return metadata
    return {}


def _folder() -> Path:
    import platformdirs

    return platformdirs.user_data_path("nbchat", appauthor=False) / "chats"


def _file_stem(name: str) -> str:
    try:
        place = os.fsencode(os.getcwd())
    except OSError as error:
        raise ValueError(f"The notebook's folder is gone: {error.strerror}") from error
    key = place + b"\0" + name.encode("utf-8", "surrogatepass")
    slug = re.sub(r"[^A-Za-z0-9_-]+", "-", name)[:_SLUG_LIMIT].strip("-")
    return "-".join(filter(None, (slug, hashlib.sha256(key).hexdigest()[:16])))


@contextlib.contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Lets errors name the file that was meant, instead of one made on the way to it."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


def _replace(path: Path, text: str, prefix: str) -> None:
    """Puts a new file, for the user alone, in the place of the old one, at once.

    Until then it has a name with this prefix.
    """
    with _naming(path):
        descriptor, partial = tempfile.mkstemp(_PARTIAL, prefix, path.parent)
        try:
            with open(descriptor, "wb") as file:
                file.write(text.encode("utf-8", "replace"))
                file.flush()
                os.fsync(file.fileno())
            os.replace(partial, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(partial)
            raise
