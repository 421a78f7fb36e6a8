"""A port for those who operate the service: metrics and health of this process, without a key.

It is for the network between us and our monitoring only.
"""

import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from functools import partial

import anyio
import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tradeapi.errors import NotStarted
from tradeapi.ops.exposition import exposition
from tradeapi.ops.health import healthy, readiness_answer
from tradeapi.ops.readiness import Outlook
from tradeapi.settings import Settings
from tradeapi.web.drain import Drain
from tradeapi.web.http_protocol import HttpProtocol

# How long a stopping process waits for a scrape under way.
GRACE_SECONDS = 1

_log = structlog.get_logger("tradeapi.operations")


@contextmanager
def listening(settings: Settings) -> Iterator[socket.socket | None]:
    """The socket at METRICS_PORT, if there is one; raises NotStarted where it is taken."""
    if settings.metrics_port is None:
        yield None
    else:
        with listen(settings.host, settings.metrics_port) as listener:
            yield listener


def listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        raise NotStarted(f"METRICS_PORT: nothing can listen at {host}:{port} ({error}).") from error
    _log.info("operations.listening", port=listener.getsockname()[1])
    return listener


@asynccontextmanager
async def open_operations(
    listener: socket.socket | None,
    metrics_path: str,
    outlook: Outlook,
    drain: Drain | None = None,
) -> AsyncIterator[None]:
    if listener is None:
        yield
        return
    config = uvicorn.Config(
        _application(metrics_path, outlook, drain),
        # Whoever comes slowly, or with too much, is no more waited for than at the other port.
        http=HttpProtocol,
        ws="none",
        log_config=None,
        access_log=False,
        lifespan="off",
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    server = _Beside(config)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(partial(server.serve, sockets=[listener]))
        try:
            yield
        finally:
            server.should_exit = True


class _Beside(uvicorn.Server):
    """A server in a process that has something better to do, and listens to signals itself."""

    def capture_signals(self) -> nullcontext[None]:  # type: ignore[override]
        return nullcontext()


def _application(metrics_path: str, outlook: Outlook, drain: Drain | None) -> Starlette:
    async def health(_: Request) -> Response:
        return JSONResponse(healthy())

    async def ready(_: Request) -> Response:
        return readiness_answer(await outlook.readiness(), os.urandom(16).hex(), drain)

    return Starlette(
        routes=[
            Route(metrics_path, exposition),
            Route("/health", health),
            Route("/health/ready", ready),
        ]
    )
