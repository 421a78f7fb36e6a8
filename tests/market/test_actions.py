"""Splits and dividends: what may be recorded, and who hears of it."""

from datetime import date
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.market.places import DAY, TODAY, Market, flat
from tradeapi.errors import Invalid
from tradeapi.market.events import CHANGES, Changed
from tradeapi.market.quotes.reading import read_quotes
from tradeapi.market.resolutions import Resolution
from tradeapi.market.symbols.actions import Actions, Term, recorded
from tradeapi.market.symbols.directory import Listing
from tradeapi.web.preconditions import Precondition

SPLIT = Term(date(2024, 6, 10), "split", 10)
DIVIDEND = Term(date(2024, 6, 10), "dividend", 1.5)
ACTIONS = "/api/v1/symbols/US:AAPL/actions"


async def listed(market: Market, **fields: Any) -> Listing:
    """A symbol that closed at 20 on each of the ten days before today."""
    listing = await market.add("US:AAPL", **fields)
    days = [flat(TODAY - back * DAY, 20) for back in range(10, 0, -1)]
    await market.write(listing, Resolution.DAY, days)
    return listing


async def replace(market: Market, listing: Listing, *terms: Term) -> None:
    async with market.database.transaction() as session:
        await Actions(session, market.store).replace(listing, terms, Precondition(None))


async def stored(market: Market, listing: Listing) -> list[tuple[date, str, float]]:
    async with market.database.reading() as session:
        rows = await recorded(session, listing.id)
    return [(row.ex_date, row.kind, row.value) for row in rows]


async def test_actions_are_replaced_as_a_set(market: Market) -> None:
    """What is not named any more is gone."""
    listing = await listed(market)
    await replace(market, listing, SPLIT, DIVIDEND)
    assert await stored(market, listing) == [DIVIDEND, SPLIT]
    await replace(market, listing, SPLIT._replace(value=4))
    assert await stored(market, listing) == [(SPLIT.ex_date, "split", 4)]
    await replace(market, listing)
    assert await stored(market, listing) == []


async def test_a_change_is_announced_as_a_reset_of_every_resolution(market: Market) -> None:
    """Version and revision rise by one; the same set again is no change."""
    listing = await listed(market)
    heard: list[Changed] = []
    before = await market.revision(listing)
    with market.bus.subscribe(CHANGES, heard.append):
        await replace(market, listing, SPLIT)
        await replace(market, listing, SPLIT)
    [change] = heard
    assert change.version == 2
    assert change.revision == await market.revision(listing) == before + 1
    assert change.resets == dict.fromkeys(Resolution, "actions")
    assert not change.bars
    assert (await market.directory.read("US:AAPL")).version == 2


async def test_actions_alone_do_not_hold_the_last_bar_open(market: Market) -> None:
    """The time of the last change of a bar stays what it is."""
    listing = await listed(market)
    heard: list[Changed] = []
    written = market.clock.now()
    market.clock.time += 3600
    with market.bus.subscribe(CHANGES, heard.append):
        await replace(market, listing, SPLIT)
    assert heard[0].updated == written


@pytest.mark.parametrize(
    ("term", "reason"),
    [
        (DIVIDEND._replace(value=20), "below the close before it"),
        (DIVIDEND._replace(value=-1), "must not be negative"),
        (DIVIDEND._replace(value=float("nan")), "finite"),
        (SPLIT._replace(value=0), "above 0"),
        (SPLIT._replace(value=float("inf")), "finite"),
        (SPLIT._replace(ex_date=date(1969, 12, 31)), "before 1970"),
        (SPLIT._replace(ex_date=date(9999, 1, 1)), "after 2199"),
        (SPLIT._replace(ex_date=date(2024, 1, 2), value=3), "give their sum"),
    ],
)
async def test_what_can_not_be_is_refused(market: Market, term: Term, reason: str) -> None:
    """By its place, and nothing is changed; merged, only the one at fault is left out."""
    listing = await listed(market)
    good = Term(date(2024, 1, 2), "split", 2)
    with pytest.raises(Invalid, match=reason) as raised:
        await replace(market, listing, good, term)
    assert [error.pointer for error in raised.value.errors] == ["/items/1"]
    assert await stored(market, listing) == []
    async with market.database.transaction() as session:
        first, second = await Actions(session, market.store).merge(listing, [good, term])
    assert first == "inserted"
    assert isinstance(second, Invalid)
    assert await stored(market, listing) == [good]


async def test_a_dividend_is_held_against_the_close_as_it_was_traded(market: Market) -> None:
    """Prices that are adjusted for splits already are restated first, also for a split of that
    set; a dividend before the first bar has no close to be held against."""
    listing = await listed(market, basis="splits")
    await replace(market, listing, Term(SPLIT.ex_date, "split", 2), DIVIDEND._replace(value=39))
    with pytest.raises(Invalid, match="below the close"):
        await replace(market, listing, Term(SPLIT.ex_date, "split", 2), DIVIDEND._replace(value=40))
    await replace(market, listing, DIVIDEND._replace(ex_date=date(2000, 1, 1), value=1000))


async def test_a_special_dividend_is_held_against_what_is_paid_with_it(market: Market) -> None:
    """Also against a dividend of its day that is there already."""
    listing = await listed(market)
    special = DIVIDEND._replace(kind="special", value=18)
    await replace(market, listing, DIVIDEND, special, SPLIT)
    assert await stored(market, listing) == [DIVIDEND, special, SPLIT]
    for value, outcome in ((18.5, "invalid_action"), (18.4, "updated")):
        async with market.database.transaction() as session:
            actions = Actions(session, market.store)
            [found] = await actions.merge(listing, [special._replace(value=value)])
        assert (found.code if isinstance(found, Invalid) else found) == outcome


async def test_the_quote_of_a_split_day_is_on_the_new_terms(market: Market) -> None:
    """Ten for one at an unchanged value is no loss; whenever the split is recorded."""
    listing = await listed(market)

    async def previous_close() -> float | None:
        async with market.database.read() as raw:
            return (await read_quotes(raw, [listing.id]))[listing.id].previous_close

    await market.write(listing, Resolution.DAY, [flat(TODAY, 2)])
    assert await previous_close() == 20
    await replace(market, listing, SPLIT, Term(date(2024, 6, 9), "split", 3))
    assert await previous_close() == 2
    await market.write(listing, Resolution.DAY, [flat(TODAY, 2.5)])
    assert await previous_close() == 2
    await market.write(listing, Resolution.DAY, [flat(TODAY - DAY, 30)])
    assert await previous_close() == 3
    await market.write(listing, Resolution.DAY, [flat(TODAY + DAY, 2.5)])
    assert await previous_close() == 2.5
    await replace(market, listing)
    assert await previous_close() == 2.5


async def test_merging_tells_what_became_of_each(market: Market) -> None:
    """What is there and not named stays."""
    listing = await listed(market)
    async with market.database.transaction() as session:
        assert await Actions(session, market.store).merge(listing, [SPLIT]) == ["inserted"]
    async with market.database.transaction() as session:
        merged = await Actions(session, market.store).merge(
            listing, [SPLIT._replace(ex_date=date(2020, 1, 2)), SPLIT._replace(value=5), DIVIDEND]
        )
    assert merged == ["inserted", "updated", "inserted"]
    before = await market.revision(listing)
    async with market.database.transaction() as session:
        assert await Actions(session, market.store).merge(listing, [DIVIDEND]) == ["unchanged"]
    assert await market.revision(listing) == before
    assert len(await stored(market, listing)) == 3


def test_actions_over_http(client: TestClient) -> None:
    """They come back in order of their days; the symbol's ETag is theirs."""
    client.put("/api/v1/symbols/US:AAPL", json={}).raise_for_status()
    items = [
        {"ex_date": "2024-06-10", "kind": "split", "value": 10},
        {"ex_date": "2020-08-31", "kind": "split", "value": 4},
        {"ex_date": "2020-08-31", "kind": "dividend", "value": 0.82},
    ]
    answer = client.put(ACTIONS, json={"items": items})
    assert answer.status_code == 200
    assert answer.json() == client.get(ACTIONS).json() == {"items": items[::-1]}
    etag = answer.headers["etag"]
    assert client.get(ACTIONS).headers["etag"] == etag
    assert client.get("/api/v1/symbols/US:AAPL").headers["etag"] == etag
    again = client.put(ACTIONS, json=client.get(ACTIONS).json(), headers={"if-match": etag})
    assert (again.status_code, again.headers["etag"]) == (200, etag)


@pytest.mark.parametrize(
    ("item", "pointer"),
    [
        ({"ex_date": "2024-6-1"}, "/items/0/ex_date"),
        ({"ex_date": "2024-02-30"}, "/items/0/ex_date"),
        ({"ex_date": 0}, "/items/0/ex_date"),
        ({"ex_date": "2024-06-10T00:00:00Z"}, "/items/0/ex_date"),
        ({"ex_date": "9999-12-31"}, "/items/0"),
        ({"kind": "merger"}, "/items/0/kind"),
        ({"value": 0}, "/items/0/value"),
        ({"value": "2"}, "/items/0/value"),
        ({"value": True}, "/items/0/value"),
        ({"value": 1e308}, "/items/0/value"),
        ({"ratio": 2}, "/items/0/ratio"),
    ],
)
def test_a_bad_action_is_named(client: TestClient, item: dict[str, object], pointer: str) -> None:
    """With a JSON pointer."""
    client.put("/api/v1/symbols/US:AAPL", json={}).raise_for_status()
    good = {"ex_date": "2024-06-10", "kind": "split", "value": 10}
    answer = client.put(ACTIONS, json={"items": [good | item]})
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


@pytest.mark.parametrize("body", [[], {}, {"items": {}}, {"items": [], "more": 1}, {"items": [7]}])
def test_what_is_no_list_of_actions_is_refused(client: TestClient, body: object) -> None:
    """And so are fields that nobody knows."""
    client.put("/api/v1/symbols/US:AAPL", json={}).raise_for_status()
    assert client.put(ACTIONS, json=body).status_code == 422


def test_an_unknown_symbol_has_no_actions(client: TestClient) -> None:
    """Neither to read nor to replace."""
    assert client.get(ACTIONS).json()["code"] == "unknown_symbol"
    assert client.put(ACTIONS, json={"items": []}).status_code == 404
