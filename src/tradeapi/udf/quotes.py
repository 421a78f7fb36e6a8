"""Quotes as watchlists of TradingView's show them."""

from collections.abc import Mapping, Sequence

from tradeapi.database import Database
from tradeapi.errors import FieldError, Invalid, TradeError
from tradeapi.market.events import Quote
from tradeapi.market.quotes.reading import read_quotes
from tradeapi.market.quotes.service import MOST_SYMBOLS, QuoteView, quote_view
from tradeapi.market.symbols.directory import Directory, Listing

_NAMES = {
    "ch": "change",
    "chp": "change_percent",
    "lp": "last",
    "open_price": "open",
    "high_price": "high",
    "low_price": "low",
    "prev_close_price": "previous_close",
    "volume": "volume",
    "lp_time": "time",
}


async def list_quotes(
    names: Sequence[str],
    database: Database,
    directory: Directory,
    now: float,
    *,
    stale_after: float,
) -> Sequence[Mapping[str, object]]:
    """One for each name, which is told as it came: by it the client finds what it has asked for."""
    if len(names) > MOST_SYMBOLS:
        detail = f"Quotes are of 1 to {MOST_SYMBOLS} symbols, not of {len(names)}."
        raise Invalid(detail, errors=[FieldError("/query/symbols", detail)])
    found = await directory.get_many(dict.fromkeys(name.strip() for name in names))
    ids = [listing.id for listing in found.values() if isinstance(listing, Listing)]
    quotes: Mapping[int, Quote] = {}
    if ids:
        async with database.read() as raw:
            quotes = await read_quotes(raw, ids)

    def item(name: str, listing: Listing | TradeError) -> Mapping[str, object]:
        if isinstance(listing, TradeError) or listing.id not in quotes:
            return {"s": "error", "n": name, "v": {}}
        view = quote_view(quotes[listing.id], listing.calendar, now, stale_after=stale_after)
        return {"s": "ok", "n": name, "v": _values(listing, view)}

    return [item(name, found[name.strip()]) for name in names]


def _values(listing: Listing, view: QuoteView) -> Mapping[str, object]:
    """What is not known is left out."""
    known = {name: view[ours] for name, ours in _NAMES.items() if view[ours] is not None}
    return {
        "short_name": listing.ticker,
        "exchange": listing.exchange,
        "description": listing.name or listing.ticker,
        "original_name": listing.symbol,
        # Not TradingView's: whether there should be a newer price.
        "stale": int(bool(view["stale"])),
        **known,
    }
