"""Servers to attack, which have to be as they were afterwards."""

from collections.abc import Iterator

import pytest

from tests.hostile.places import facts, seed
from tests.hostile.serving import Server, serve
from tests.servers.databases import PostgresDatabases, SqliteDatabases


@pytest.fixture(scope="session")
def on_sqlite(
    sqlite_databases: SqliteDatabases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("sqlite")
    with serve(sqlite_databases.copy(folder), folder) as server:
        seed(server)
        yield server


@pytest.fixture(scope="session")
def on_postgresql(
    postgres_databases: PostgresDatabases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    url = postgres_databases.clone()
    with serve(url, tmp_path_factory.mktemp("postgresql")) as server:
        seed(server)
        yield server
    postgres_databases.drop(url)


@pytest.fixture
def server(on_sqlite: Server) -> Iterator[Server]:
    """A server that a test may do anything to that should change nothing."""
    yield from _unharmed(on_sqlite)


@pytest.fixture(params=["on_sqlite", "on_postgresql"])
def either(request: pytest.FixtureRequest) -> Iterator[Server]:
    """The same, on SQLite and on PostgreSQL."""
    yield from _unharmed(request.getfixturevalue(request.param))


def _unharmed(server: Server) -> Iterator[Server]:
    before, crashes = facts(server), len(server.crashes)
    yield server
    assert server.crashes[crashes:] == []
    assert server.client.get("/health").json()["status"] == "healthy"
    assert facts(server) == before
