"""A hub behind a real server on a free port."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import anyio
import pytest
import uvicorn
from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.types import ASGIApp

from tests.streams.authority import Authority
from tests.streams.boards import Boards
from tests.streams.waiting import until
from tradeapi.auth.layer import Identify
from tradeapi.clock import SystemClock
from tradeapi.database import Database
from tradeapi.settings import Settings
from tradeapi.streams.hub import Hub
from tradeapi.streams.limits import Limits
from tradeapi.streams.router import router
from tradeapi.streams.sse_router import router as events_router
from tradeapi.web.envelope import Envelope
from tradeapi.web.guard import Guard
from tradeapi.web.problems import install_problems
from tradeapi.web.server import uvicorn_options


@dataclass(frozen=True, slots=True)
class Running:
    """A server; `stop` begins its shutdown, and `is_stopped` is set when that is over."""

    port: int
    stop: Callable[[], None]
    is_stopped: anyio.Event

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws"

    @property
    def events_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api/v1/stream"


@dataclass(frozen=True, slots=True)
class Served:
    """A hub behind a server."""

    hub: Hub
    boards: Boards
    server: Running

    @property
    def url(self) -> str:
        return self.server.url

    @property
    def events_url(self) -> str:
        return self.server.events_url


Serve = Callable[..., AbstractAsyncContextManager[Served]]


@asynccontextmanager
async def running(app: ASGIApp, settings: Settings, **options: object) -> AsyncIterator[Running]:
    """The application on a free port, served as in production, in this event loop."""
    serving = uvicorn_options(settings) | {"loop": "none", "port": 0} | options
    server = uvicorn.Server(uvicorn.Config(app, **serving))
    is_stopped = anyio.Event()

    async def run() -> None:
        await server.serve()
        is_stopped.set()

    def stop() -> None:
        server.should_exit = True

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run)
        await until(lambda: server.started)
        try:
            yield Running(server.servers[0].sockets[0].getsockname()[1], stop, is_stopped)
        finally:
            stop()
            await is_stopped.wait()


@asynccontextmanager
async def serve_hub(
    hub: Hub,
    *,
    authority: Authority | None = None,
    layers: Sequence[Middleware] = (),
    **options: object,
) -> AsyncIterator[Served]:
    """Without an authority anybody may read; `layers` come between who calls and the stream."""
    boards = Boards()
    hub.register("board", boards)
    # Whom nobody has to identify needs no database.
    nobody = Authority(Database("sqlite:///nowhere.db"), public_read=True)
    authenticator = (authority or nobody).authenticator

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, object]]:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(hub.run)
            if authority is not None:
                authority.revocations.listen(hub.callers.hear)
                tasks.start_soon(authority.revocations.run)
            yield {"hub": hub, "authenticator": authenticator}
            tasks.cancel_scope.cancel()

    outside = [
        Middleware(Envelope),
        Middleware(Guard, bytes=65536, large_at={}, seconds=30, debug=True),
        Middleware(Identify),
    ]
    app = FastAPI(lifespan=lifespan, middleware=[*outside, *layers])
    install_problems(app)
    app.include_router(router)
    app.include_router(events_router, prefix="/api/v1")
    settings = Settings(drain_seconds=int(hub.limits.drain_seconds))
    async with running(app, settings, **options) as server:
        yield Served(hub, boards, server)


@asynccontextmanager
async def _serve(
    limits: Limits | None = None, *, authority: Authority | None = None, **options: Any
) -> AsyncIterator[Served]:
    clock = authority.clock if authority is not None else SystemClock()
    hub = Hub(limits or Limits(), clock)
    async with serve_hub(hub, authority=authority, **options) as served:
        yield served


@pytest.fixture
def serve() -> Serve:
    """`async with serve(limits) as served`: a server of one's own."""
    return _serve


# What a socket goes through: uvicorn's class as we extend it, or any that speaks ASGI.
DIRECT: dict[str, Any] = {}
PLAIN: dict[str, Any] = {"ws": "websockets-sansio"}
ON_BOTH_WAYS = {"tests.streams.test_sockets", "test_sockets"}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """What holds of sockets holds whatever class of the server's they are of."""
    if "served" in metafunc.fixturenames and metafunc.module.__name__ in ON_BOTH_WAYS:
        metafunc.parametrize("served", [DIRECT, PLAIN], ids=["direct", "plain"], indirect=True)


@pytest.fixture
async def served(request: pytest.FixtureRequest) -> AsyncIterator[Served]:
    async with _serve(**getattr(request, "param", DIRECT)) as served:
        yield served


@pytest.fixture
async def place(sqlite_url: str) -> AsyncIterator[Database]:
    """A database for what is the same on any."""
    async with Database(sqlite_url) as database:
        yield database


@pytest.fixture
def authority(place: Database) -> Authority:
    """Of a service where everybody has to say who he is."""
    return Authority(place)


@pytest.fixture
async def guarded(authority: Authority) -> AsyncIterator[Served]:
    """Such a service."""
    async with _serve(authority=authority) as served:
        yield served
