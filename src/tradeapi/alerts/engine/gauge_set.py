"""The numbers of a symbol that some condition is about."""

from collections.abc import Iterable, Iterator, Sequence

from tradeapi.alerts.conditions import Extreme, Gauge, Move, Price, Volume
from tradeapi.alerts.engine.armed import Armed, Condition
from tradeapi.alerts.engine.gauges import (
    BarGauge,
    Moment,
    PriceGauge,
    ReadingOf,
    VolumeOf,
    history_of,
    price_gauge,
)
from tradeapi.alerts.engine.trails import Reading, Trail
from tradeapi.market.resolutions import Resolution

# Conditions that are others now, and whether each has certainly come to be met.
Touched = list[tuple[Condition, bool]]


class GaugeSet:
    """`trails` are the bars that they are computed from."""

    def __init__(self) -> None:
        self.trails: dict[Resolution, Trail] = {}
        self._prices: dict[Gauge, PriceGauge] = {}
        self._bars: dict[Gauge, BarGauge] = {}

    def move(self, moment: Moment) -> Touched:
        """Have those follow that the price moves."""
        touched: Touched = []
        for gauge in self._prices.values():
            if (span := gauge.read(moment)) is not None:
                touched += gauge.ladder.move(*span)
        return touched

    def look_back(self, trail: Trail, moment: Moment) -> Iterator[Touched]:
        """Those of the price that look back at the bars may not have had a number so far."""
        for gauge in tuple(self._prices.values()):
            if gauge in trail.others and (span := gauge.read(moment)) is not None:
                yield gauge.ladder.move(span.close, span.close, span.close)

    def known(self, key: Gauge) -> PriceGauge | BarGauge:
        return self._prices.get(key) or self._bars[key]

    def get(self, key: Gauge, moment: Moment, *, has_price: bool) -> PriceGauge | BarGauge:
        known = self._prices.get(key) or self._bars.get(key)
        if known is not None:
            return known
        if isinstance(key, Price | Move | Extreme):
            history = history_of(key)
            trail = None if history is None else self._trail(history[0])
            gauge = self._prices[key] = price_gauge(key, trail)
            if trail is not None and history is not None:
                trail.others[gauge] = history[1]
            if has_price and (span := gauge.read(moment)) is not None:
                gauge.ladder.move(*span)
            return gauge
        trail = self._trail(key.resolution)
        made: BarGauge = VolumeOf(key, trail) if isinstance(key, Volume) else ReadingOf(key)
        self._bars[key] = made
        trail.gauges.append(made)
        return made

    def _trail(self, resolution: Resolution) -> Trail:
        """Something new is asked of it: it has to be read."""
        trail = self.trails.setdefault(resolution, Trail(resolution))
        trail.ask()
        return trail

    def drop(self, key: Gauge) -> list[Resolution]:
        """The resolutions of whose bars nothing is asked any more."""
        if isinstance(key, Price | Move | Extreme):
            gauge = self._prices.pop(key)
            for trail in self.trails.values():
                trail.others.pop(gauge, None)
        else:
            made = self._bars.pop(key)
            self.trails[key.resolution].gauges.remove(made)
        idle = [name for name, trail in self.trails.items() if trail.is_idle]
        for resolution in idle:
            del self.trails[resolution]
        return idle

    def values(self, alert: Armed) -> Sequence[float | None]:
        """The number that each condition is about, as it is."""
        return [self.known(condition.gauge).ladder.value for condition in alert.conditions]


def climb(steps: Iterable[Sequence[Reading]]) -> Touched:
    touched: Touched = []
    for readings in steps:
        for gauge, value, _ in readings:
            touched += gauge.ladder.move(value, value, value)
    return touched
