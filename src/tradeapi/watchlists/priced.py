"""Watchlists with the prices of what is on them."""

from collections.abc import Sequence
from typing import Any

from tradeapi.database import Database
from tradeapi.market.events import Quote
from tradeapi.market.quotes.service import change_of, quote_view, read_quotes
from tradeapi.market.quotes.years import Year, Years, read_years
from tradeapi.market.symbols.directory import Directory, Listing
from tradeapi.watchlists.items import Listed

NOTHING = Quote(
    last=None,
    time=None,
    day=None,
    open=None,
    high=None,
    low=None,
    volume=None,
    previous_close=None,
    is_intraday=False,
)


async def priced(
    listed: Sequence[Listed],
    database: Database,
    directory: Directory,
    now: float,
    *,
    stale_after: float,
) -> Sequence[dict[str, Any]]:
    """Each item with its quote, in order; the number of statements is always the same."""
    found = await directory.get_many([one.symbol for one in listed])
    listings = {listing.id: listing for listing in found.values() if isinstance(listing, Listing)}
    if not listings:
        return []
    async with database.read() as raw:
        quotes = await read_quotes(raw, [*listings])
        # Later, so that no price is out of its range.
        years = await read_years(raw, [*listings.values()], now)

    def item(one: Listed, listing: Listing) -> dict[str, Any]:
        quote = quotes.get(listing.id, NOTHING)
        view = quote_view(quote, listing.calendar, now, stale_after=stale_after)
        return {
            "symbol": listing.symbol,
            "name": listing.name if one.item.name is None else one.item.name,
            "currency": listing.currency,
            "last": view["last"],
            "change": view["change"],
            "change_percent": view["change_percent"],
            **_since_added(one, quote, years),
            "low": view["low"],
            "high": view["high"],
            **_range(years.of.get(listing.id)),
            "time": view["time"],
            "stale": view["stale"],
        }

    # One that has gone this moment is not priced.
    return [
        item(one, listings[one.item.symbol_id]) for one in listed if one.item.symbol_id in listings
    ]


def _since_added(one: Listed, quote: Quote, years: Years) -> dict[str, Any]:
    """Against the price then, in terms of today's shares."""
    item = one.item
    then = years.restated(item.symbol_id, item.added_price, item.added_at)
    change, percent = change_of(quote.last, then)
    return {"since_added": change, "since_added_percent": percent}


def _range(year: Year | None) -> dict[str, Any]:
    if year is None:
        return {"low_52_weeks": None, "high_52_weeks": None, "closes": []}
    return {"low_52_weeks": year.low, "high_52_weeks": year.high, "closes": year.closes}
