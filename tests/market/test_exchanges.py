"""Exchanges: created, changed, and what another calendar means for bars."""

import asyncio
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import text
from starlette.testclient import TestClient
from typer.testing import CliRunner

from tests.market.conftest import CalendarData
from tests.market.places import DAY, TODAY, Market, flat
from tradeapi.cli import cli
from tradeapi.database import Database
from tradeapi.errors import NotFound, Unavailable
from tradeapi.market.resolutions import Resolution
from tradeapi.market.symbols.directory import Listing
from tradeapi.market.symbols.exchanges import Exchanges

EXCHANGES = "/api/v1/exchanges"
MINUTES = range(TODAY - 4 * DAY, TODAY, 60)


def exchanges(market: Market) -> Exchanges:
    return Exchanges(market.database, market.calendars, market.directory)


async def set_calendar(market: Market, code: str, calendar: str) -> list[str]:
    await exchanges(market).put(code, calendar=calendar, currency="USD", name="", rebuild=True)
    return [symbol async for symbol in exchanges(market).rebuild(code, market.store)]


async def add_minutes(market: Market, symbol: str) -> Listing:
    """A symbol that traded round the clock from Thursday to Sunday, and on an hour of its own."""
    listing = await market.add(symbol)
    minutes = [flat(time, 100 + place % 97) for place, time in enumerate(MINUTES)]
    await market.write(listing, Resolution.MINUTE, minutes)
    native = [(TODAY - 4 * DAY + 15 * 3600, 1.0, 2.0, 1.0, 2.0, 3.0)]
    await market.write(listing, Resolution.HOUR, native)
    return listing


async def all_bars(market: Market, listing: Listing) -> dict[Resolution, list[list[float]]]:
    return {
        resolution: [
            column.tolist() for column in (await market.read(listing, resolution)).columns()
        ]
        for resolution in Resolution
    }


async def test_after_another_calendar_bars_are_as_if_it_had_always_been(
    market: Market, calendar_data: CalendarData
) -> None:
    """Bars that were given stay; derived ones are those of the sessions."""
    await market.keep_calendar("XNYS", calendar_data("XNYS"))
    changed = await add_minutes(market, "US:A")
    always_open = await all_bars(market, changed)
    await exchanges(market).put("NYSE", calendar="XNYS", currency="USD", name="")
    expected = await all_bars(market, await add_minutes(market, "NYSE:A"))
    assert await set_calendar(market, "US", "XNYS") == ["US:A"]
    assert await all_bars(market, changed) == expected != always_open
    assert await set_calendar(market, "US", "24x7") == ["US:A"]
    assert await all_bars(market, changed) == always_open


async def test_building_bars_again_by_the_same_calendar_changes_nothing(market: Market) -> None:
    """So that it may be repeated: no version, no revision, no news."""
    listing = await add_minutes(market, "US:A")
    before = await market.revision(listing)
    await set_calendar(market, "US", "24x7")
    assert await market.revision(listing) == before


async def test_bars_whose_finer_ones_are_dropped_by_age_stay(
    market: Market, calendar_data: CalendarData
) -> None:
    """There is nothing left to build them from."""
    await market.keep_calendar("XNYS", calendar_data("XNYS"))
    listing = await add_minutes(market, "US:A")
    first = TODAY - 2 * DAY
    async with market.database.transaction() as session:
        [book] = await market.store.open(session, [listing.facts])
        for table, column in (("bar_rows", "time"), ("bar_blocks", "start")):
            await session.execute(
                text(f"DELETE FROM {table} WHERE resolution = 60 AND {column} < {first}")  # noqa: S608
            )
        book.forget_before(Resolution.MINUTE, first)
        await market.store.flush(session, [book])
    kept = await market.read(listing, Resolution.MINUTES_5)
    await set_calendar(market, "US", "XNYS")
    left = await market.read(listing, Resolution.MINUTES_5)
    # The days whose minutes are left are a weekend.
    assert left.time.tolist() == kept.time[kept.time < first].tolist()
    hours = await market.read(listing, Resolution.HOUR)
    assert hours.time[0] == TODAY - 4 * DAY + int(13.5 * 3600)


async def test_a_writer_with_the_hours_of_before_is_sent_back(
    market: Market, calendar_data: CalendarData
) -> None:
    """Bars are never folded by two calendars; asked again, the directory knows the new one."""
    await market.keep_calendar("XNYS", calendar_data("XNYS"))
    old = await market.add("US:A")
    await exchanges(market).put("US", calendar="XNYS", currency="USD", name="")
    with pytest.raises(Unavailable) as raised:
        await market.write(old, Resolution.DAY, [flat(TODAY - 3 * DAY, 10)])
    assert raised.value.code == "hours_changed"
    await market.write(
        await market.directory.get("US:A"), Resolution.DAY, [flat(TODAY - 3 * DAY, 10)]
    )


async def test_a_writer_of_a_removed_symbol_is_told(market: Market) -> None:
    """Its listing may be some seconds old."""
    listing = await market.add("US:A")
    async with market.database.transaction() as session:
        await session.execute(text("DELETE FROM symbols"))
    with pytest.raises(NotFound) as raised:
        await market.write(listing, Resolution.DAY, [flat(TODAY, 10)])
    assert raised.value.code == "unknown_symbol"


async def test_a_symbol_with_its_own_calendar_is_left_alone(
    market: Market, calendar_data: CalendarData
) -> None:
    """Its exchange's hours are not its own."""
    await market.keep_calendar("XNYS", calendar_data("XNYS"))
    await market.add("US:COIN", calendar="24x7")
    assert await set_calendar(market, "US", "XNYS") == []


def test_an_exchange_is_created_replaced_and_listed(client: TestClient) -> None:
    """Without a name it is called by its code."""
    answer = client.put(f"{EXCHANGES}/us", json={"calendar": "24x7"})
    assert answer.status_code == 201
    us = {"code": "US", "name": "US", "calendar": "24x7", "currency": "USD"}
    assert answer.json() == us
    client.put(f"{EXCHANGES}/AA", json={"calendar": "24x7"}).raise_for_status()
    answer = client.put(
        f"{EXCHANGES}/US", json={"calendar": "24x7", "currency": "gbp", "name": "Stocks"}
    )
    assert answer.status_code == 200
    listed = client.get(EXCHANGES).json()["items"]
    assert listed == [us | {"code": "AA", "name": "AA"}, us | {"currency": "GBP", "name": "Stocks"}]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "invalid_field"),
        ({"calendar": "XNOPE"}, "unknown_calendar"),
        ({"calendar": "-m"}, "invalid_field"),
        ({"calendar": None}, "invalid_field"),
        ({"calendar": "24x7", "currency": ""}, "invalid_field"),
        ({"calendar": "24x7", "name": "\x00"}, "invalid_field"),
        ({"calendar": "24x7", "code": "US"}, "invalid_field"),
    ],
)
def test_a_bad_exchange_is_refused(client: TestClient, body: object, code: str) -> None:
    """And not created."""
    answer = client.put(f"{EXCHANGES}/US", json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert client.get(EXCHANGES).json() == {"items": []}


@pytest.mark.parametrize("code", ["..", "A" * 16, "A%20B", "%C3%89", "'--"])
def test_what_no_exchange_can_be_called_is_refused(client: TestClient, code: str) -> None:
    """Some of it is not even a path of ours."""
    answer = client.put(f"{EXCHANGES}/{code}", json={"calendar": "24x7"})
    assert answer.status_code in {404, 405, 422}


def test_over_http_the_calendar_of_an_exchange_with_bars_stays(
    database_url: str, client: TestClient
) -> None:
    """The refusal names the command that builds the bars again; a new name is no problem."""

    async def add_bars() -> None:
        async with Database(database_url) as database:
            market = Market(database)
            await market.write(await market.add("US:A"), Resolution.DAY, [flat(TODAY, 10)])

    asyncio.run(add_bars())
    answer = client.put(f"{EXCHANGES}/US", json={"calendar": "XNYS"})
    assert (answer.status_code, answer.json()["code"]) == (409, "exchange_has_bars")
    assert "tradeapi exchange set US --calendar XNYS" in answer.json()["detail"]
    assert client.put(f"{EXCHANGES}/US", json={"calendar": "24x7", "name": "A"}).is_success


def test_the_hours_of_a_symbol_follow_its_calendar(
    database_url: str, client: TestClient, calendar_data: CalendarData
) -> None:
    """Given or taken over HTTP, its derived bars are built again."""

    async def bars(*, create: bool) -> list[int]:
        async with Database(database_url) as database:
            market = Market(database)
            if create:
                await market.keep_calendar("XNYS", calendar_data("XNYS"))
                await add_minutes(market, "US:A")
            listing = await market.directory.get("US:A")
            times: list[int] = (await market.read(listing, Resolution.DAY)).time.tolist()
            return times

    thursday_to_sunday = np.arange(TODAY - 4 * DAY, TODAY, DAY).tolist()
    assert asyncio.run(bars(create=True)) == thursday_to_sunday
    client.put("/api/v1/symbols/US:A", json={"calendar": "XNYS"}).raise_for_status()
    assert asyncio.run(bars(create=False)) == thursday_to_sunday[:2]
    client.put("/api/v1/symbols/US:A", json={}).raise_for_status()
    assert asyncio.run(bars(create=False)) == thursday_to_sunday


def test_the_command_creates_changes_and_lists_exchanges(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is not given stays as it is."""
    monkeypatch.setenv("DATABASE_URL", sqlite_url)
    monkeypatch.chdir(tmp_path)
    run = CliRunner().invoke
    assert "US: 24x7, USD (new)" in run(cli, ["exchange", "set", "us", "--name", "Stocks"]).output
    result = run(cli, ["exchange", "set", "US", "--calendar", "XNYS", "--currency", "eur"])
    assert "US: XNYS, EUR\n" in result.output
    assert run(cli, ["exchange", "list"]).output.split() == ["US", "XNYS", "EUR", "Stocks"]
    result = run(cli, ["exchange", "set", "US", "--calendar", "NOPE"])
    assert result.exit_code == 1
    assert "There is no calendar NOPE" in result.output
