"""``python -m nbchat download-model``: fetches the embedded model before it is needed."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from ._chat.errors import ChatError
from ._servers import local_model
from ._servers.model_cache import cache_dir


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m nbchat", description="The nbchat widget.")
    commands = parser.add_subparsers(required=True, metavar="command")
    commands.add_parser("download-model", help="fetch the tiny demo model that needs no account")
    parser.parse_args(argv)
    try:
        _download_model()
    except ChatError as error:
        _say(f"{error}\n")
        return 1
    return 0


def _download_model() -> None:
    if (path := local_model.weights()) is not None:
        _say(f"The demo model is there already: {path}\n")
        return
    _say(
        f"Fetching {local_model.TITLE} ({local_model.LICENSE}), "
        f"{local_model.DOWNLOAD_BYTES / 1e6:.0f} MB, once, to {cache_dir()}\n"
    )
    try:
        path = local_model.download_weights(_show_progress)
    finally:
        _say("\n" if sys.stderr.isatty() else "")
    _say(f"Kept in {path}\n")


def _show_progress(done: int, total: int) -> None:
    if sys.stderr.isatty():
        _say(f"\r  {done / 1e6:5.1f} of {total / 1e6:.1f} MB ({done / total:4.0%})")


def _say(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
