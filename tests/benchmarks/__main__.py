"""Runs the benchmark: `python -m tests.benchmarks --help`."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import sync_playwright

from tests import browser as chromium
from tests.lab import Lab

from .contestants import CONTESTANTS, Chat, Contestant, Notebook, named
from .measure import Examiner, importing, opening
from .report import machine, report
from .server import Server

LENGTHS = (2_000, 8_000, 32_000, 128_000)  # tokens
REPEATS = 3  # of what is short enough
SHORT_S = 4.0
PATIENCE_S = 20.0  # beyond the time that the server takes
TURNS, STRETCH, TURN_TOKENS = 200, 20, 100
TALK_S = 75.0


def main() -> None:
    names = ", ".join(each.name for each in CONTESTANTS)
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--only", default="", metavar="A,B", help=f"of: {names}")
    parser.add_argument("--quick", action="store_true", help="less of all, for a first look")
    parser.add_argument("--json", type=Path, metavar="FILE", help="writes all figures there")
    options = parser.parse_args()
    try:
        kinds = named(options.only)
    except ValueError as problem:
        parser.error(str(problem))
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        Server() as server,
        Lab(Path(folder)) as lab,
        sync_playwright() as playwright,
    ):
        browser = chromium.launch(playwright)
        results: dict[str, Any] = {"machine": machine(browser.version)}
        results["import"] = importing(3 if options.quick else 7)
        opened = [kind(browser, lab, server.url) for kind in kinds]
        results["contestants"] = measure(opened, server, quick=options.quick)
        browser.close()
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))
    print(report(results))  # noqa: T201


def measure(opened: list[Contestant], server: Server, *, quick: bool) -> dict[str, Any]:
    """Measures all of them, in turns."""
    examiner = Examiner(server, PATIENCE_S / 2 if quick else PATIENCE_S)
    lengths = LENGTHS[:2] if quick else LENGTHS
    found: dict[str, dict[str, Any]] = {}
    for each in opened:
        say(f"{each.name}: opening, rates")
        one = found[each.name] = {"label": each.label, "views": each.views}
        each.open()
        if isinstance(each, Chat):
            one["opening"] = asdict(opening(each))
        each.fresh()
        examiner.reply(each, 200)  # not measured: what is loaded and compiled once
        each.fresh()
        before = each.saved_bytes() if isinstance(each, Notebook) else 0
        fast = examiner.reply(each, 1_000 if quick else 4_000, 1_000)
        if isinstance(each, Notebook) and not fast.gave_up:
            one["saved_per_byte"] = (each.saved_bytes() - before) / fast.bytes
        slow = examiner.reply(each, 200 if quick else 400, 50)
        one["rates"] = {"1000": asdict(fast), "50": asdict(slow)}
        one["lengths"] = {}
    for round_ in range(1 if quick else REPEATS):
        for each in opened:
            say(f"{each.name}: lengths, {round_ + 1}")
            for tokens in lengths:
                runs = found[each.name]["lengths"].setdefault(str(tokens), [])
                if runs and (runs[-1]["gave_up"] or runs[-1]["took_s"] > SHORT_S):
                    break
                each.fresh()
                runs.append(asdict(examiner.reply(each, tokens)))
                if runs[-1]["gave_up"]:
                    break
    for each in opened:
        say(f"{each.name}: memory, conversation")
        each.fresh()
        if memory := examiner.memory(each, 2_000 if quick else 8_000):
            found[each.name]["memory"] = {"rss": memory.rss, "heap": memory.heap}
        if isinstance(each, Chat):
            if not memory:
                each.close()
                each.open()
            each.fresh()
            turns, patience_s = (40, TALK_S / 3) if quick else (TURNS, TALK_S)
            talk = examiner.conversation(
                each, turns, 10 if quick else STRETCH, TURN_TOKENS, patience_s
            )
            found[each.name]["conversation"] = [asdict(stretch) for stretch in talk]
        with suppress(PlaywrightError):
            each.close()
    return found


STARTED = time.monotonic()


def say(what: str) -> None:
    print(f"{time.monotonic() - STARTED:4.0f} s  {what}", file=sys.stderr)  # noqa: T201


if __name__ == "__main__":
    main()
