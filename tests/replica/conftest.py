"""A primary and its standby, and services that read from both."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import make_url

from tests.hostile.postgres import Postgres, postgres
from tests.hostile.serving import Server, serve
from tests.replica.market import fill, wait_for_replica
from tradeapi.migrations import upgrade

TEMPLATE = "migrated"
READER = "reader"
Start = Callable[..., Server]


@dataclass
class Pair:
    primary: Postgres
    standby: Postgres

    def of(self, database: str) -> tuple[str, str]:
        """The URLs of a database, on both."""
        return on(self.primary, database), on(self.standby, database)

    async def standby_does(self, sql: str) -> None:
        await execute(self.standby, sql)

    @contextmanager
    def silent_standby(self) -> Iterator[None]:
        """It takes connections, and answers nothing."""
        processes = [self.standby.process, *self.standby.process.children()]
        for process in processes:
            process.suspend()
        yield
        for process in processes:
            process.resume()


async def execute(server: Postgres, sql: str) -> None:
    connection = await asyncpg.connect(server.url)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


def on(server: Postgres, database: str) -> str:
    there = make_url(server.url).set(database=database)
    return there.render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def servers() -> Iterator[Pair]:
    with postgres() as primary:
        upgrade(asyncio.run(primary.create(TEMPLATE)))
        role = f"CREATE ROLE {READER} LOGIN PASSWORD '{primary.password}'"
        asyncio.run(execute(primary, role))
        with postgres(primary) as standby:
            yield Pair(primary, standby)


@pytest.fixture
async def pair(servers: Pair) -> Pair:
    """With a standby that follows."""
    if not servers.standby.is_running:
        servers.standby.start()
    await servers.standby_does("SELECT pg_wal_replay_resume()")
    return servers


def serving(
    servers: Pair, folder: Path, database: str, **settings: str
) -> AbstractContextManager[Server]:
    """One that reads from both; the servers have few connections for many of them."""
    primary, standby = servers.of(database)
    own = {"DATABASE_REPLICA_URL": standby, "DATABASE_CONNECTIONS": "10", **settings}
    return serve(primary, folder, **own)


@pytest.fixture
def start(servers: Pair, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """`start("name", RESPONSE_CACHE_BYTES="0")`: on a database of that name."""
    with ExitStack() as running:

        def start(database: str, **settings: str) -> Server:
            folder = tmp_path_factory.mktemp(database)
            return running.enter_context(serving(servers, folder, database, **settings))

        yield start


@pytest.fixture(scope="session")
def shared(servers: Pair, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Keeps no answers, and thinks of three seconds as far behind."""
    asyncio.run(servers.primary.create("shared", TEMPLATE))
    settings = {"RESPONSE_CACHE_BYTES": "0", "DATABASE_REPLICA_LAG_SECONDS": "3"}
    with serving(servers, tmp_path_factory.mktemp("shared"), "shared", **settings) as server:
        fill(server)
        yield server


@pytest.fixture
def server(pair: Pair, shared: Server) -> Server:
    """The same, with a replica that answers."""
    assert pair.standby.is_running
    wait_for_replica(shared)
    return shared
