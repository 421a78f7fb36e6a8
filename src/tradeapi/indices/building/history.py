"""What happened to the symbols of a universe, but for their closes: splits, dividends, shares."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import isnan

import numpy as np

from tradeapi.analytics.bars import Float64Array, Int64Array
from tradeapi.analytics.indices.panel import Event, ordered
from tradeapi.drivers import Raw
from tradeapi.indices.universe import Universe
from tradeapi.market.calendars.days import date_at, date_of, day_of
from tradeapi.market.symbols.service import UNDATED

# What prices that are adjusted already no longer show.
_CONTAINED: Mapping[str, Collection[str]] = {
    "raw": (),
    "splits": {"split"},
    "all": {"split", "dividend", "special"},
}


@dataclass(frozen=True, slots=True, eq=False)
class Happenings:
    """By day what happened, as events of columns; `shares` as the day `start` begins."""

    start: int
    shares: Float64Array
    events: Mapping[int, Sequence[Event]]
    static: frozenset[int]

    def within(
        self, days: Int64Array, fx: Mapping[int, Float64Array], *, after: int
    ) -> dict[int, list[Event]]:
        """The events of these sessions by their rows, in order; those of days between two sessions,
        also before the first one but `after` that day, with the later one.

        `fx` are prices of one unit of the columns' currencies, by session, where it is not the
        index's.
        """
        found: dict[int, list[Event]] = defaultdict(list)
        for day in sorted(self.events):
            row = int(days.searchsorted(day))
            if after < day and row < len(days):
                events = [_converted(event, fx, row) for event in self.events[day]]
                # What nobody can convert is no income.
                found[row] += [event for event in events if not isnan(event.value)]
        return found


async def happenings(raw: Raw, universe: Universe, start: int) -> Happenings:
    """From `start` on. What is known of before has become the shares of that day."""
    chosen, ids = raw.one_of("$1", universe.ids.tolist())
    actions = await raw.fetch(_ACTIONS.format(chosen), ids, _date(raw, start))
    figures = await raw.fetch(_SHARES.format(chosen), ids)
    basis = {member.id: _CONTAINED[member.basis] for member in universe.members}
    by_day: dict[int, list[Event]] = defaultdict(list)
    for symbol_id, day, kind, value in actions:
        if kind not in basis[symbol_id]:
            by_day[day_of(date_of(day))].append(Event(universe.columns[symbol_id], kind, value))
    static = set()
    shares = np.full(len(universe), np.nan)
    for symbol_id, day, value in figures:
        column = universe.columns[symbol_id]
        if date_of(day) == UNDATED:
            static.add(column)
            shares[column] = value
        else:
            by_day[day_of(date_of(day))].append(Event(column, "shares", value))
    later: dict[int, list[Event]] = {}
    for day in sorted(by_day):
        if day >= start:
            later[day] = ordered(by_day[day])
        else:
            _apply(shares, ordered(by_day[day]))
    return Happenings(start, shares, later, frozenset(static))


def _apply(shares: Float64Array, events: Sequence[Event]) -> None:
    for column, kind, value in events:
        if kind == "split":
            shares[column] *= value
        elif kind == "shares":
            shares[column] = value


def _converted(event: Event, fx: Mapping[int, Float64Array], row: int) -> Event:
    rates = fx.get(event.column)
    if rates is None or event.kind in {"split", "shares"}:
        return event
    return event._replace(value=float(event.value * rates[row]))


def _date(raw: Raw, day: int) -> object:
    found = date_at(day)
    return found if raw.dialect == "postgresql" else found.isoformat()


_ACTIONS = """
SELECT symbol_id, ex_date, kind, value FROM corporate_actions
WHERE symbol_id {} AND (kind = 'split' OR ex_date >= $2)
"""
_SHARES = """
SELECT symbol_id, effective, shares FROM shares_outstanding WHERE symbol_id {}
ORDER BY symbol_id, effective
"""
