"""Servers that may be killed."""

from collections.abc import Iterator

import pytest

from tests.hostile.postgres import Postgres, postgres
from tests.hostile.serving import Server, serve

DRAIN_SECONDS = 3
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
    if not process.is_running:
        process.kill()
        process.start()
    known = len(process.crashes)
    yield process
    assert process.is_running
    assert process.crashes[known:] == []
