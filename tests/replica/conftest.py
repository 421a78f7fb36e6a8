"""A primary and its standby, and services that read from both."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

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


@pytest.fixture(scope="session")
def start(servers: Pair, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """`start("name", RESPONSE_CACHE_BYTES="0")`: reads from both, from a database of that name."""
    with ExitStack() as running:

        def start(database: str, **settings: str) -> Server:
            primary, standby = servers.of(database)
            folder = tmp_path_factory.mktemp(database)
            settings = {"DATABASE_REPLICA_URL": standby, **settings}
            return running.enter_context(serve(primary, folder, **settings))

        yield start


@pytest.fixture(scope="session")
def shared(servers: Pair, start: Start) -> Server:
    """Keeps no answers, and thinks of three seconds as far behind."""
    asyncio.run(servers.primary.create("shared", TEMPLATE))
    server = start("shared", RESPONSE_CACHE_BYTES="0", DATABASE_REPLICA_LAG_SECONDS="3")
    fill(server)
    return server


@pytest.fixture
def server(pair: Pair, shared: Server) -> Server:
    """The same, with a replica that answers."""
    assert pair.standby.is_running
    wait_for_replica(shared)
    return shared
