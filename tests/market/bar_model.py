"""What the store of bars has to do, in plain Python: slow, obvious, and all in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.market.places import Row
from tradeapi.market.calendars.calendar import Calendar
from tradeapi.market.resolutions import Resolution
from tradeapi.market.store.tick_bars import Tick

MINUTE = Resolution.MINUTE


@dataclass
class Built:
    """A minute that ticks make."""

    first: Tick
    last: Tick
    high: float
    low: float
    volume: float

    def add(self, tick: Tick) -> None:
        self.first = tick if tick.time < self.first.time else self.first
        self.last = tick if tick.time >= self.last.time else self.last
        self.high, self.low = max(self.high, tick.price), min(self.low, tick.price)
        self.volume += tick.size


@dataclass
class BarModel:
    calendar: Calendar
    extended: bool = False
    native: dict[Resolution, dict[int, Row]] = field(
        default_factory=lambda: {resolution: {} for resolution in Resolution}
    )
    built: dict[int, Built] = field(default_factory=dict)

    def upsert(self, resolution: Resolution, rows: Sequence[Row]) -> list[str]:
        statuses = []
        for row in rows:
            there = self.bars(resolution).get(row[0])
            statuses.append(
                "inserted" if there is None else "unchanged" if there == row else "updated"
            )
        for row in rows:
            self.native[resolution][row[0]] = row
            if resolution is MINUTE:
                self.built.pop(row[0], None)
        return statuses

    def tick(self, tick: Tick) -> str:
        label = self._label(int(tick.time), MINUTE)
        if label < 0:
            return "outside_session"
        if label in self.native[MINUTE]:
            return "bar_is_native"
        if label in self.built:
            self.built[label].add(tick)
        else:
            self.built[label] = Built(tick, tick, tick.price, tick.price, tick.size)
        return "accepted"

    def delete(self, resolution: Resolution, start: int, end: int) -> int:
        groups: list[dict[int, Row] | dict[int, Built]] = [self.native[resolution]]
        if resolution is MINUTE:
            groups.append(self.built)
        count = 0
        for group in groups:
            for time in [time for time in group if start <= time < end]:
                del group[time]
                count += 1
        return count

    def bars(self, resolution: Resolution) -> dict[int, Row]:
        """By time, ascending."""
        if resolution.finer is None:
            bars = {
                time: (time, bar.first.price, bar.high, bar.low, bar.last.price, bar.volume)
                for time, bar in self.built.items()
            }
        else:
            bars = self._folded(resolution, self.bars(resolution.finer))
        return dict(sorted((bars | self.native[resolution]).items()))

    def _folded(self, resolution: Resolution, finer: dict[int, Row]) -> dict[int, Row]:
        folded: dict[int, Row] = {}
        for time, open, high, low, close, volume in finer.values():
            label = self._label(time, resolution)
            if label < 0:
                continue
            _, first, top, bottom, _, sum = folded.get(label, (0, open, high, low, close, 0.0))
            folded[label] = (label, first, max(top, high), min(bottom, low), close, sum + volume)
        return folded

    def _label(self, time: int, resolution: Resolution) -> int:
        return self.calendar.label(time, resolution, extended=self.extended)
