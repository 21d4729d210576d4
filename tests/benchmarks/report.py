"""Writes the figures as Markdown, with the goals that they meet."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

from .contestants import CONTESTANTS
from .figures import exponent
from .measure import TURNS

Figures = dict[str, Any]
NONE = "–"  # noqa: RUF001
PACKAGES = ("jupyterlab", "ipykernel", "ipywidgets", "openai", "gradio", "panel")
RICH = "8000"  # tokens
FLUSH_S = 0.04
WHY = {
    "slow": "was too slow",
    "stalled": "stalled each time",
    "failed": "did not ask the server and **was not measured**",
}


def machine(chromium: str) -> str:
    """Returns a line about the machine and the versions that were measured."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    cpu = next((line.partition(":")[2].strip() for line in lines if "model name" in line), "")
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    made_of = cpu or platform.processor() or platform.machine()
    return (
        f"{made_of}, {os.cpu_count()} cores, ten million additions in {seconds(pace_s())}, "
        f"{platform.system()}, Python {platform.python_version()}, Chromium {chromium}, {packages}"
    )


def pace_s() -> float:
    """Times ten million additions in Python: machines of the same name differ several times."""
    start = time.perf_counter()
    total = 0
    for n in range(10_000_000):
        total += n
    return time.perf_counter() - start


def load() -> float:
    """Returns how many processes wanted a core in the last minute, on average."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0


# Readers of a figure from the results of one contestant.


def rate(of: Figures, per_s: int, name: str) -> float | None:
    return over(of["rates"].get(str(per_s)), lambda run: run[name]) if of["views"] else None


def length(of: Figures, tokens: str, read: Callable[[Figures], float]) -> float | None:
    """Returns the median over the runs of a length; None if one was given up or none was tried."""
    return over(of["lengths"].get(tokens), read)


def over(runs: list[Figures] | None, read: Callable[[Figures], float]) -> float | None:
    if not runs or any(run["gave_up"] for run in runs):
        return None
    return median(map(read, runs))


def cost(name: str) -> Callable[[Figures], float]:
    return lambda run: run["cost"][name]


def growth(of: Figures, name: str) -> float | None:
    """Returns the exponent of a cost, over the long replies that the contestant completed.

    In short replies, the fixed cost of any reply would hide it.
    """
    points = [(int(n), length(of, n, cost(name))) for n in of["lengths"] if int(n) >= int(RICH)]
    known = [(n, y) for n, y in points if y is not None and y > 0]
    return exponent(*zip(*known, strict=True)) if len(known) > 1 else None


def last_turn(of: Figures, name: str) -> float | None:
    """Returns the cost of the last turns over that of the first; None if not all turns were had.

    The last turns are the median of three stretches, as some work is done only once a minute.
    """
    talk = of.get("conversation")
    if not talk or talk[-1]["last"] != TURNS:
        return None
    return median(each[name] for each in talk[-3:]) / talk[0][name]


def part(of: Figures, group: str, name: str) -> float | None:
    if group == "opening":
        return median(each[name] for each in of["openings"]) if of["openings"] else None
    return of[group][name] if group in of else None


def milliseconds(value: float) -> str:
    return f"{value * 1000:,.0f} ms"


def seconds(value: float) -> str:
    return f"{value:.2f} s"


def kilobytes(value: float) -> str:
    return f"{value / 1000:,.0f} kB"


def times(value: float) -> str:
    return f"{value:,.2f} ×"  # noqa: RUF001


def power(value: float) -> str:
    return f"n^{value:.2f}"


def count(value: float) -> str:
    return f"{value:,.0f}"


Row = tuple[str, Callable[[Figures], float | None], Callable[[float], str]]
ROWS: tuple[Row, ...] = (
    ("50 tokens/s: server → screen, median", lambda c: rate(c, 50, "lag_p50_s"), milliseconds),
    ("… 95 %", lambda c: rate(c, 50, "lag_p95_s"), milliseconds),
    ("… Enter → first words", lambda c: rate(c, 50, "first_s"), milliseconds),
    ("1000 tokens/s: median", lambda c: rate(c, 1000, "lag_p50_s"), milliseconds),
    ("… 95 %", lambda c: rate(c, 1000, "lag_p95_s"), milliseconds),
    ("… delay of the last word", lambda c: rate(c, 1000, "last_s"), milliseconds),
    (
        "2000 tokens at once: delay of the last word",
        lambda c: length(c, "2000", lambda run: run["last_s"]),
        milliseconds,
    ),
    (
        "8000 tokens at once: all visible after",
        lambda c: length(c, RICH, lambda run: run["took_s"]),
        seconds,
    ),
    (
        "… delay of the last word",
        lambda c: length(c, RICH, lambda run: run["last_s"]),
        milliseconds,
    ),
    (
        "… longest delay",
        lambda c: length(c, RICH, lambda r: r["lag_max_s"]) if c["views"] else None,
        milliseconds,
    ),
    (
        "… longest task of the page",
        lambda c: length(c, RICH, lambda run: run["longest_ms"] / 1000) if c["views"] else None,
        milliseconds,
    ),
    ("… kernel, CPU", lambda c: length(c, RICH, cost("kernel_s")) or None, seconds),
    ("… Jupyter's server, CPU", lambda c: length(c, RICH, cost("jupyter_s")), seconds),
    ("… page's main thread", lambda c: length(c, RICH, cost("browser_s")), seconds),
    ("… messages to the browser", lambda c: length(c, RICH, cost("messages")), count),
    (
        "… bytes to the browser per byte of text",
        lambda c: length(c, RICH, lambda run: run["cost"]["bytes"] / run["bytes"]),
        times,
    ),
    ("growth with the reply: bytes", lambda c: growth(c, "bytes"), power),
    ("… kernel, CPU", lambda c: growth(c, "kernel_s"), power),
    ("… page's main thread", lambda c: growth(c, "browser_s"), power),
    ("kernel's memory after 8000 tokens", lambda c: part(c, "memory", "rss"), kilobytes),
    ("page's memory after 8000 tokens", lambda c: part(c, "memory", "heap"), kilobytes),
    ("last turns over the first: kernel, CPU", lambda c: last_turn(c, "kernel_s"), times),
    ("… page's main thread", lambda c: last_turn(c, "browser_s"), times),
    ("… seconds", lambda c: last_turn(c, "took_s"), times),
    ("… bytes", lambda c: last_turn(c, "bytes"), times),
    ("cell run → ready to type: first chat", lambda c: part(c, "opening", "first_s"), milliseconds),
    ("… another chat", lambda c: part(c, "opening", "later_s"), milliseconds),
    ("kernel → browser: first chat", lambda c: part(c, "opening", "first_bytes"), kilobytes),
    ("… another chat", lambda c: part(c, "opening", "later_bytes"), kilobytes),
    (
        "files fetched: first chat",
        lambda c: part(c, "opening", "fetched_bytes"),
        kilobytes,
    ),
    ("saved notebook: per chat", lambda c: part(c, "opening", "saved_bytes"), kilobytes),
    ("… per byte of reply", lambda c: c.get("saved_per_byte"), times),
)


def table(contestants: dict[str, Figures]) -> Iterator[str]:
    yield "| | " + " | ".join(of["label"] for of in contestants.values()) + " |"
    yield "|---|" + "---:|" * len(contestants)
    for label, read, show in ROWS:
        values = [read(of) for of in contestants.values()]
        shown = (NONE if value is None else show(value) for value in values)
        yield f"| {label} | " + " | ".join(shown) + " |"


def limits(of: Figures) -> Iterator[str]:
    """Yields how far a contestant came, where it did not reach the end."""
    for what, groups in (("tokens at once", of["lengths"]), ("tokens/s", of["rates"])):
        for n, runs in groups.items():
            if runs and (how := runs[-1]["gave_up"]):
                why = WHY[how]
                end = "{in_sight:.0%} visible, given up after {waited_s:.0f} s".format(**runs[-1])
                yield f"{of['label']} {why} at {int(n):,} {what}: {end}"
    if "conversation" in of:
        talk = of["conversation"]
        turns = talk[-1]["last"] if talk else 0
        why = of.get("conversation_end") or "it ended"
        if turns < TURNS:
            yield f"{of['label']}: measured {turns} of {TURNS} turns, because {why}"


def goals(results: Figures) -> Iterator[tuple[str, float | None, float, Callable[[float], str]]]:
    """Yields each goal: its name, what was measured, the limit, and how to write both."""
    nbchat = results["contestants"]["nbchat"]
    loop = results["contestants"].get("loop")
    own = length(nbchat, RICH, cost("kernel_s"))
    bare = length(loop, RICH, cost("kernel_s")) if loop else None
    yield "kernel CPU over a bare loop's", own / bare if own and bare else None, 0.5, times
    for name, label in (("bytes", "bytes"), ("kernel_s", "kernel CPU"), ("browser_s", "page")):
        yield f"growth with the reply, {label}", growth(nbchat, name), 1.1, power
    for name, label in (("kernel_s", "kernel CPU"), ("browser_s", "page"), ("bytes", "bytes")):
        yield f"last turns over the first, {label}", last_turn(nbchat, name), 1.15, times
    lag = rate(nbchat, 50, "lag_p95_s")
    yield "95 % on screen at 50 tokens/s within", lag, FLUSH_S + 0.03, milliseconds
    most = length(nbchat, RICH, lambda run: run["lag_max_s"])
    yield "longest delay, 8000 tokens at once", most, 0.15, milliseconds
    # The goal holds for every run, so this is no median.
    runs = nbchat["lengths"].get(RICH)
    longest = max(run["longest_ms"] for run in runs) / 1000 if runs else None
    yield "longest task, 8000 tokens at once", longest, 0.05, milliseconds
    yield (
        "import beyond ipywidgets and anywidget",
        results["import"]["import_s"],
        0.05,
        milliseconds,
    )
    yield "ready to type", part(nbchat, "opening", "first_s"), 0.3, milliseconds
    yield "bytes of the first chat", part(nbchat, "opening", "first_bytes"), 200e3, kilobytes
    yield "bytes of another chat", part(nbchat, "opening", "later_bytes"), 20e3, kilobytes


def lost(contestants: dict[str, Figures]) -> Iterator[str]:
    """Yields the figures in which a peer is better than nbchat; the floors are not peers."""
    peers = {n: of for n, of in contestants.items() if n not in ("nbchat", "loop", "page")}
    head = ""
    for label, read, show in ROWS:
        head = label.partition(":")[0] if not label.startswith("…") else head
        own = read(contestants["nbchat"])
        for of in peers.values():
            theirs = read(of)
            if own is not None and theirs is not None and theirs < own:
                where = label if not label.startswith("…") else f"{head}, {label[2:]}"
                yield f"{where}: {of['label']} {show(theirs)}, nbchat {show(own)}"


def report(results: Figures) -> str:
    contestants = results["contestants"]
    busy = "load before and after {:.1f}, {:.1f}".format(*results["load"])
    if results["load"][0] > (os.cpu_count() or 1) / 2:
        busy += ": **the machine was not idle; times are less certain**"
    lines = [f"{results['machine']}; {busy}", "", *table(contestants), ""]
    lines += [f"- {each}" for of in contestants.values() for each in limits(of)]
    made = {name: milliseconds(value) for name, value in results["import"].items()}
    lines.append(
        "- nbchat: imported in {import_s} after ipywidgets and anywidget, first chat made in "
        "{first_chat_s}, another one in {later_chat_s}".format(**made)
    )
    if "nbchat" in contestants:
        lines += ["", "| goal | limit | measured | |", "|---|---:|---:|---|"]
        for label, value, limit, show in goals(results):
            shown = NONE if value is None else show(value)
            met = "not measured" if value is None else "met" if value <= limit else "**not met**"
            lines.append(f"| {label} | {show(limit)} | {shown} | {met} |")
        losses = list(lost(contestants))
        missing = {each.name for each in CONTESTANTS} - set(contestants)
        failed = any(
            runs[-1]["gave_up"] == "failed"
            for of in contestants.values()
            for runs in (*of["rates"].values(), *of["lengths"].values())
        )
        verdict = "not measured" if missing or failed else "met"
        verdict = "**not met**" if losses else verdict
        lines += ["", f"Better than every peer on each figure: {verdict}"]
        lines += [f"- {loss}" for loss in losses]
    return "\n".join(lines)
