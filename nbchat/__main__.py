"""The command line: `python -m nbchat download-model` fetches the demo model in advance."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from ._chat.errors import ChatError
from ._servers import local_model
from ._servers.model_cache import cache_dir


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m nbchat", description="Commands for the nbchat widget."
    )
    commands = parser.add_subparsers(required=True, metavar="command")
    commands.add_parser("download-model", help="fetch the small demo model, which needs no account")
    parser.parse_args(argv)
    try:
        _download_model()
    except ChatError as error:
        _say(f"{error}\n")
        return 1
    return 0


def _download_model() -> None:
    if (path := local_model.weights()) is not None:
        _say(f"The demo model is already there: {path}\n")
        return
    _say(
        f"Fetching {local_model.TITLE} ({local_model.LICENSE}), "
        f"{local_model.DOWNLOAD_BYTES / 1e6:.0f} MB, to {cache_dir()}; this is needed only once.\n"
    )
    try:
        path = local_model.download_weights(_show_progress)
    finally:
        _say("\n" if sys.stderr.isatty() else "")
    _say(f"Saved to {path}\n")


def _show_progress(done: int, total: int) -> None:
    if sys.stderr.isatty():
        _say(f"\r  {done / 1e6:5.1f} of {total / 1e6:.1f} MB ({done / total:4.0%})")


def _say(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
