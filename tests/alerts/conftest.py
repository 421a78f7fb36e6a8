"""A market with alerts on it, on SQLite and on PostgreSQL."""

import pytest

from tests.alerts.desks import Desk
from tests.market.places import Market
from tradeapi.database import Database


@pytest.fixture
def market(database: Database) -> Market:
    return Market(database)


@pytest.fixture
async def desk(market: Market) -> Desk:
    await market.add("X:A")
    await market.add("X:B")
    return await Desk.open(market)
