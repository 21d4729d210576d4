"""Writes chats to files: all or nothing, for the user alone, and only over nbchat's own files."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import cast, get_args

from filelock import FileLock, Timeout

from nbchat._chat.settings import read_text_file, read_text_lines
from nbchat._chat.suffix import Suffix

from .chat_reader import from_lines
from .export import MARKER, METADATA

_PARTIAL = ".partial"
_NAME_LIMIT = 100
_SLUG_LIMIT = 40


class SavedChatFile:
    """The file of a named chat, in the user's data folder.

    Notebooks in different folders may use the same name. If several chats share a file, only the
    one that holds its lock may write it.

    Args:
        name: The name under which the notebook finds its chat again.

    Raises:
        ValueError: The name is blank or longer than 100 characters, or the notebook's folder no
            longer exists.
        TypeError: The name is not text.
    """

    def __init__(self, name: str) -> None:
        if not isinstance(name, str):
            raise TypeError(f"name must be text, not {type(name).__name__}")
        if not name.strip():
            raise ValueError("name must not be blank")
        if len(name) > _NAME_LIMIT:
            raise ValueError(f"name must have at most {_NAME_LIMIT} characters, not {len(name)}")
        self.name = name
        self.path = data_folder("chats") / f"{_file_stem(name)}.json"
        self._lock = FileLock(self.path.with_suffix(".lock"), mode=0o600, thread_local=False)

    def acquire(self) -> bool:
        """Locks the file for this chat, until `release` or the end of the process.

        Returns:
            Whether the chat has the lock now; False if another chat has it.

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
        """Unlocks the file for other chats."""
        self._lock.release()

    def read(self) -> list[str] | None:
        """Returns the file's lines; None if there is no file yet.

        Raises:
            ValueError: The file can't be read.
        """
        try:
            return read_text_lines(self.path, "saved chat")
        except ValueError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                return None
            raise

    def write(self, text: Iterable[str]) -> None:
        """Replaces the file's content by a text in pieces; if that fails, the old content stays.

        Raises:
            RuntimeError: Another chat has the file.
            OSError: The disk is full, or the file can't be written for another reason.
        """
        if not self._lock.is_locked:
            raise RuntimeError(f"Another chat has the file of {self.name!r}.")
        replace_locked(self.path, text)


def suffix_of(path: str | os.PathLike[str]) -> Suffix:
    """Returns the suffix of a file, which says how a chat is saved there.

    Raises:
        ValueError: The suffix is none of the three.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in get_args(Suffix):
        raise ValueError(f"a chat is saved as .json, .md or .ipynb, not as {Path(path).name!r}")
    return cast(Suffix, suffix)


def write_file(path: str | os.PathLike[str], text: Iterable[str]) -> Path:
    """Writes a chat to a file that the user names, whole or not at all; returns its full path.

    Args:
        path: A path that ends in .json, .md or .ipynb, which is the format of `text`.
        text: The chat in this format, in pieces.

    Raises:
        ValueError: The path has another suffix, or a file is there that nbchat did not write or
            can't read.
        OSError: The folder is missing, the disk is full, or the file can't be written for
            another reason.
    """
    suffix = suffix_of(path)
    # A symbolic link stays a link: its target is replaced.
    target = Path(os.path.realpath(os.path.expanduser(path)))
    if not target.parent.is_dir():
        raise FileNotFoundError(
            errno.ENOENT, "There is no such folder. Create it first", str(target.parent)
        )
    if os.path.lexists(target):
        _check_ours(target, suffix)
    _replace(target, text, ".nbchat-")
    return target


def _check_ours(path: Path, suffix: Suffix) -> None:
    unchanged = f"{path} is not overwritten"
    try:
        text = read_text_file(path, "file") if suffix != ".json" else ""
        match suffix:
            case ".json":
                from_lines(read_text_lines(path, "file"))
            case ".md" if text.split("\n", 1)[0].rstrip() != MARKER:
                raise ValueError("nbchat did not write it.")
            case ".ipynb" if METADATA not in _metadata(text):
                raise ValueError("nbchat did not write it.")
    except ValueError as error:
        raise ValueError(f"{unchanged}: {error}") from error


def _metadata(notebook: str) -> dict[str, object]:
    with contextlib.suppress(ValueError, RecursionError):
        match json.loads(notebook):
            case {"metadata": dict(metadata)}:
                return metadata
    return {}


def data_folder(name: str) -> Path:
    """Returns a folder in the user's data folder."""
    import platformdirs

    return platformdirs.user_data_path("nbchat", appauthor=False) / name


def replace_locked(path: Path, text: Iterable[str]) -> None:
    """Replaces the content of a file whose lock the caller holds; if that fails, the old stays.

    Raises:
        OSError: The disk is full, or the file can't be written for another reason.
    """
    # Only the holder of the lock writes: these are from processes that were killed in a write.
    prefix = f".{path.stem}."
    for left in path.parent.glob(f"{prefix}*{_PARTIAL}"):
        with contextlib.suppress(OSError):
            left.unlink()
    _replace(path, text, prefix)


def _file_stem(name: str) -> str:
    try:
        place = os.fsencode(os.getcwd())
    except OSError as error:
        raise ValueError(f"The notebook's folder no longer exists: {error.strerror}") from error
    key = place + b"\0" + name.encode("utf-8", "surrogatepass")
    slug = re.sub(r"[^A-Za-z0-9_-]+", "-", name)[:_SLUG_LIMIT].strip("-")
    return "-".join(filter(None, (slug, hashlib.sha256(key).hexdigest()[:16])))


@contextlib.contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Makes errors name this file instead of a temporary one."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


def _replace(path: Path, text: Iterable[str], prefix: str) -> None:
    """Replaces a file in one step with a new one that only the user can read.

    The new file is written under a temporary name that begins with `prefix`.
    """
    with _naming(path):
        descriptor, partial = tempfile.mkstemp(_PARTIAL, prefix, path.parent)
        try:
            with open(descriptor, "wb") as file:
                for piece in text:
                    file.write(piece.encode("utf-8", "replace"))
                file.flush()
                os.fsync(file.fileno())
            os.replace(partial, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(partial)
            raise
