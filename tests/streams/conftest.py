"""A hub behind a real server on a free port."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

import anyio
import pytest
import uvicorn
from fastapi import FastAPI

from tests.streams.boards import Boards
from tests.streams.waiting import until
from tradeapi.clock import SystemClock
from tradeapi.settings import Settings
from tradeapi.streams.hub import Hub
from tradeapi.streams.limits import Limits
from tradeapi.streams.router import router
from tradeapi.web.server import uvicorn_options


@dataclass(frozen=True, slots=True)
class Served:
    """`stop` begins the server's shutdown; `is_stopped` is set when it is over."""

    hub: Hub
    boards: Boards
    port: int
    stop: Callable[[], None]
    is_stopped: anyio.Event

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws"


Serve = Callable[..., AbstractAsyncContextManager[Served]]


@asynccontextmanager
async def serve_hub(hub: Hub, **options: object) -> AsyncIterator[Served]:
    boards = Boards()
    hub.register("board", boards)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, object]]:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(hub.run)
            yield {"hub": hub}
            tasks.cancel_scope.cancel()

    app = FastAPI(lifespan=lifespan)
    app.include_router(router)
    settings = Settings(drain_seconds=int(hub.limits.drain_seconds))
    serving = uvicorn_options(settings) | {"loop": "none"} | options
    server = uvicorn.Server(uvicorn.Config(app, port=0, **serving))
    is_stopped = anyio.Event()

    async def run() -> None:
        await server.serve()
        is_stopped.set()

    def stop() -> None:
        server.should_exit = True

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run)
        await until(lambda: server.started)
        port = server.servers[0].sockets[0].getsockname()[1]
        try:
            yield Served(hub, boards, port, stop, is_stopped)
        finally:
            stop()
            await is_stopped.wait()


@asynccontextmanager
async def _serve(limits: Limits | None = None, **options: object) -> AsyncIterator[Served]:
    async with serve_hub(Hub(limits or Limits(), SystemClock()), **options) as served:
        yield served


@pytest.fixture
def serve() -> Serve:
    """`async with serve(limits) as served`: a server of one's own."""
    return _serve


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with _serve() as served:
        yield served
