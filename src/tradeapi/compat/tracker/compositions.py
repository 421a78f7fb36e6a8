"""What an index holds as clients of the tracker have it: weights are fractions."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date
from typing import Any

from anyio import to_thread

from tradeapi.indices.holdings.changes import Asked, changes
from tradeapi.indices.holdings.composition import composition, session_at
from tradeapi.indices.holdings.reading import Sessions
from tradeapi.indices.packing import Held
from tradeapi.indices.spans import Span

# So many are neither read nor written in one go.
CONSTITUENTS_AT_ONCE = 10_000

Told = Mapping[str, Any]


async def composition_on(sessions: Sessions, day: date) -> Told:
    """That of the last session up to a day; raises NotFound before the first."""
    held = await sessions.held(session_at(sessions.series, day))
    names = await sessions.names(held.ids)
    return _composition(composition(sessions.series, held, names, day))


async def compositions_within(
    sessions: Sessions, start: date, end: date
) -> AsyncIterator[Sequence[Told]]:
    """Of each session from one day to another, some sessions at a time; raises Invalid."""
    series = sessions.series
    days, count = series.days[Span(start=start, end=end).of(series.days)].tolist(), 1
    while days:
        rows = await sessions.rows(days[:count])
        names = await sessions.names_of(rows)
        page = await to_thread.run_sync(
            lambda rows, names: [
                _composition(composition(series, Held.of(row), names, None)) for row in rows
            ],
            rows,
            names,
        )
        yield page
        days = days[count:]
        held = sum(one["total_stocks"] for one in page)
        count = max(1, CONSTITUENTS_AT_ONCE * len(page) // max(held, 1))


async def changes_within(sessions: Sessions, start: date, end: date) -> Told:
    """Raises Invalid."""
    range = Span(start=start, end=end).of(sessions.series.days)
    limit = range.stop - range.start
    found, _ = await changes(sessions, Asked(range=range, after=None, limit=limit, is_all=False))
    return {
        "start_date": start.isoformat(),
        "end_date": end.isoformat(),
        "total_change_dates": len(found["items"]),
        "changes": [_change(item) for item in found["items"]],
    }


def _composition(found: Told) -> Told:
    return {
        "date": found["date"],
        "total_stocks": found["count"],
        "compositions": [
            {**_stock(item, item["weight"]), "sector": item["sector"], "industry": None}
            for item in found["items"]
        ],
    }


def _change(item: Told) -> Told:
    added = [_stock(one, one["weight_after"]) for one in item["entered"]]
    removed = [_stock(one, one["weight_before"]) for one in item["exited"]]
    return {
        "date": item["date"],
        "stocks_added": added,
        "stocks_removed": removed,
        "total_changes": len(added) + len(removed),
    }


def _stock(item: Told, weight: float) -> dict[str, Any]:
    """`item` is a constituent as our own routes tell it."""
    symbol = item["symbol"]
    return {
        "ticker": None if symbol is None else symbol.partition(":")[2],
        "name": item["name"],
        "weight": weight,
        "market_cap": item["market_cap"],
    }
