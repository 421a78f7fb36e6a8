"""A market with alerts on it, on SQLite and on PostgreSQL."""

import pytest

from tests.alerts.desks import Desk
from tests.auth.people import Service
from tests.market.places import Market
from tests.serving import plain_log, serve
from tests.serving import service as empty
from tests.watchlists.lists import list_symbols
from tradeapi.database import Database

__all__ = ["empty", "plain_log", "serve", "service"]


@pytest.fixture(scope="module")
def service(empty: Service) -> Service:
    """That the tests of a file share; its symbols are listed."""
    list_symbols(empty)
    return empty


@pytest.fixture
def market(database: Database) -> Market:
    return Market(database)


@pytest.fixture
async def desk(market: Market) -> Desk:
    await market.add("X:A")
    await market.add("X:B")
    return await Desk.open(market)
