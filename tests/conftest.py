"""What every test may ask for: databases and servers that are real, fresh and its own."""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.servers import keeper
from tests.servers.databases import PostgresDatabases, SqliteDatabases
from tests.servers.redis import call, with_offset
from tradeapi.database import Database
from tradeapi.settings import Settings

KEEPER = "TRADEAPI_TEST_KEEPER"
# One address asks more in a second than a caller does in a day; tests of limits set their own.
UNLIMITED = {
    f"RATE_LIMIT_{name}PER_MINUTE": "1000000"
    for name in ("", "USER_", "HISTORY_", "LOGIN_", "HEAVY_", "INGEST_")
}
# How long a request waits for its place is a matter of what else this machine does.
UNLIMITED["REQUESTS_IN_FLIGHT"] = "10000"


def pytest_configure(config: pytest.Config) -> None:
    """Run one keeper for the whole session: with xdist, in the process that starts the workers."""
    if not hasattr(config, "workerinput"):
        resources = ExitStack()
        config.add_cleanup(resources.close)
        os.environ[KEEPER] = str(resources.enter_context(keeper.keeper()))


def pytest_xdist_auto_num_workers() -> int:
    """They wait half of the time, for servers and for silence: three keep two cores busy."""
    return (os.cpu_count() or 1) * 3 // 2


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes minutes comes first: at the end the other workers would wait for it."""
    items.sort(key=lambda item: not item.nodeid.startswith("tests/hostile/test_openapi"))


@pytest.fixture(scope="session", autouse=True)
def bare_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the developer's own settings, in the environment or in .env, out of the tests."""
    with pytest.MonkeyPatch.context() as patch:
        for name in (*Settings.model_fields, "enable_auth"):
            patch.delenv(name.upper(), raising=False)
        for name, value in UNLIMITED.items():
            patch.setenv(name, value)
        # Our servers have no TLS. asyncpg asks, and when it is stopped in the middle of that it
        # leaves an exception behind that nobody gets to see.
        patch.setenv("PGSSLMODE", "disable")
        patch.chdir(tmp_path_factory.mktemp("work"))
        yield


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def postgres_server() -> str:
    """A PostgreSQL on which the tests may create databases."""
    return _server("TEST_DATABASE_URL", "postgres")


@pytest.fixture(scope="session")
def redis_server() -> str:
    return _server("TEST_REDIS_URL", "redis")


@pytest.fixture(scope="session")
def redis_cluster_url() -> str:
    """A Redis Cluster of three nodes, of which all tests see all keys."""
    return keeper.ask(Path(os.environ[KEEPER]), "redis-cluster")


@pytest.fixture(scope="session")
def postgres_databases(postgres_server: str) -> Iterator[PostgresDatabases]:
    with PostgresDatabases(postgres_server) as databases:
        yield databases


@pytest.fixture(scope="session")
def sqlite_databases(tmp_path_factory: pytest.TempPathFactory) -> SqliteDatabases:
    return SqliteDatabases(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture
def postgres_url(postgres_databases: PostgresDatabases) -> Iterator[str]:
    """A migrated, empty database on PostgreSQL."""
    url = postgres_databases.clone()
    yield url
    postgres_databases.drop(url)


@pytest.fixture
def sqlite_url(sqlite_databases: SqliteDatabases, tmp_path: Path) -> str:
    """A migrated, empty database in a file."""
    return sqlite_databases.copy(tmp_path)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A migrated, empty database; the test runs on SQLite and on PostgreSQL."""
    fixture = {"sqlite": "sqlite_url", "postgresql": "postgres_url"}[request.param]
    url: str = request.getfixturevalue(fixture)
    return url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The same, opened."""
    async with Database(database_url) as database:
        yield database


@pytest.fixture
def redis_url(redis_server: str) -> str:
    """An empty Redis database: a number of its own for each worker of the test run."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    url = with_offset(redis_server, worker)
    call(url, "FLUSHDB")
    return url


def _server(variable: str, name: str) -> str:
    return os.environ.get(variable) or keeper.ask(Path(os.environ[KEEPER]), name)
