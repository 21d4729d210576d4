from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

MAKE_FILE = """
import sys
from nbchat._files.tempfiles import temporary_path
path = temporary_path("reply.md")
path.write_text("hello")
print(path, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def temp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A temporary folder of the test's own, for the processes it starts."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


@contextmanager
def process(script: str = MAKE_FILE) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        try:
            yield child, Path(child.stdout.readline().strip())
        finally:
            child.kill()


def end(child: subprocess.Popen[str]) -> None:
    child.communicate(timeout=20)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no file modes")
def test_for_the_user_alone(temp: Path) -> None:
    with process() as (_, path):
        assert path.parent.parent == temp
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_gone_with_the_process(temp: Path) -> None:
    with process() as (child, path):
        assert path.read_text() == "hello"
        end(child)
    assert list(temp.iterdir()) == []


def test_what_a_kill_left_is_removed_by_the_next_start_and_only_that(temp: Path) -> None:
    others = temp / f"nbchat-{os.getuid()}-notes"
    others.mkdir()
    with process() as (living, kept), process() as (killed, left):
        os.kill(killed.pid, signal.SIGKILL)
        killed.wait(20)
        assert left.exists()
        with process() as (third, _):
            assert not left.parent.exists()
            assert kept.read_text() == "hello"
            assert others.is_dir()
            end(third)
        end(living)
    assert list(temp.iterdir()) == [others]


def test_a_forked_child_does_not_clean_up(temp: Path) -> None:
    script = MAKE_FILE.replace(
        "sys.stdin",
        "import os\nif os.fork() == 0: sys.exit()\nos.wait()\n"
        "print(path.exists(), flush=True)\nsys.stdin",
    )
    with process(script) as (child, path):
        assert child.stdout is not None
        assert child.stdout.readline() == "True\n"
        end(child)
    assert not path.exists()


def test_a_folder_that_was_swept_away_is_made_again(
    temp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = MAKE_FILE.replace(
        "sys.stdin",
        "import shutil\nshutil.rmtree(path.parent)\n"
        "print(temporary_path('x.md').parent.is_dir(), flush=True)\nsys.stdin",
    )
    with process(script) as (child, _):
        assert child.stdout is not None
        assert child.stdout.readline() == "True\n"
        end(child)


def test_a_temporary_folder_that_cannot_be_written_is_an_os_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from nbchat._files import tempfiles

    monkeypatch.setattr(tempfiles, "_folder", None)
    monkeypatch.setattr(tempfile, "tempdir", "/proc/nowhere")
    with pytest.raises(OSError, match="nowhere"):
        tempfiles.temporary_path("x.md")
