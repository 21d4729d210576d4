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
from .measure import TURNS, Examiner, Reply, importing, opening
from .report import load, machine, report
from .server import Server

LENGTHS = (2_000, 8_000, 32_000, 128_000)  # tokens
REPEATS = 2  # of replies that took at most SHORT_S
SHORT_S = 4.0
STALLS = 2  # how often a reply that stalled or failed is asked for again
PATIENCE_S = 12.0  # beyond the time that the server needs
STRETCH, TURN_TOKENS = 20, 100  # turns measured together, tokens of each
TALK_S = 60.0


def main() -> None:
    names = ", ".join(each.name for each in CONTESTANTS)
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--only", default="", metavar="A,B", help=f"only some of: {names}")
    parser.add_argument("--quick", action="store_true", help="only one round of short replies")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures to FILE")
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
        results: dict[str, Any] = {"machine": machine(browser.version), "load": [load()]}
        results["import"] = importing(3 if options.quick else 7)
        opened = [kind(browser, lab, server.url) for kind in kinds]
        results["contestants"] = measure(opened, server, quick=options.quick)
        browser.close()
        results["load"].append(load())
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))
    print(report(results))  # noqa: T201


def measure(opened: list[Contestant], server: Server, *, quick: bool) -> dict[str, Any]:
    """Measures all contestants, taking turns, so that other load on the machine affects each."""
    examiner = Examiner(server, PATIENCE_S / 5 if quick else PATIENCE_S)
    lengths = LENGTHS[:2] if quick else LENGTHS
    found: dict[str, dict[str, Any]] = {}
    for each in opened:
        found[each.name] = {
            "label": each.label,
            "views": each.views,
            "openings": [],
            "rates": {},
            "lengths": {},
        }
    for round_ in range(1 if quick else REPEATS):
        for each in opened:
            say(f"{each.name}: round {round_ + 1}")
            one = found[each.name]
            if isinstance(each, Chat):
                each.open()
                one["openings"].append(asdict(opening(each)))
            elif round_ == 0:
                each.open()
            examiner.warm(each)
            before = each.saved_bytes() if isinstance(each, Notebook) else 0
            fast = record(one["rates"], examiner, each, 2_000, 1_000)
            if isinstance(each, Notebook) and fast and not fast.gave_up:
                one["saved_per_byte"] = (each.saved_bytes() - before) / fast.bytes
            record(one["rates"], examiner, each, 150 if quick else 200, 50)
            for tokens in lengths:
                each.fresh()
                reply = record(one["lengths"], examiner, each, tokens)
                if not reply or reply.gave_up:
                    break
            if isinstance(each, Chat) and round_ < REPEATS - 1 and not quick:
                each.close()
    for each in opened:
        if not quick:
            say(f"{each.name}: memory, conversation")
        one = found[each.name]
        each.fresh()
        if not quick and (memory := examiner.memory(each, 8_000)):
            one["memory"] = {"rss": memory.rss, "heap": memory.heap}
        if isinstance(each, Chat) and not quick:
            each.close()  # it may still be busy with the last reply
            each.open()
            examiner.warm(each)
            talk, why = examiner.conversation(each, TURNS, STRETCH, TURN_TOKENS, TALK_S)
            one["conversation"] = [asdict(part) for part in talk]
            one["conversation_end"] = why
        with suppress(PlaywrightError):
            each.close()
    return found


def record(
    into: dict[str, Any], examiner: Examiner, of: Contestant, tokens: int, rate: int = 0
) -> Reply | None:
    """Measures a reply into `into`, unless the last one was slow; asks again if it stalls."""
    runs = into.setdefault(str(rate or tokens), [])
    if runs and (runs[-1]["gave_up"] or (not rate and runs[-1]["took_s"] > SHORT_S)):
        return None
    reply = examiner.reply(of, tokens, rate)
    for _ in range(STALLS):
        if reply.gave_up not in ("stalled", "failed"):
            break
        say(f"{of.name}: {reply.gave_up}, {reply.in_sight:.0%} visible")
        reply = examiner.reply(of, tokens, rate)
    runs.append(asdict(reply))
    return reply


STARTED = time.monotonic()


def say(what: str) -> None:
    print(f"{time.monotonic() - STARTED:4.0f} s  {what}", file=sys.stderr)  # noqa: T201


if __name__ == "__main__":
    main()
