"""The newest price of each symbol, and what it is against the session before."""

from collections.abc import Mapping, Sequence
from math import floor, log10

from tradeapi.database import Database
from tradeapi.errors import FieldError, Invalid, TradeError
from tradeapi.market.calendars.calendar import Calendar
from tradeapi.market.events import Quote
from tradeapi.market.quotes.reading import read_quotes
from tradeapi.market.resolutions import Resolution
from tradeapi.market.symbols.directory import Directory, Listing, unknown_symbol

# About what a float64 holds; beyond them a difference of prices is noise.
SIGNIFICANT_DIGITS = 13
MOST_SYMBOLS = 500

QuoteView = dict[str, float | bool | None]


async def list_quotes(
    symbols: Sequence[str],
    database: Database,
    directory: Directory,
    now: float,
    *,
    stale_after: float,
) -> Sequence[Mapping[str, object]]:
    """A quote of each symbol, or the error that there is none; raises Invalid for too many."""
    asked = list(dict.fromkeys(stripped for symbol in symbols if (stripped := symbol.strip())))
    if not 0 < len(asked) <= MOST_SYMBOLS:
        raise Invalid(
            f"Quotes are of 1 to {MOST_SYMBOLS} symbols, not of {len(asked)}.",
            errors=[FieldError("/query/symbols", f"has {len(asked)} symbols")],
        )
    found = await directory.get_many(asked)
    listings = [listing for listing in found.values() if isinstance(listing, Listing)]
    quotes: Mapping[int, Quote] = {}
    if listings:
        async with database.read() as raw:
            quotes = await read_quotes(raw, [listing.id for listing in listings])

    def item(symbol: str, listing: Listing | TradeError) -> Mapping[str, object]:
        if isinstance(listing, Listing) and listing.id not in quotes:
            listing = unknown_symbol(symbol)
        if isinstance(listing, TradeError):
            return {"symbol": symbol, "code": listing.code, "detail": str(listing)}
        view = quote_view(quotes[listing.id], listing.calendar, now, stale_after=stale_after)
        return {"symbol": listing.symbol, "currency": listing.currency, **view}

    return [item(symbol, listing) for symbol, listing in found.items()]


def quote_view(quote: Quote, calendar: Calendar, now: float, *, stale_after: float) -> QuoteView:
    """What clients see of a quote; the same in REST and in the stream."""
    change, percent = change_of(quote.last, quote.previous_close)
    return {
        "last": quote.last,
        "bid": None,
        "ask": None,
        "change": change,
        "change_percent": percent,
        "open": quote.open,
        "high": quote.high,
        "low": quote.low,
        "volume": quote.volume,
        "previous_close": quote.previous_close,
        "time": quote.time,
        "stale": is_stale(quote, calendar, now, stale_after=stale_after),
    }


def change_of(last: float | None, base: float | None) -> tuple[float | None, float | None]:
    """How far a price is from another, and that in percent of the other."""
    if last is None or not base:
        return None, None
    decimals = SIGNIFICANT_DIGITS - 1 - floor(log10(max(last, base)))
    change = round(last - base, decimals)
    return change, round(change / base * 100, 4)


def is_stale(quote: Quote, calendar: Calendar, now: float, *, stale_after: float) -> bool:
    """Whether there should be a newer price; what has no price at all is stale.

    A symbol with bars within the day has a price as new as the market's last open instant, give
    or take `stale_after` seconds; for so long after an open the close before it will do. One with
    only daily or longer bars has the last close.
    """
    if quote.time is None:
        return True
    if not quote.is_intraday:
        return quote.time < last_close(calendar, now)
    is_just_open = calendar.is_open(now) and not calendar.is_open(now - stale_after)
    due = calendar.last_open(now - stale_after if is_just_open else now)
    return quote.time + stale_after < due


def last_close(calendar: Calendar, now: float) -> float:
    """The close of the last session that is over."""
    day = calendar.trading_day(now)
    close = calendar.end(day, Resolution.DAY)
    if close <= now:
        return close
    open, _ = calendar.span(day, Resolution.DAY)
    # The instant before the open belongs to the session before, if that ends just there.
    return calendar.last_open(open - 1)
