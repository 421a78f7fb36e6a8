"""Node, and a server with a market that never closes."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.datafeed.market import Market
from tests.datafeed.page import Page, page
from tests.documents.demo import Demo
from tests.hostile.serving import Server, serve
from tests.servers.databases import SqliteDatabases
from tests.servers.programs import NODE, find

Open = Callable[..., Page]


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return find(NODE, tmp_path_factory.mktemp("node"))


@pytest.fixture(scope="module")
def server(
    sqlite_databases: SqliteDatabases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """What tests do to it it survives."""
    folder = tmp_path_factory.mktemp("server")
    with serve(sqlite_databases.copy(folder), folder) as server:
        yield server


@pytest.fixture
def market(server: Server) -> Market:
    """A symbol that nobody else trades."""
    return Market(server)


@pytest.fixture
def open_page(node: Path) -> Iterator[Open]:
    """`open_page(server, token="...")`: a page with a datafeed that has these options."""
    with ExitStack() as pages:

        def open(server: Server | Demo, **options: object) -> Page:
            return pages.enter_context(page(node, server.url, **options))

        yield open
