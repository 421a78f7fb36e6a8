"""How uvicorn serves us, alone and under gunicorn alike."""

import asyncio
import socket
from collections.abc import Callable
from math import ceil
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from tradeapi.settings import Settings
from tradeapi.web.drain import Drain, farewell_seconds

KEEP_ALIVE_SECONDS = 75  # more than load balancers keep an idle connection


def uvicorn_options(settings: Settings) -> dict[str, Any]:
    return {
        "loop": "uvloop",
        "http": "tradeapi.streams.sse_connection:AnswerProtocol",
        "lifespan": "on",
        # Our own loggers and our own access event.
        "log_config": None,
        "access_log": False,
        # It would believe anybody on this machine; see web/proxies.py.
        "proxy_headers": False,
        "server_header": False,
        "timeout_keep_alive": KEEP_ALIVE_SECONDS,
        # uvicorn's zero gives not even idle connections the time to close.
        "timeout_graceful_shutdown": ceil(farewell_seconds(settings.drain_seconds)) + 1,
        "ws": "tradeapi.streams.socket_connection:StreamProtocol",
        "ws_max_size": settings.websocket_frame_bytes,
        "ws_ping_interval": settings.websocket_ping_interval_seconds,
        "ws_ping_timeout": settings.websocket_timeout_seconds,
        "ws_per_message_deflate": settings.websocket_compression,
    }


class DrainingServer(uvicorn.Server):
    """One that lets itself be missed before it stops: uvicorn stops listening at once."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        drain = self.lifespan.state.get("drain")
        if isinstance(drain, Drain):
            drain.begin()
            await self._wait(drain.notice_seconds)
            # Who was let in has yet to ask, and others let in who comes now.
            for server in self.servers:
                server.close()
            await self._wait(drain.last_seconds)
        await super().shutdown(sockets)

    async def _wait(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        # A second Ctrl-C ends it, and uvicorn tells nobody of that.
        while loop.time() < end and not self.force_exit:  # noqa: ASYNC110
            await asyncio.sleep(min(0.1, seconds))


class Server(DrainingServer):
    """One process; `announce` is told the address once it answers there."""

    def __init__(self, app: ASGIApp, settings: Settings, announce: Callable[[str], None]) -> None:
        super().__init__(
            uvicorn.Config(app, host=settings.host, port=settings.port, **uvicorn_options(settings))
        )
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            host, port = self.servers[0].sockets[0].getsockname()[:2]
            self._announce(f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}")
