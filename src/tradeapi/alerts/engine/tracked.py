"""One symbol that alerts are on."""

from collections.abc import Iterable, Sequence
from math import floor, inf
from typing import Protocol

import structlog

from tradeapi.alerts.conditions import Gauge, Price
from tradeapi.alerts.engine.armed import Armed, Condition
from tradeapi.alerts.engine.course import Course, Position, newest
from tradeapi.alerts.engine.gauge_set import GaugeSet, Touched, climb
from tradeapi.alerts.engine.gauges import MINUTE, Moment, Row
from tradeapi.alerts.engine.trails import Opened, Reading, Trail
from tradeapi.market.bars.bar_history import BarHistory
from tradeapi.market.events import Changed, Quote
from tradeapi.market.live.watch import State, Watch
from tradeapi.market.resolutions import Resolution
from tradeapi.market.store.finality import closes_at

_log = structlog.get_logger("tradeapi.alerts")


class Desk(Protocol):
    """What a symbol asks of the engine."""

    lateness: float

    def fire(self, alert: Armed, moment: Moment) -> None:
        """Its conditions have come to be met; what is not repeated is watched no more."""
        ...

    def mark(self, alert: Armed) -> None:
        """Some of its conditions are others now."""
        ...

    def move(self, tracked: "Tracked") -> None:
        """It stands elsewhere now."""
        ...

    def look_at(self, tracked: "Tracked") -> None:
        """It wants its `look` to be called: it is behind, or bars have to be read."""
        ...

    def lose(self, tracked: "Tracked") -> None:
        """The symbol is no more."""
        ...


class Tracked:
    """Follows the changes of the symbol, each once. It is behind where some are missing: then it
    reads what has been stored since, and goes on from there.
    """

    def __init__(self, watch: Watch, desk: Desk, position: Position) -> None:
        self.watch = watch
        self.position = position
        self.alerts: dict[object, Armed] = {}
        self.gauges = GaugeSet()
        self.trails = self.gauges.trails
        self.is_behind = True
        self._desk = desk
        self._course = Course(watch, position)
        # Armed where it has not come to yet.
        self.arriving: list[Armed] = []

    @property
    def wants_look(self) -> bool:
        return self.is_behind or any(trail.wants_read for trail in self.trails.values())

    def begin(self, now: float) -> None:
        """Go on from where it stands, if nothing has happened since."""
        state = self.watch.state
        if state is None or state.version not in self._known_versions:
            self.fall_behind()
        else:
            self.arrive(state.version, state.quote, now)

    @property
    def _known_versions(self) -> set[int]:
        """The one that it stands at; never having been watched, that of all who are to join it."""
        if self.position.version >= 0:
            return {self.position.version}
        bases = {alert.base_version for alert in self.arriving}
        return bases if len(bases) == 1 else set()

    def begins_at(self, resolution: Resolution) -> int:
        """The bar to go on with; without a position that is the one in which the first alert came,
        and without alerts it is the newest."""
        if self.position.version >= 0:
            return self.position.bar
        armed = min((alert.armed_at for alert in self.arriving), default=inf)
        if armed == inf:
            return self.position.bar
        return int(armed) - 2 * resolution.seconds

    # What the watch tells.

    def apply(self, change: Changed) -> None:
        if change.version <= self.position.version:
            return
        if self.is_behind or change.version != self.position.version + 1:
            self.fall_behind()
            return
        try:
            self._go_on(change)
        except Exception:  # noqa: BLE001  those who follow it beside us have to hear of the change
            _log.exception("alerts.failed", symbol=change.symbol)
            self.fall_behind()

    def _go_on(self, change: Changed) -> None:
        self._course.take_quote(change.quote)
        moments = self._course.moments(change)
        for moment in moments[:-1]:
            self._step(moment)
        self._step(moments[-1] if moments else None, change)
        self._course.show(change)
        for alert in [one for one in self.arriving if one.base_version <= change.version]:
            self.arriving.remove(alert)
            self.join(alert, change.updated)
        self.position.version = change.version
        self._desk.move(self)

    async def catch_up(self) -> None:
        """It is asked to settle next."""

    def settle(self, state: State) -> None:
        if state.version > self.position.version:
            self.fall_behind()

    def tick(self, now: float) -> None:
        """Bars that are closed by the clock, and looks that have failed."""
        if self.wants_look:
            self._desk.look_at(self)
        state = self.watch.state
        if self.is_behind or state is None:
            return
        try:
            self._close_due(state, now)
        except Exception:
            self.fall_behind()
            raise

    def _close_due(self, state: State, now: float) -> None:
        for resolution, trail in tuple(self.trails.items()):
            forming = trail.forming
            if not trail.is_open or forming is None:
                continue
            due = closes_at(
                self.watch.listing.calendar,
                resolution,
                int(forming[0]),
                updated=state.updated,
                lateness=self._desk.lateness,
            )
            if now >= due:
                self._decide(climb([trail.close(forming)]), self._course.now(now))
                self._closed(trail)

    def reset(self) -> None:
        self._desk.lose(self)

    def fall_behind(self) -> None:
        self.is_behind = True
        for trail in self.trails.values():
            trail.is_open = False
        self._desk.look_at(self)

    # Alerts come and go.

    def add(self, alert: Armed, now: float) -> None:
        """Watch it, or do so once the symbol has come to where it was armed."""
        is_ahead = self.is_behind or alert.base_version > self.position.version
        if alert.is_new and is_ahead:
            self.arriving.append(alert)
        else:
            self.join(alert, now)

    def join(self, alert: Armed, now: float, *, is_late: bool = False) -> None:
        """Watch it from here on; what it waits for may be there already."""
        self.alerts[alert.id] = alert
        moment = self._course.now(now, is_late=is_late)
        has_price = self.position.price is not None
        ladders = {}
        for condition in alert.conditions:
            gauge = self.gauges.get(condition.gauge, moment, has_price=has_price)
            ladders[condition] = gauge.ladder
            ladders[condition].add(condition)
        if alert.is_new:
            self._go_through(alert, now)
        if alert.id in self.alerts:
            touched = [
                (condition, condition.settle(ladder.value))
                for condition, ladder in ladders.items()
                if ladder.value is not None
            ]
            self._decide(touched, moment)
        if self.wants_look:
            self._desk.look_at(self)

    def _go_through(self, alert: Armed, now: float) -> None:
        """The price as it was armed, and the trades since, as far as they are known."""
        prices = [] if alert.base_price is None else [(alert.armed_at, alert.base_price)]
        since = -inf if alert.base_time is None else alert.base_time
        changes = self.watch.since(alert.base_version) or ()
        trades = [trade for change in changes for trade in change.trades or ()]
        prices += newest(trades, since)
        conditions = [one for one in alert.conditions if isinstance(one.gauge, Price)]
        for time, price in prices:
            if alert.id not in self.alerts:
                return
            bar = floor(time / MINUTE) * MINUTE
            moment = self._course.moment(min(time, now), price, price, price, bar, is_late=False)
            self._decide([(one, one.settle(price)) for one in conditions], moment)

    def leave(self, alert: Armed) -> None:
        if alert in self.arriving:
            self.arriving.remove(alert)
        if self.alerts.pop(alert.id, None) is None:
            return
        for condition in alert.conditions:
            ladder = self.gauges.known(condition.gauge).ladder
            ladder.remove(condition)
            if not len(ladder):
                self._drop(condition.gauge)

    def _drop(self, key: Gauge) -> None:
        for resolution in self.gauges.drop(key):
            self.position.closed.pop(resolution.value, None)
            self._desk.move(self)

    # Catching up.

    def replay(self, bars: Iterable[Row], resolution: Resolution, quote: Quote) -> None:
        """Go through stored bars, up to those that led to the quote."""
        calendar = self.watch.listing.calendar
        position, self._course.quote = self.position, quote
        until = inf if quote.time is None else quote.time
        if position.price is None and self.arriving:
            position.price = self.arriving[0].base_price
        for time, _, high, low, close, _ in bars:
            bar = int(time)
            if bar < position.bar:
                continue
            for alert in [one for one in self.arriving if one.armed_at <= bar]:
                self.arriving.remove(alert)
                self.join(alert, alert.armed_at, is_late=True)
            self._course.begin_day(bar, resolution)
            ended = min(float(calendar.end(bar, resolution)), until)
            self._step(self._course.of_bar(bar, ended, high, low, close, is_late=True))

    def arrive(self, version: int, quote: Quote, now: float) -> None:
        """All of it up to the version has been gone through."""
        position = self.position
        position.version = version
        self._course.take_quote(quote)
        if position.price is None:
            self._step(self._course.quoted(quote, is_late=True))
            self._course.stand_within(quote)
        self._course.take_day(quote)
        self.is_behind = False
        arriving, self.arriving = self.arriving, []
        for alert in arriving:
            self.join(alert, max(now, alert.armed_at))
        self._desk.move(self)

    async def read_trail(self, trail: Trail, bars: BarHistory) -> Opened:
        """The bars to open it with."""
        return await trail.read(bars, self.watch.listing.symbol, self._closed_until(trail))

    def _closed_until(self, trail: Trail) -> int | None:
        return self.position.closed.get(trail.resolution.value)

    def open_trail(self, trail: Trail, opened: Opened, now: float) -> None:
        """Go on from the bars that have been read."""
        for readings in trail.begin(opened):
            moment = self._closing(trail, readings, now)
            touched, forms = climb([readings]), trail.forming is not None
            if not forms:
                touched = [
                    (condition, is_reached and not condition.alert.is_after(moment.time))
                    for condition, is_reached in touched
                ]
            self._decide(touched, moment, is_seen=forms)
        moment = self._course.now(now)
        for touched in self.gauges.look_back(trail, moment):
            self._decide(touched, moment)
        self._closed(trail)

    # How it moves.

    def _step(self, moment: Moment | None, change: Changed | None = None) -> None:
        touched: Touched = []
        if moment is not None:
            touched += self.gauges.move(moment)
            self._course.stand_at(moment)
        if change is not None:
            touched += self._follow(change)
            self._course.take_day(change.quote)
        if touched:
            self._decide(touched, moment or self._course.now(self.position.time))

    def _follow(self, change: Changed) -> Touched:
        touched: Touched = []
        for resolution, trail in self.trails.items():
            if resolution in change.resets:
                trail.is_open = False
            run = change.bars.get(resolution, ())
            if trail.is_open and run:
                touched += climb(trail.follow(run))
                self._closed(trail)
            if not trail.is_open:
                trail.missed.append((change.version, run))
                self._desk.look_at(self)
        return touched

    def _closed(self, trail: Trail) -> None:
        if trail.closed and self.trails.get(trail.resolution) is trail:
            self.position.closed[trail.resolution.value] = int(trail.closed[-1][0])
            self._desk.move(self)

    def _closing(self, trail: Trail, readings: Sequence[Reading], now: float) -> Moment:
        """When the bar of these was closed, or now."""
        moment = self._course.now(now, is_late=True)
        if readings:
            _, _, row = readings[0]
            ended = self.watch.listing.calendar.end(int(row[0]), trail.resolution)
            moment.time = min(now, float(ended))
        return moment

    def _decide(self, touched: Touched, moment: Moment, *, is_seen: bool = True) -> None:
        """Fire the alerts of which something has come to be met, and that is enough.

        `is_seen`: what is evaluated afterwards may have been before, as far as its bar had come.
        """
        reached: dict[Armed, list[Condition]] = {}
        for condition, is_reached in touched:
            mine = reached.setdefault(condition.alert, [])
            if is_reached:
                mine.append(condition)
        for alert, conditions in reached.items():
            self._desk.mark(alert)
            if not conditions or not alert.is_due(conditions, moment.time):
                continue
            is_told = is_seen and alert.bar is not None and alert.bar >= moment.bar
            if not (moment.is_late and is_told):
                self._desk.fire(alert, moment)
