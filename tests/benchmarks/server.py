"""A stand-in for a model: a server of OpenAI's protocol that records when it sent each token.

The question determines the reply: "#7: 400 tokens at 50/s", or "at 0/s" for as fast as possible.
Markers in the text show how far a page has come: `w00700012` is the 13th marker of reply 7.
"""

from __future__ import annotations

import contextlib
import json
import re
import socket
import subprocess
import sys
import time
import urllib.request
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

CHARACTERS_PER_TOKEN = 4
# Small, so that what counts as sent has nearly reached the client.
SEND_BUFFER = 16_384

# Each @ is replaced with a marker.
SECTIONS = (
    """## @ Sampling distributions

The **sampling distribution** of a statistic @ is what it would do over many samples, *not* what
the data @ did in this one; see [the handbook](https://example.org/handbook) @ for a longer proof.
A mean of $n$ draws @ has the variance $\\sigma^2 / n$, so four times the data @ halve its error.

""",
    """1. Draw a sample @ with replacement, as large as the first.
2. Compute the statistic @ and keep it:
   - the `mean` @ is robust to nothing,
   - the `median` @ to nearly half of the data.
3. Repeat @ until the quantiles stand still.

""",
    """```python
def bootstrap_@(data: list[float], repeats: int = 1000) -> list[float]:
    \"\"\"Means of resampled data @.\"\"\"
    generator = random.Random(@)
    return [mean(generator.choices(data, k=len(data))) for _ in range(repeats)]  # @
```

""",
    """| estimator | bias | variance | remark |
|---|---:|---:|---|
| mean @ | 0 | 1.00 | efficient @ |
| median @ | 0 | 1.57 | robust @ |
| trimmed @ | 0 | 1.06 | a **compromise** @ |

""",
    """$$\\hat\\theta = \\frac{1}{n} \\sum_{i=1}^{n} f(x_i), \\qquad
\\operatorname{Var}(\\hat\\theta) = \\frac{\\operatorname{Var}(f)}{n}$$

> A quotation @ has to be in it as well, and it goes on @ for more than
> one line @ of text.

""",
)


@lru_cache(maxsize=8)
def reply(number: int, tokens: int) -> tuple[list[str], list[int]]:
    """Returns the tokens of a reply, and the index of the token in which each marker ends.

    The reply is a little longer than asked for, because no section is cut.
    """
    parts: list[str] = []
    length = 0
    while length < tokens * CHARACTERS_PER_TOKEN:
        parts.append(SECTIONS[len(parts) % len(SECTIONS)])
        length += len(parts[-1].replace("@", "w00000000"))
    pieces = ("".join(parts) + "The end: @").split("@")
    text = ""
    ends = []
    for n, piece in enumerate(pieces[:-1]):
        text += f"{piece}w{number:03}{n:05}"
        ends.append((len(text) - 1) // CHARACTERS_PER_TOKEN)
    text += pieces[-1]
    step = CHARACTERS_PER_TOKEN
    return [text[start : start + step] for start in range(0, len(text), step)], ends


def event(delta: dict[str, str], finish_reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
    data = {
        "id": "chatcmpl-benchmark",
        "object": "chat.completion.chunk",
        "created": 1_700_000_000,
        "model": "benchmark",
        "system_fingerprint": None,
        "choices": [choice],
    }
    return b"data: " + json.dumps(data, separators=(",", ":")).encode() + b"\n\n"


def chunked(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    sent: dict[int, list[float]] = {}  # noqa: RUF012 — shared by all connections

    def handle(self) -> None:
        with contextlib.suppress(ConnectionError):  # the client left
            super().handle()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 — the base's name
        pass

    def do_GET(self) -> None:
        if self.path == "/":
            self._answer("text/html", (Path(__file__).parent / "floor.html").read_bytes())
        elif self.path.startswith("/sent/"):
            self._answer(
                "application/json", json.dumps(self.sent.get(int(self.path[6:]), [])).encode()
            )
        else:
            models = {"object": "list", "data": [{"id": "benchmark", "object": "model"}]}
            self._answer("application/json", json.dumps(models).encode())

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        asked = re.search(r"#(\d+): (\d+) tokens at (\d+)/s", json.dumps(body["messages"][-1]))
        number, tokens, rate = map(int, asked.groups()) if asked else (0, 10, 0)
        pieces, _ = reply(number, tokens)
        events = [chunked(event({"content": piece})) for piece in pieces]
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        self.wfile.write(chunked(event({"role": "assistant", "content": ""})))
        times = self.sent[number] = []
        start = time.time()
        try:
            for n, data in enumerate(events):
                if rate and (wait := start + n / rate - time.time()) > 0:
                    time.sleep(wait)
                self.wfile.write(data)
                times.append(time.time())
            end = [event({}, "stop"), b"data: [DONE]\n\n", b""]
            self.wfile.write(b"".join(map(chunked, end)))
        except ConnectionError:
            self.close_connection = True  # the client gave up

    def _answer(self, kind: str, content: bytes) -> None:
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


class Server:
    """The server in a process of its own, as a context manager."""

    def __enter__(self) -> Server:
        command = [sys.executable, "-u", "-m", __spec__.name]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout
        self.url = self._process.stdout.readline().strip()
        return self

    def __exit__(self, *exc: object) -> None:
        self._process.terminate()
        self._process.wait()

    def sent(self, number: int) -> list[float]:
        """Returns when each token of a reply was sent, in seconds since the epoch."""
        with urllib.request.urlopen(f"{self.url}/sent/{number}") as response:
            times: list[float] = json.load(response)
        return times


if __name__ == "__main__":
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        print(f"http://127.0.0.1:{server.server_port}")  # noqa: T201
        server.serve_forever()
