"""The newest facts of a symbol, as a writer holds them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from operator import attrgetter

from tradeapi.market.events import Changed, Quote
from tradeapi.market.store.blocks import HIGH, LOW, OPEN, VOLUME, StoredBars
from tradeapi.market.store.levels import Level


@dataclass(slots=True)
class Head:
    """A row of `heads`, see there."""

    symbol_id: int
    version: int = 0
    revision: int = 0
    updated: float = 0.0
    last: float | None = None
    last_time: float | None = None
    day: int | None = None
    open: float | None = None
    high: float | None = None
    low: float | None = None
    volume: float | None = None
    previous_close: float | None = None

    @property
    def known_until(self) -> float:
        """The time of the newest price."""
        return -math.inf if self.last_time is None else self.last_time

    def row(self) -> tuple[object, ...]:
        """Its fields in the table's order."""
        return _FIELDS(self)

    def advance(self, now: float, *, revised: bool) -> None:
        """To the next version."""
        self.version += 1
        self.revision += revised
        self.updated = now

    def quote_day(self, days: StoredBars, previous_close: float | None) -> None:
        """Take the day's figures from the newest daily bar."""
        self.previous_close = previous_close
        if not len(days):
            self.day = self.open = self.high = self.low = self.volume = None
            return
        today = days.values[-1].tolist()
        self.day = int(days.time[-1])
        self.open, self.high, self.low = today[OPEN], today[HIGH], today[LOW]
        self.volume = today[VOLUME]

    def quote(self, *, is_intraday: bool) -> Quote:
        return Quote(
            last=self.last,
            time=self.last_time,
            day=self.day,
            open=self.open,
            high=self.high,
            low=self.low,
            volume=self.volume,
            previous_close=self.previous_close,
            is_intraday=is_intraday,
        )

    def changed(
        self,
        symbol: str,
        levels: Sequence[Level],
        *,
        is_intraday: bool,
        trades: Sequence[tuple[float, float]] | None,
    ) -> Changed:
        """What to announce of this version."""
        changes = {level.resolution: level.changes() for level in levels}
        return Changed(
            symbol_id=self.symbol_id,
            symbol=symbol,
            version=self.version,
            revision=self.revision,
            updated=self.updated,
            quote=self.quote(is_intraday=is_intraday),
            bars={name: found for name, found in changes.items() if found is not None},
            resets={name: "backfill" for name, found in changes.items() if found is None},
            trades=trades,
        )


_FIELDS = attrgetter(*(field.name for field in fields(Head)))
