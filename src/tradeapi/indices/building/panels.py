"""The closes of a universe, a stretch of sessions at a time."""

from collections.abc import Mapping, Sequence

import numpy as np

from tradeapi.analytics.bars import BoolArray, Float64Array, Int64Array
from tradeapi.analytics.indices.panel import Panel
from tradeapi.database import Database
from tradeapi.indices.building.history import Happenings
from tradeapi.indices.universe import Universe
from tradeapi.market.calendars.days import DAY
from tradeapi.market.resolutions import Resolution
from tradeapi.market.store.blocks import window
from tradeapi.market.store.closes import daily_closes


class Panels:
    """Of one universe, of one stretch after the other.

    `converters` are by currencies the ids of the symbols whose closes convert them to `currency`,
    and `rates` what those closed at before the first stretch.
    """

    def __init__(  # noqa: PLR0913, PLR0917  they are what it has
        self,
        database: Database,
        universe: Universe,
        happened: Happenings,
        converters: Mapping[str, int],
        currency: str,
        rates: Mapping[str, float],
    ) -> None:
        self._database = database
        self._universe = universe
        self._happened = happened
        self._converters = converters
        # Ascending, so that they are found; the universe is in the order of its names.
        self._ids = np.union1d(universe.ids, [*converters.values()]).astype(np.int64)
        self._currency = currency
        # Of the stretch before, the last rates and the last day.
        self._rates = dict(rates)
        self._last = -1

    async def panel(self, days: Int64Array, following: int) -> Panel:
        """Of these sessions; `following` is the one after them."""
        ids = self._ids
        close = np.full((len(days), len(ids)), np.nan)
        async with self._database.read() as raw:
            async for some in daily_closes(raw, ids.tolist(), int(days[0]), int(days[-1]) + DAY):
                rows, inside = _placed(days, some.times)
                columns = ids.searchsorted(some.ids[inside])
                close[rows, columns] = some.closes[inside]
        converting = {
            symbol_id: close[:, ids.searchsorted(symbol_id)].copy()
            for symbol_id in self._converters.values()
        }
        close = close[:, ids.searchsorted(self._universe.ids)]
        fx = self._fx(converting, len(days))
        for column, rates in fx.items():
            close[:, column] *= rates
        events = self._happened.within(days, fx, after=self._last)
        self._last = int(days[-1])
        return Panel(
            days=days,
            following=following,
            close=close,
            shares=self._happened.shares,
            listed_from=self._universe.listed_from,
            listed_to=self._universe.listed_to,
            events=events,
        )

    def _fx(self, converting: Mapping[int, Float64Array], sessions: int) -> dict[int, Float64Array]:
        """By column what one unit of its currency costs; where nobody says, what it did before, and
        NaN where nobody ever did."""
        unknown = np.full(sessions, np.nan)
        rates = {}
        for currency, symbol_id in self._converters.items():
            before = self._rates.get(currency, np.nan)
            filled = _filled(np.concatenate([[before], converting[symbol_id]]))[1:]
            self._rates[currency] = float(filled[-1])
            rates[currency] = filled
        return {
            column: rates.get(member.currency, unknown)
            for column, member in enumerate(self._universe.members)
            if member.currency != self._currency
        }


def stretches(days: Int64Array) -> Sequence[Int64Array]:
    """The sessions in runs that share their blocks of bars, so that each block is read once."""
    cuts = np.flatnonzero(np.diff(days // window(Resolution.DAY))) + 1
    return np.split(days, cuts)


def _placed(days: Int64Array, times: Int64Array) -> tuple[Int64Array, BoolArray]:
    """At which rows these times are, and which of them are a session's at all."""
    rows = days.searchsorted(times)
    inside = rows < len(days)
    inside[inside] = days[rows[inside]] == times[inside]
    return rows[inside], inside


def _filled(values: Float64Array) -> Float64Array:
    """Each NaN is the value before it."""
    places = np.where(np.isnan(values), 0, np.arange(len(values)))
    filled: Float64Array = values[np.maximum.accumulate(places)]
    return filled
