"""Alerts that items of watchlists keep, without HTTP: what that costs, and who learns of it."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Engine, event

from tests.alerts.desks import Watching, watching
from tests.market.places import Market
from tests.watchlists.live import Writer
from tradeapi.auth.dev import ensure_dev_user
from tradeapi.database import Database
from tradeapi.market.symbols.service import Symbols
from tradeapi.metrics import ALERTS_WATCHED

MANY = [f"X:S{number:04}" for number in range(1000)]


@pytest.fixture
async def lists(database: Database) -> Writer:
    await ensure_dev_user(database)
    async with database.transaction() as session:
        await Symbols(session).ensure(*MANY)
    market = Market(database)
    return Writer(database, market.directory, market.bus)


@contextmanager
def counted() -> Iterator[list[str]]:
    """What is asked of the database meanwhile; one statement for many rows is one."""
    statements: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        statements.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    yield statements
    event.remove(Engine, "before_cursor_execute", note)


async def test_a_thousand_items_take_as_many_statements_as_one(lists: Writer) -> None:
    """To make their alerts, to leave them, to move them, and to remove them."""
    counts: list[list[int]] = []
    for symbols in (MANY[:1], MANY):
        id = await lists.create(f"List of {len(symbols)}", symbols)
        counts.append([])
        for target in (5.0, 5.0, 6.0, None):
            with counted() as statements:
                await lists.take(
                    id, symbols, target_price=target, stop_loss=target, alert_enabled=True
                )
            counts[-1].append(len(statements))
        await lists.take(id, symbols, target_price=5.0, alert_enabled=True)
        with counted() as statements:
            await lists.delete(id)
        counts[-1].append(len(statements))
    assert counts[0] == counts[1]


async def test_items_without_alerts_cost_nothing_more(lists: Writer) -> None:
    """No edit of them looks at alerts, nor one that moves nothing that is watched."""
    id = await lists.create("Plain", MANY[:3])
    with counted() as statements:
        await lists.add(id, MANY[3])
        await lists.note(id, MANY[0], target_price=5.0, notes="n")
        await lists.remove(id, MANY[1])
        await lists.take(id, MANY[:5])
    assert not [one for one in statements if "alerts" in one]
    await lists.note(id, MANY[0], target_price=5.0, alert_enabled=True)
    with counted() as statements:
        await lists.note(id, MANY[0], notes="n", stop_loss=None, target_price=5.0)
        await lists.add(id, MANY[5])
    assert not [one for one in statements if "alerts" in one]


async def test_who_watches_alerts_learns_of_all(database: Database) -> None:
    """When there are some, when one goes with its item, and the others with their list."""
    await ensure_dev_user(database)
    market = Market(database)
    for symbol in ("X:A", "X:B"):
        await market.add(symbol)
    lists = Writer(database, market.directory, market.bus)
    async with watching(market) as place:
        await place.rest()
        id = await lists.create("Watched")
        await lists.take(id, ["X:A", "X:B"], target_price=5.0, stop_loss=2.0, alert_enabled=True)
        assert await watched(place) == 4
        await lists.remove(id, "X:A")
        assert await watched(place) == 2
        await lists.note(id, "X:B", stop_loss=None)
        assert await watched(place) == 1
        await lists.delete(id)
        assert await watched(place) == 0


async def watched(place: Watching) -> float:
    await place.rest()
    [family] = ALERTS_WATCHED.collect()
    return family.samples[0].value
