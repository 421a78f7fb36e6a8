"""All alerts there are, each watched with the symbol that it is on."""

import asyncio
import gc
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from contextlib import ExitStack
from typing import Never
from uuid import UUID

import anyio
import structlog
from anyio.lowlevel import checkpoint

from tradeapi.alerts.engine.armed import Armed
from tradeapi.alerts.engine.catching_up import CatchingUp
from tradeapi.alerts.engine.course import Position
from tradeapi.alerts.engine.firings import Firing, Firings
from tradeapi.alerts.engine.gauges import Moment
from tradeapi.alerts.engine.rows import (
    active_after,
    active_among,
    edited_since,
    positions_of,
    versions_among,
)
from tradeapi.alerts.engine.tracked import Tracked
from tradeapi.alerts.events import ALERTS, KEY, Edited
from tradeapi.bus.port import Bus
from tradeapi.clock import Clock
from tradeapi.database import Database
from tradeapi.leases.lease import Lost
from tradeapi.market.bars.bar_history import BarHistory
from tradeapi.market.live.watches import Watches
from tradeapi.metrics import ALERTS_WATCHED
from tradeapi.notifications.notifier import Notifier
from tradeapi.streams.background import safely

READ_AT_ONCE = 1000
OPENED_AT_ONCE = 200
# Of all alerts of a user; one that repeats beyond it is told a last time, and disabled.
FIRINGS_PER_HOUR = 5000
HOUR = 3600
# Edits whose news was lost are found so often, and clocks may differ by so much.
ASK_EVERY_SECONDS = 2.0
SKEW_SECONDS = 10.0
ASKED_AT_ONCE = 200

_log = structlog.get_logger("tradeapi.alerts")


class AlertEngine:
    """One process at a time runs it: `database` writes only as long as that is this one.

    What it writes last is where it goes on, here or in another process.
    """

    def __init__(  # noqa: PLR0913, PLR0917  what it is joined to
        self,
        database: Database,
        bus: Bus,
        watches: Watches,
        bars: BarHistory,
        notifier: Notifier,
        clock: Clock,
        *,
        lateness: float,
    ) -> None:
        self.lateness = lateness
        self._database = database
        self._bus = bus
        self._watches = watches
        self._bars = bars
        self._clock = clock
        self._notifier = notifier
        self._begin()

    def _begin(self) -> None:
        self._firings = Firings(self._database, self._notifier, self._clock)
        self._tracked: dict[int, Tracked] = {}
        self._alerts: dict[UUID, Armed] = {}
        self._edited: set[UUID] = set()
        self._is_edited = asyncio.Event()
        self._catching_up = CatchingUp(self._database, self._bars, self._clock, self._is_tracked)
        self._tasks = anyio.create_task_group()
        self._asked_at = 0.0
        self._in_turn: list[UUID] = []
        self._hour = -1
        self._fired: Counter[UUID] = Counter()
        self._loaded = anyio.Event()
        self._is_reading = False

    async def run(self) -> None:
        """Until it is cancelled; raises Lost where another process has taken over."""
        self._begin()
        try:
            with ExitStack() as resources:
                resources.enter_context(self._bus.subscribe(ALERTS, self._hear))
                self._bus.follow(ALERTS, KEY)
                resources.callback(self._bus.unfollow, ALERTS, KEY)
                async with self._tasks as tasks:
                    self._asked_at = self._clock.now()
                    await self._load_in_the_end()
                    tasks.start_soon(self._firings.run)
                    tasks.start_soon(self._edit_for_ever)
                    tasks.start_soon(self._ask_for_ever)
        finally:
            for tracked in tuple(self._tracked.values()):
                self._untrack(tracked)
            ALERTS_WATCHED.set(0)
            gc.unfreeze()

    @property
    def is_at_rest(self) -> bool:
        """Whether all alerts are read, and nothing that it knows of is left to be looked at."""
        if not self._loaded.is_set() or self._edited or self._is_reading:
            return False
        return not any(tracked.wants_look for tracked in self._tracked.values())

    # What symbols ask.

    def fire(self, alert: Armed, moment: Moment) -> None:
        tracked = self._tracked[alert.symbol_id]
        alert.count += 1
        alert.fired_at, alert.bar = moment.time, moment.bar
        state = tracked.watch.state
        updated = moment.time if state is None else state.updated
        values = tracked.gauges.values(alert)
        stops = self._is_spent(alert.owner_id) and alert.is_repeating
        self._firings.fire(Firing(alert, alert.count, moment, values, updated, stops))
        if stops or not alert.is_repeating:
            self._disarm(alert)

    def _is_spent(self, owner: UUID) -> bool:
        """Whether alerts of this user have fired more often within the hour than they may."""
        hour = int(self._clock.now() // HOUR)
        if hour != self._hour:
            self._hour, self._fired = hour, Counter()
        self._fired[owner] += 1
        return self._fired[owner] > FIRINGS_PER_HOUR

    def mark(self, alert: Armed) -> None:
        self._firings.mark(alert)

    def move(self, tracked: Tracked) -> None:
        self._firings.move(tracked)

    def look_at(self, tracked: Tracked) -> None:
        if self._catching_up.ask(tracked):
            self._tasks.start_soon(self._look, tracked)

    def lose(self, tracked: Tracked) -> None:
        for alert in [*tracked.alerts.values(), *tracked.arriving]:
            self._alerts.pop(alert.id, None)
        ALERTS_WATCHED.set(len(self._alerts))
        self._untrack(tracked)

    # Alerts come, change and go.

    async def _load_in_the_end(self) -> None:
        while not self._loaded.is_set():
            try:
                await self._load()
                self._loaded.set()
            except Lost:
                raise
            except Exception as error:  # noqa: BLE001  whatever it is, it may be gone the next time
                _log.warning("alerts.not_loaded", error=repr(error))
                await anyio.sleep(ASK_EVERY_SECONDS)

    async def _load(self) -> None:
        alerts: list[Armed] = []
        after: UUID | None = None
        async with self._database.reading() as session:
            while found := await active_after(session, after, READ_AT_ONCE):
                alerts += found
                after = found[-1].id
        seen = _seen(alerts)
        for start in range(0, len(alerts), READ_AT_ONCE):
            await self._arm(alerts[start : start + READ_AT_ONCE], seen)
            # Going through all of them for garbage again and again would hold up the loop for long.
            gc.freeze()
        self._go_on([*self._tracked])
        _log.info("alerts.loaded", alerts=len(self._alerts), symbols=len(self._tracked))

    async def _arm(self, alerts: Sequence[Armed], seen: Collection[int]) -> None:
        """Watch these, in place of what is watched of the same; `seen` are the symbols of which
        it matters where they stand.
        """
        symbols = {alert.symbol_id: alert.symbol for alert in alerts}
        tried: set[int] = set()
        # One that was tracked may have ended while others were opened.
        while new := symbols.keys() - self._tracked.keys() - tried:
            some = sorted(new)[:OPENED_AT_ONCE]
            tried.update(some)
            await self._track({id: symbols[id] for id in some}, seen)
        now = self._clock.now()
        for alert in alerts:
            known = self._alerts.get(alert.id)
            if known is not None and known.version == alert.version:
                continue
            if known is not None and known.is_edited(alert):
                known.edit(alert)
                self._firings.mark(known)
                continue
            if known is not None:
                self._disarm(known)
            tracked = self._tracked.get(alert.symbol_id)
            if tracked is None:
                continue
            self._alerts[alert.id] = alert
            tracked.add(alert, now)
        ALERTS_WATCHED.set(len(self._alerts))
        await checkpoint()

    def _go_on(self, symbol_ids: Iterable[int]) -> None:
        """Once all alerts on them are there: who comes later has missed what is gone through."""
        now = self._clock.now()
        for id in symbol_ids:
            if (tracked := self._tracked.get(id)) is not None and tracked.is_behind:
                tracked.begin(now)

    async def _track(self, symbols: dict[int, str], seen: Collection[int]) -> None:
        async with self._database.reading() as session:
            positions = await positions_of(session, symbols.keys() & seen)
        watches = await self._watches.open_many([*symbols.values()])
        for symbol, watch in watches.items():
            id = watch.listing.id
            if id in self._tracked or symbols.get(id) != symbol:
                self._watches.close(watch)
                continue
            tracked = Tracked(watch, self, positions.get(id, Position()))
            self._tracked[id] = tracked
            watch.followers[tracked] = None

    def _disarm(self, alert: Armed) -> None:
        if self._alerts.get(alert.id) is alert:
            del self._alerts[alert.id]
            ALERTS_WATCHED.set(len(self._alerts))
        tracked = self._tracked.get(alert.symbol_id)
        if tracked is None:
            return
        tracked.leave(alert)
        if not tracked.alerts and not tracked.arriving:
            self._idle(tracked)

    def _idle(self, tracked: Tracked) -> None:
        """Others may come to it this moment."""

        def end() -> None:
            if not tracked.alerts and not tracked.arriving:
                self._untrack(tracked)

        asyncio.get_running_loop().call_soon(end)

    def _untrack(self, tracked: Tracked) -> None:
        id = tracked.watch.listing.id
        if self._tracked.get(id) is tracked:
            del self._tracked[id]
            tracked.watch.followers.pop(tracked, None)
            self._watches.close(tracked.watch)

    def _hear(self, edited: Edited) -> None:
        self._edited.update(edited.ids)
        self._is_edited.set()

    async def _edit_for_ever(self) -> Never:
        while True:
            await self._is_edited.wait()
            self._is_edited.clear()
            edited, self._edited = self._edited, set()
            self._is_reading = True
            try:
                await self._reread(edited)
            except Lost:
                raise
            except Exception as error:  # noqa: BLE001  whatever it is, it may be gone the next time
                _log.warning("alerts.not_read", error=repr(error))
                self._edited |= edited
                self._is_edited.set()
                await anyio.sleep(ASK_EVERY_SECONDS)
            finally:
                self._is_reading = False

    async def _reread(self, ids: Iterable[UUID]) -> None:
        wanted = sorted(ids)
        for start in range(0, len(wanted), READ_AT_ONCE):
            chosen = wanted[start : start + READ_AT_ONCE]
            async with self._database.reading() as session:
                found = await active_among(session, chosen)
            for id in set(chosen) - {alert.id for alert in found}:
                known = self._alerts.get(id)
                if known is not None:
                    self._disarm(known)
            await self._arm(found, _seen(found))
            self._go_on({alert.symbol_id for alert in found})

    async def _ask_for_ever(self) -> Never:
        """Learn of edits whose news was lost, and of what was not as it was taken to be."""
        while True:
            await anyio.sleep(ASK_EVERY_SECONDS)
            await safely("alerts.not_asked", self._ask)

    async def _ask(self) -> None:
        since, now = self._asked_at - SKEW_SECONDS, self._clock.now()
        some = self._some()
        async with self._database.reading() as session:
            edited = await edited_since(session, since)
            active = await versions_among(session, some)
        outdated, self._firings.outdated = self._firings.outdated, []
        unknown = [
            id
            for id, version in edited
            if (known := self._alerts.get(id)) is None or known.version != version
        ]
        others = [
            id
            for id in some
            if (known := self._alerts.get(id)) is not None and known.version != active.get(id)
        ]
        self._asked_at = now
        self._edited.update(unknown, outdated, others)
        if self._edited:
            self._is_edited.set()

    def _some(self) -> Sequence[UUID]:
        """The next few in their turn: nothing tells of those that went with their owner."""
        if not self._in_turn:
            self._in_turn = [*self._alerts]
        some, self._in_turn = self._in_turn[:ASKED_AT_ONCE], self._in_turn[ASKED_AT_ONCE:]
        return some

    async def _look(self, tracked: Tracked) -> None:
        await self._loaded.wait()
        await self._catching_up.look(tracked)

    def _is_tracked(self, tracked: Tracked) -> bool:
        return self._tracked.get(tracked.watch.listing.id) is tracked


def _seen(alerts: Iterable[Armed]) -> Collection[int]:
    """The symbols on which others than new ones are."""
    return {alert.symbol_id for alert in alerts if not alert.is_new}
