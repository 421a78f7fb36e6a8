"""The daily closes of many symbols at once."""

import numpy as np
import pytest

from tests.market.places import DAY, TODAY, Market, Row
from tradeapi.market.resolutions import Resolution
from tradeapi.market.store import closes as reading
from tradeapi.market.store.closes import daily_closes
from tradeapi.market.symbols.directory import Listing

FAR = 2**62


async def filled(market: Market, symbol: str, days: range, price: float) -> Listing:
    """A symbol with bars of these days before today, of all of whose prices the close is one."""
    listing = await market.add(symbol)
    rows: list[Row] = [
        (TODAY - back * DAY, price, price + 9000, price - 1, price + back / 8, 7)
        for back in reversed(days)
    ]
    await market.write(listing, Resolution.DAY, rows)
    return listing


async def read(
    market: Market, ids: list[int], start: int = -FAR, end: int = FAR
) -> dict[int, tuple[list[int], list[float]]]:
    """The times and the closes of each symbol."""
    found: dict[int, tuple[list[int], list[float]]] = {}
    async with market.database.read() as raw:
        async for some in daily_closes(raw, ids, start, end):
            for id in np.unique(some.ids).tolist():
                assert id not in found
                its = np.flatnonzero(some.ids == id)
                its = its[np.argsort(some.times[its])]
                found[id] = some.times[its].tolist(), some.closes[its].tolist()
    return found


@pytest.mark.parametrize("at_once", [1, 100_000, reading.BYTES_AT_ONCE])
async def test_closes_are_those_of_the_bars(
    market: Market, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    """Of blocks and of rows at the edge, in any range, however many are read at once."""
    monkeypatch.setattr(reading, "BYTES_AT_ONCE", at_once)
    listings = [
        await filled(market, "US:OLD", range(1, 4000, 2), 10_000),
        await filled(market, "US:NEW", range(1, 30), 20_000),
        await filled(market, "US:GONE", range(3000, 3500), 30_000),
        await market.add("US:NONE"),
    ]
    await market.write(listings[0], Resolution.DAY, [(TODAY - 99 * DAY, 5, 6, 4, 5.5, 1)])
    ids = [listing.id for listing in reversed(listings)]
    for start, end in [
        (-FAR, FAR),
        (TODAY - 3600 * DAY, TODAY - 3 * DAY),
        (TODAY - 40 * DAY, TODAY - DAY),
        (TODAY - 2 * DAY, TODAY - 2 * DAY + 1),
        (TODAY, FAR),
        (-FAR, TODAY - 3200 * DAY),
    ]:
        found = await read(market, [*ids, ids[0], 10**6], start, end)
        for listing in listings:
            bars = await market.read(listing, Resolution.DAY)
            wanted = bars[(bars.time >= start) & (bars.time < end)]
            told = found.pop(listing.id, ([], []))
            assert told == (wanted.time.tolist(), wanted.close.tolist())
        assert not found
    assert await read(market, []) == {}
