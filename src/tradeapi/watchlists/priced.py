"""Watchlists with the prices of what is on them."""

from collections.abc import Sequence
from typing import Any

from tradeapi.market.events import Quote
from tradeapi.market.quotes.kept_years import KeptYears
from tradeapi.market.quotes.service import change_of, quote_view
from tradeapi.market.quotes.years import Year
from tradeapi.market.symbols.directory import Directory, Listing
from tradeapi.watchlists.items import ToPrice

_QUOTE = Quote(
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
NOTHING = Year(quote=_QUOTE, low=None, high=None, closes=(), splits=())


async def priced(
    items: Sequence[ToPrice],
    directory: Directory,
    years: KeptYears,
    now: float,
    *,
    stale_after: float,
) -> Sequence[dict[str, Any]]:
    """Each item with its quote, in order; the number of statements is always the same."""
    found = await directory.get_many([item.symbol for item in items])
    listings = {listing.id: listing for listing in found.values() if isinstance(listing, Listing)}
    if not listings:
        return []
    read = await years.read([*listings.values()], now)

    def view(item: ToPrice, listing: Listing) -> dict[str, Any]:
        year = read.get(listing.id, NOTHING)
        view = quote_view(year.quote, listing.calendar, now, stale_after=stale_after)
        # Against the price then, in terms of today's shares.
        then = year.restated(item.added_price, item.added_at)
        since_added, since_added_percent = change_of(year.quote.last, then)
        return {
            "symbol": listing.symbol,
            "name": item.name,
            "currency": listing.currency,
            "last": view["last"],
            "change": view["change"],
            "change_percent": view["change_percent"],
            "since_added": since_added,
            "since_added_percent": since_added_percent,
            "low": view["low"],
            "high": view["high"],
            "low_52_weeks": year.low,
            "high_52_weeks": year.high,
            "closes": year.closes,
            "time": view["time"],
            "stale": view["stale"],
        }

    # One that has gone this moment is not priced.
    return [view(item, listings[item.symbol_id]) for item in items if item.symbol_id in listings]
