"""A stand-in for a model, so that these notebooks run everywhere, without a key or a network.

It is an OpenAI-compatible server, reachable only on 127.0.0.1. It streams replies that the notebook
has written down:

    server = recorded.serve(["Hello!", {"tool_calls": […]}, "And goodbye."])
    chat = ChatWidget(base_url=server.url, api_key="none", model="recorded")
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_WORDS_PER_S = 60

Reply = str | dict[str, Any] | list[dict[str, Any]]


class Server:
    """A server that answers each request with the next reply.

    Attributes:
        url: The base_url for a chat.
        requests: The bodies of the requests so far, in order.
    """

    def __init__(self, replies: Iterable[Reply]) -> None:
        self.requests: list[dict[str, Any]] = []
        self._replies = iter(list(replies))
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_port}/v1"
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stops the server, and frees its port."""
        self._http.shutdown()
        self._http.server_close()

    def next_deltas(self, body: dict[str, Any]) -> list[dict[str, Any]]:
        """Returns the deltas of the next reply, in the order in which they stream."""
        self.requests.append(body)
        reply = next(self._replies, "(The notebook has written down no more replies.)")
        if isinstance(reply, str):
            return [{"content": word} for word in re.findall(r"\S*\s*", reply) if word]
        return [reply] if isinstance(reply, dict) else reply


def serve(replies: Iterable[Reply]) -> Server:
    """Starts a server that sends these replies, one for each request.

    Args:
        replies: A reply is a text, which streams word by word; or a chunk's `delta`, such as
            `{"tool_calls": […]}`; or a list of deltas.
    """
    return Server(replies)


def _handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            models = {"object": "list", "data": [{"id": "recorded", "object": "model"}]}
            if self.path.endswith("/models"):
                self._begin("application/json")
                self.wfile.write(json.dumps(models).encode())
            else:
                self.send_error(404)

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            deltas = server.next_deltas(body)
            called = any("tool_calls" in delta for delta in deltas)
            self._begin("text/event-stream")
            try:
                for delta in deltas:
                    self._send({"delta": {"role": "assistant", **delta}})
                    time.sleep(1 / _WORDS_PER_S)
                self._send({"delta": {}, "finish_reason": "tool_calls" if called else "stop"})
                self.wfile.write(b"data: [DONE]\n\n")
            except ConnectionError:
                pass  # the chat has stopped the reply

        def _begin(self, content_type: str) -> None:
            self.send_response(200)
            self.send_header("content-type", content_type)
            self.end_headers()

        def _send(self, choice: dict[str, Any]) -> None:
            chunk = {
                "id": "recorded",
                "object": "chat.completion.chunk",
                "created": int(time.time()),
                "model": "recorded",
                "choices": [{"index": 0, "finish_reason": None, **choice}],
            }
            self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())

        def log_message(self, *args: object) -> None:
            """Keeps the notebook free of log lines."""

    return Handler
