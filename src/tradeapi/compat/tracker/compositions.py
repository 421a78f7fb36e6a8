"""Who was in an index when, as clients of the tracker have it: weights are fractions."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from tradeapi.analytics.bars import Float64Array, Int64Array
from tradeapi.database import Database
from tradeapi.errors import NotFound
from tradeapi.indices.packing import COLUMNS, Held
from tradeapi.indices.published import Series
from tradeapi.market.calendars.days import DAY, date_at, day_of


class Stock(NamedTuple):
    ticker: str | None
    name: str
    sector: str | None


Stocks = Mapping[int, Stock]
GONE = Stock(None, "", None)


class Compositions(NamedTuple):
    """Sessions of one `revision`, ascending, with who their constituents are."""

    revision: int | None
    sessions: Sequence[Held]
    stocks: Stocks

    def documents(self) -> Iterator[Mapping[str, Any]]:
        """A session each."""
        return (_composition(held, self.stocks) for held in self.sessions)

    def changes(self, start: date, end: date) -> Mapping[str, Any]:
        """From each session to the next; may take its time."""
        found = [
            change
            for before, after in pairwise(self.sessions)
            if (change := _change(before, after, self.stocks)) is not None
        ]
        return {
            "start_date": start.isoformat(),
            "end_date": end.isoformat(),
            "total_change_dates": len(found),
            "changes": found,
        }


async def composition_on(database: Database, series: Series, day: date) -> Compositions:
    """That of the last session up to a day; raises NotFound before the first."""
    rows = await _fetch(database, _UP_TO, series.id, day_of(day))
    if not rows:
        detail = f"{series.code} has no session up to {day}."
        raise NotFound(detail, code="index_not_built")
    return await _read(database, rows)


async def compositions_within(
    database: Database, series: Series, start: date, end: date, *, with_before: bool
) -> Compositions:
    """All from one day to another; `with_before`: and the one before them."""
    first = day_of(start)
    if with_before:
        earlier = series.days[series.days < first]
        first = int(earlier[-1]) if len(earlier) else first
    rows = await _fetch(database, _WITHIN, series.id, first, day_of(end) + DAY)
    return await _read(database, rows)


async def _fetch(database: Database, sql: str, *arguments: object) -> Sequence[Sequence[Any]]:
    async with database.read() as raw:
        return await raw.fetch(sql, *arguments)


async def _read(database: Database, rows: Sequence[Sequence[Any]]) -> Compositions:
    sessions = [Held.of(row[1:]) for row in rows]
    ids = np.unique(np.concatenate([np.empty(0, np.int64), *(held.ids for held in sessions)]))
    stocks = {}
    if len(ids):
        async with database.read() as raw:
            chosen, argument = raw.one_of("$1", ids.tolist())
            found = await raw.fetch(_STOCKS.format(chosen), argument)
        stocks = {row[0]: Stock(*row[1:]) for row in found}
    return Compositions(rows[0][0] if rows else None, sessions, stocks)


def _composition(held: Held, stocks: Stocks) -> Mapping[str, Any]:
    found = [
        {**_stock(stocks, id, weight, cap), "sector": stocks.get(id, GONE).sector, "industry": None}
        for id, weight, cap in _columns(held.ids, held.weights, held.caps)
    ]
    found.sort(key=lambda one: (-(one["market_cap"] or 0.0), one["ticker"] or ""))
    day = date_at(held.day).isoformat()
    return {"date": day, "total_stocks": len(found), "compositions": found}


def _change(before: Held, after: Held, stocks: Stocks) -> Mapping[str, Any] | None:
    """None: they are the same."""
    new, old = ~np.isin(after.ids, before.ids), ~np.isin(before.ids, after.ids)
    if not (new.any() or old.any()):
        return None
    weighed = before.weights if after.before is None else after.before
    added = _stocks(stocks, after.ids[new], after.weights[new], after.caps[new])
    removed = _stocks(stocks, before.ids[old], weighed[old], before.caps[old])
    return {
        "date": date_at(after.day).isoformat(),
        "stocks_added": added,
        "stocks_removed": removed,
        "total_changes": len(added) + len(removed),
    }


def _stocks(
    stocks: Stocks, ids: Int64Array, weights: Float64Array, caps: Float64Array
) -> Sequence[Mapping[str, Any]]:
    found = [_stock(stocks, id, weight, cap) for id, weight, cap in _columns(ids, weights, caps)]
    return sorted(found, key=lambda one: one["ticker"] or "")


def _columns(
    ids: Int64Array, weights: Float64Array, caps: Float64Array
) -> Iterator[tuple[int, float, float]]:
    return zip(ids.tolist(), weights.tolist(), caps.tolist(), strict=True)


def _stock(stocks: Stocks, id: int, weight: float, cap: float) -> dict[str, Any]:
    ticker, name, _ = stocks.get(id, GONE)
    is_known = cap == cap  # noqa: PLR0124  NaN is not
    return {
        "ticker": ticker,
        "name": name,
        "weight": weight,
        "market_cap": cap if is_known else None,
    }


# With its revision in one statement, so that both are of one moment.
_SESSIONS = f"""
SELECT i.revision, {", ".join(f"s.{column}" for column in COLUMNS.split(", "))}
FROM index_sessions s JOIN indices i ON i.id = s.index_id
WHERE s.index_id = $1 AND NOT s.is_staged
"""  # noqa: S608  columns, no data
_UP_TO = f"{_SESSIONS} AND s.day <= $2 ORDER BY s.day DESC LIMIT 1"
_WITHIN = f"{_SESSIONS} AND s.day >= $2 AND s.day < $3 ORDER BY s.day"
_STOCKS = "SELECT id, ticker, name, sector FROM symbols WHERE id {}"
