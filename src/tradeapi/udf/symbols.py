"""A symbol as TradingView's charts want to know it.

What they do with it follows from this description alone: which resolutions they offer, how they
space the time axis, how they write a price.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from math import floor, log10
from operator import itemgetter
from typing import Any

from tradeapi.drivers import Raw
from tradeapi.market.calendars.calendar import Calendar
from tradeapi.market.resolutions import Resolution
from tradeapi.market.symbols.directory import Listing
from tradeapi.market.symbols.search import Entry
from tradeapi.udf.hours import Hours, hours_of
from tradeapi.udf.resolutions import NAMES

Json = str | int | bool | Sequence[str]
Info = dict[str, Json]

# Our types by what filters and lists call them, and what a chart takes them for.
TYPES = {
    "stock": "stock",
    "etf": "etf",
    "fund": "fund",
    "index": "index",
    "forex": "fx",
    "futures": "future",
    "crypto": "coin",
    "other": "other",
}
TYPE_NAMES = {
    "stock": "Stocks",
    "etf": "ETFs",
    "fund": "Funds",
    "index": "Indices",
    "forex": "Forex",
    "futures": "Futures",
    "crypto": "Crypto",
    "other": "Others",
}
LISTED = {ours: name for name, ours in TYPES.items()}
_CHARTED = LISTED | {"etf": "stock", "fund": "stock", "other": "any"}
MOST_DECIMALS = 12
COIN_DECIMALS = 4

# As the columns of the table of a whole group are called.
COLUMNS = {
    "name": "symbol",
    "ticker": "ticker",
    "description": "description",
    "type": "type",
    "exchange": "exchange-traded",
    "listed_exchange": "exchange-listed",
    "currency_code": "currency-code",
    "original_currency_code": "original-currency-code",
    "timezone": "timezone",
    "session": "session-regular",
    "session_holidays": "session-holidays",
    "corrections": "corrections",
    "minmov": "minmovement",
    "pricescale": "pricescale",
    "minmove2": "minmovement2",
    "fractional": "fractional",
    "has_intraday": "has-intraday",
    "intraday_multipliers": "intraday-multipliers",
    "has_daily": "has-daily",
    "has_weekly_and_monthly": "has-weekly-and-monthly",
    "has_empty_bars": "has-empty-bars",
    "supported_resolutions": "supported-resolutions",
    "visible_plots_set": "visible-plots-set",
    "volume_precision": "volume-precision",
}


@dataclass(frozen=True, slots=True)
class Facts:
    """The newest price of a symbol, and which resolutions it has bars of."""

    last: float | None
    resolutions: frozenset[int]


async def facts_of_symbol(raw: Raw, symbol_id: int) -> Facts:
    found = _facts(await raw.fetch(_FACTS.format("s.id = $1"), symbol_id))
    return next(iter(found.values()), Facts(None, frozenset()))


async def facts_of_exchange(raw: Raw, exchange: str) -> Mapping[str, Facts]:
    return _facts(await raw.fetch(_FACTS.format("s.exchange = $1"), exchange))


def describe(
    listed: Listing | Entry, facts: Facts, calendar: Calendar, now: float, *, name: str
) -> Info:
    """`name` is what a legend shows; asked for by it or by the ticker, the same comes out."""
    hours = hours_of(calendar, now, extended=listed.extended_hours)
    minmov, pricescale = price_steps(listed.tick_size, listed.type, facts.last)
    info: Info = {
        "name": name,
        "full_name": listed.symbol,
        "ticker": listed.symbol,
        "description": listed.name or listed.ticker,
        "type": _CHARTED[listed.type],
        "exchange": listed.exchange,
        "listed_exchange": listed.exchange,
        "currency_code": listed.currency,
        "original_currency_code": listed.currency,
        "format": "price",
        "minmov": minmov,
        "pricescale": pricescale,
        "minmove2": 0,
        "fractional": False,
        "visible_plots_set": "ohlcv",
        "volume_precision": COIN_DECIMALS if listed.type == "coin" else 0,
        "has_empty_bars": False,
        **_times(hours),
        **_resolutions(facts.resolutions),
    }
    if listed.sector:
        info["sector"] = listed.sector
    return info


def table(infos: Iterable[Info]) -> Mapping[str, Sequence[Json]]:
    """One column for each property, with an entry for each symbol."""
    rows = [*infos]
    return {column: [row.get(property, "") for row in rows] for property, column in COLUMNS.items()}


def price_steps(tick: float | None, type: str, last: float | None) -> tuple[int, int]:
    """A step of the price as `minmov / pricescale`; without a tick it follows from the price."""
    if tick is None:
        return 1, 10 ** _decimals(type, last)
    digits, scale = Decimal(repr(tick)).as_integer_ratio()
    pricescale = 10 ** min(MOST_DECIMALS, max(0, -_exponent(tick)))
    return max(round(digits * pricescale / scale), 1), pricescale


def _exponent(tick: float) -> int:
    exponent = Decimal(repr(tick)).normalize().as_tuple().exponent
    assert isinstance(exponent, int)  # noqa: S101  a tick is a finite number
    return exponent


def _decimals(type: str, last: float | None) -> int:
    if type == "fx":
        # Yen have two digits less.
        return 5 if last is None or last < 20 else 3
    if last is None or last >= 1:
        return 2
    return min(3 - floor(log10(last)), MOST_DECIMALS)


def _times(hours: Hours) -> Info:
    times: Info = {
        "timezone": hours.timezone,
        "session": hours.session,
        "session_display": hours.session,
    }
    if hours.holidays:
        times["session_holidays"] = hours.holidays
    if hours.corrections:
        times["corrections"] = hours.corrections
    return times


def _resolutions(present: Collection[int]) -> Info:
    """What there are bars of; of a symbol that has none yet, all that there may be."""
    offered = [one for one in Resolution if one.seconds in present] or [*Resolution]
    intraday = [NAMES[one] for one in offered if one.is_intraday]
    return {
        "has_intraday": bool(intraday),
        "intraday_multipliers": intraday,
        "has_seconds": False,
        "has_ticks": False,
        "has_daily": Resolution.DAY in offered,
        "daily_multipliers": ["1"],
        "has_weekly_and_monthly": Resolution.WEEK in offered or Resolution.MONTH in offered,
        "weekly_multipliers": ["1"],
        "monthly_multipliers": ["1"],
        "supported_resolutions": [NAMES[one] for one in offered],
        "data_status": "streaming" if intraday else "endofday",
    }


def _facts(rows: Sequence[Sequence[Any]]) -> Mapping[str, Facts]:
    """From rows of symbol, price and resolution; of a symbol without bars that is null."""
    by_symbol = groupby(rows, key=itemgetter(0))
    return {symbol: _facts_of([*group]) for symbol, group in by_symbol}


def _facts_of(rows: Sequence[Sequence[Any]]) -> Facts:
    return Facts(rows[0][1], frozenset(row[2] for row in rows if row[2] is not None))


_FACTS = """
SELECT s.symbol, h.last, b.resolution FROM symbols s
LEFT JOIN heads h ON h.symbol_id = s.id LEFT JOIN bar_series b ON b.symbol_id = s.id
WHERE {} ORDER BY s.symbol
"""
