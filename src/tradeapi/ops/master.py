"""Metrics of gunicorn's workers, and that it lives, answered by its master.

That has no event loop, and forks: so this is a thread, which does nothing while that happens.
"""

import os
import socket
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any, ClassVar

import orjson

from tradeapi.errors import NotStarted
from tradeapi.metrics import scrape
from tradeapi.ops.health import healthy
from tradeapi.ops.operations import listen

# More than it takes to be asked, and than ask at once.
SECONDS, MOST = 10, 100


def answer(host: str, port: int, metrics_path: str) -> ThreadingHTTPServer:
    """Until it is closed; those who are forked close theirs. Raises NotStarted."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        raise NotStarted(
            "METRICS_PORT: gunicorn's master knows what its workers count by the folder "
            "PROMETHEUS_MULTIPROC_DIR only. Set that, too."
        )
    busy = Lock()
    # What a thread has locked at that moment stays locked in the child for ever.
    os.register_at_fork(
        before=busy.acquire, after_in_parent=busy.release, after_in_child=busy.release
    )
    handler = type("_Here", (_Handler,), {"metrics_path": metrics_path, "busy": busy})
    server = _Server((host, port), handler, bind_and_activate=False)
    server.socket.close()
    server.socket = listen(host, port)
    Thread(target=server.serve_forever, daemon=True).start()
    return server


class _Server(ThreadingHTTPServer):
    """Whoever comes has so many seconds for all of it, and so each thread ends."""

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401  as that has them
        super().__init__(*arguments, **options)
        self._asking: list[tuple[float, socket.socket]] = []

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        if len(self._asking) >= MOST:
            self.shutdown_request(request)
            return
        self._asking.append((time.monotonic() + SECONDS, request))
        super().process_request(request, client_address)

    def service_actions(self) -> None:
        """Asked for twice a second, and after each request."""
        self._asking = [one for one in self._asking if one[1].fileno() >= 0]
        for until, request in self._asking:
            if until < time.monotonic():
                # It may be over just now.
                with suppress(OSError):
                    request.shutdown(socket.SHUT_RDWR)

    def handle_error(self, *_: object) -> None:
        """Who leaves early is no error of ours, and would be printed as one."""


class _Handler(BaseHTTPRequestHandler):
    timeout = SECONDS
    metrics_path: ClassVar[str]
    busy: ClassVar[Lock]

    def do_GET(self) -> None:
        with self.busy:
            status, content_type, body = self._answer(self.path.partition("?")[0])
        self.send_response(status)
        self.send_header("content-type", content_type)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _answer(self, path: str) -> tuple[int, str, bytes]:
        if path == self.metrics_path:
            body, content_type = scrape(self.headers.get("accept", ""))
            return 200, content_type, body
        if path == "/health":
            return 200, "application/json", orjson.dumps(healthy())
        return 404, "text/plain", b"There is nothing here.\n"

    def log_message(self, *_: object) -> None:
        """Nobody wants to read of scrapes."""
