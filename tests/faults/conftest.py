"""Servers that may be killed."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from anyio.from_thread import start_blocking_portal

from tests.faults import plain_serve
from tests.faults.together import Together
from tests.hostile.postgres import Postgres, postgres
from tests.hostile.serving import Server, serve
from tests.streams.cable import Cable
from tests.web.redis_process import home, redis_process

DRAIN_SECONDS = 3
PLAIN = (plain_serve.__file__,)
SETTINGS = {
    "WEBSOCKET_CONNECTIONS_PER_USER": "1000",
    "WEBSOCKET_PING_INTERVAL_SECONDS": "2",
    "WEBSOCKET_TIMEOUT_SECONDS": "5",
    "DRAIN_SECONDS": str(DRAIN_SECONDS),
}


@pytest.fixture(scope="session")
def database() -> Iterator[Postgres]:
    with postgres() as database:
        yield database


@pytest.fixture(scope="session")
def process(database: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serve(database.url, tmp_path_factory.mktemp("process"), **SETTINGS) as server:
        yield server


@pytest.fixture
def server(process: Server) -> Iterator[Server]:
    """It runs before and after each test, and calls nothing that happens to it its own fault."""
    yield from _unharmed(process)


@pytest.fixture(scope="session")
def both(database: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Together]:
    folders = [tmp_path_factory.mktemp(name) for name in ("redis", "one", "two", "plain")]
    with ExitStack() as resources:
        redis = resources.enter_context(redis_process(folders[0], resources.enter_context(home())))
        portal = resources.enter_context(start_blocking_portal())
        cable = resources.enter_context(portal.wrap_async_context_manager(Cable(redis.url)))
        url = portal.call(database.create, "together")
        shared = {"REDIS_URL": cable.url, **SETTINGS}
        one = resources.enter_context(serve(url, folders[1], **shared))
        two = resources.enter_context(
            serve(url, folders[2], WEBSOCKET_COMPRESSION="true", **shared)
        )
        plain = resources.enter_context(serve(url, folders[3], program=PLAIN, **shared))
        yield Together(one, two, plain, redis, cable, portal)


@pytest.fixture
def together(both: Together) -> Iterator[Together]:
    """Three processes, of which the same holds."""
    for _ in zip(*map(_unharmed, both.servers), strict=True):
        both.settle()
        yield both


def _unharmed(server: Server) -> Iterator[Server]:
    if not server.is_running:
        server.kill()
        server.start()
    known = len(server.crashes)
    yield server
    assert server.is_running
    assert server.crashes[known:] == []
