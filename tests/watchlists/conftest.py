"""The service that the tests of watchlists share, with a market, and somebody with a list."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import structlog

from tests.auth.people import Service, serving
from tests.servers.databases import PostgresDatabases, SqliteDatabases
from tests.watchlists.lists import List, list_symbols


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def service(
    request: pytest.FixtureRequest,
    sqlite_databases: SqliteDatabases,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Service]:
    """On SQLite and on PostgreSQL."""
    folder = tmp_path_factory.mktemp("service")
    with ExitStack() as resources:
        if request.param == "sqlite":
            url = sqlite_databases.copy(folder)
        else:
            postgres: PostgresDatabases = request.getfixturevalue("postgres_databases")
            url = postgres.clone()
            resources.callback(postgres.drop, url)
        service = resources.enter_context(serving(url, folder))
        list_symbols(service)
        yield service


@pytest.fixture
def serve(database_url: str, tmp_path: Path) -> Iterator[Callable[..., Service]]:
    """One of a test's own, with other settings: `serve(watchlists_per_user=1)`."""
    with ExitStack() as services:
        yield lambda **options: services.enter_context(serving(database_url, tmp_path, **options))


@pytest.fixture
def mine(service: Service) -> List:
    """An empty list of somebody new."""
    return List.of(service.person())


@pytest.fixture(scope="session", autouse=True)
def plain_log() -> None:
    """By default structlog draws pictures of tracebacks, which takes seconds."""
    structlog.configure(processors=[structlog.processors.JSONRenderer(default=str)])
