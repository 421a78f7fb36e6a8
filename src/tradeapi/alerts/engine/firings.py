"""What the engine has found out, written in one transaction with what users are told of it."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from time import monotonic
from typing import Never
from uuid import UUID

import anyio
import structlog
from sqlalchemy.exc import StatementError

from tradeapi.alerts.engine.armed import Armed, Standing
from tradeapi.alerts.engine.gauges import Moment
from tradeapi.alerts.engine.rows import put_firings, put_positions, put_states, standings_of
from tradeapi.alerts.engine.tracked import Tracked
from tradeapi.alerts.schemas import Status
from tradeapi.alerts.wording import title_of
from tradeapi.clock import Clock
from tradeapi.database import Database
from tradeapi.leases.lease import Lost
from tradeapi.metrics import ALERT_LAG, ALERTS_FIRED
from tradeapi.notifications.notices import Channel, Notice
from tradeapi.notifications.notifier import Notifier

# What fires nothing is written so often: so much is evaluated again after a crash.
EVERY_SECONDS = 1.0
RETRY_SECONDS = 0.5
STOPS = " Your alerts fire too often: this one is disabled."
# What PostgreSQL says of values that it does not take.
DATA = "22"

_log = structlog.get_logger("tradeapi.alerts")


@dataclass(frozen=True, slots=True)
class Firing:
    """The `number`th of an alert; `updated` is when what led to it was committed.

    `stops`: alerts of its owner fire too often, and this one is disabled.
    """

    alert: Armed
    number: int
    moment: Moment
    values: Sequence[float | None]
    updated: float
    stops: bool = False

    def notice(self) -> Notice:
        alert, moment = self.alert, self.moment
        title = title_of(alert.symbol, alert.documents, is_all=alert.is_all)
        why = STOPS if self.stops else ""
        return Notice(
            user_id=alert.owner_id,
            key=f"alert:{alert.id}:{self.number}",
            type="alert.fired",
            title=title,
            text=f"{alert.symbol} is at {moment.close:.12g}.{why}\n{alert.note}".strip(),
            data={
                "alert_id": str(alert.id),
                "symbol": alert.symbol,
                "price": moment.close,
                "conditions": alert.documents,
                "values": [one if one is None or isfinite(one) else None for one in self.values],
                "match": "all" if alert.is_all else "any",
                "number": self.number,
                "note": alert.note,
                "bar": moment.bar,
                "late": moment.is_late,
                "disabled": self.stops,
            },
            # A newer release may have others.
            channels=frozenset(one for one in Channel if one in alert.channels),
            time=moment.time,
        )

    def row(self, state: str, standing: Standing, now: float) -> dict[str, object]:
        status = Status.ACTIVE if standing.is_repeating else Status.FIRED
        status = Status.DISABLED if self.stops else status
        return {
            "of": self.alert.id,
            "status": status.value,
            "version": standing.version + 1,
            "state": state,
            "fired_count": self.number,
            "fired_at": self.moment.time,
            "fired_price": self.moment.close,
            "fired_bar": self.moment.bar,
            "updated_at": now,
        }


class Firings:
    """Everything up to some moment together, so that whoever goes on later goes on from there."""

    def __init__(self, database: Database, notifier: Notifier, clock: Clock) -> None:
        self._database = database
        self._notifier = notifier
        self._clock = clock
        self._fired: list[Firing] = []
        self._marked: dict[Armed, None] = {}
        self._moved: dict[Tracked, None] = {}
        self._due = asyncio.Event()
        # Those that turned out to be others when they fired.
        self.outdated: list[UUID] = []

    def fire(self, firing: Firing) -> None:
        self._fired.append(firing)
        self._due.set()

    def mark(self, alert: Armed) -> None:
        self._marked[alert] = None

    def move(self, tracked: Tracked) -> None:
        self._moved[tracked] = None

    async def run(self) -> Never:
        written = monotonic()
        while True:
            with anyio.move_on_after(max(0.0, written + EVERY_SECONDS - monotonic())):
                await self._due.wait()
            try:
                await self.write()
            except Lost:
                raise
            except Exception as error:  # noqa: BLE001  whatever it is, what was found stays found
                _log.warning("alerts.not_written", error=repr(error))
                await anyio.sleep(RETRY_SECONDS)
            written = monotonic()

    async def write(self) -> None:
        """All there is, or nothing."""
        self._due.clear()
        fired, self._fired = self._fired, []
        marked, self._marked = self._marked, {}
        moved, self._moved = self._moved, {}
        if not (fired or marked or moved):
            return
        try:
            # SQLite's thread would go on by itself.
            with anyio.CancelScope(shield=True):
                try:
                    await self._write(fired, [*marked], [*moved])
                except Exception as error:
                    if not _is_of_what_is_written(error):
                        raise
                    await self._write_apart(fired)
                    await self._write([], [*marked], [*moved])
        except BaseException:
            self._fired = fired + self._fired
            self._marked = marked | self._marked
            self._moved = moved | self._moved
            if self._fired:
                self._due.set()
            raise

    async def _write_apart(self, fired: list[Firing]) -> None:
        """One by one, those that nobody can be told of left out; they would hold up all others."""
        while fired:
            firing = fired[0]
            try:
                await self._write([firing], [firing.alert], [])
            except Exception as error:
                if not _is_of_what_is_written(error):
                    raise
                _log.exception("alerts.not_told", alert=str(firing.alert.id))
            del fired[0]

    async def _write(
        self, fired: Sequence[Firing], marked: Sequence[Armed], moved: Sequence[Tracked]
    ) -> None:
        # As they are now, whatever comes while this is written.
        marks = {alert: alert.marks for alert in marked}
        positions = [
            (one.watch.listing.id, replace(one.position, closed=dict(one.position.closed)))
            for one in moved
        ]
        versions = {alert: alert.version for alert in marked}
        now = self._clock.now()
        standings: Mapping[UUID, Standing] = {}
        async with self._database.transaction() as session:
            if fired:
                standings = await standings_of(session, {firing.alert.id for firing in fired})
            good = [one for one in fired if one.alert.is_armed_at(standings.get(one.alert.id))]
            newest = {firing.alert: firing for firing in good}
            if newest:
                rows = [
                    firing.row(marks[alert], standings[alert.id], now)
                    for alert, firing in newest.items()
                ]
                await put_firings(session, rows)
                await self._notifier.notify(session, [firing.notice() for firing in good])
            states = [
                (alert.id, versions[alert], state)
                for alert, state in marks.items()
                if alert not in newest and state != alert.state
            ]
            await put_states(session, states)
            await put_positions(session, positions)
        # Some may have been read again meanwhile.
        for alert, state in marks.items():
            if alert.version == versions[alert]:
                alert.state = state
        for alert in {firing.alert for firing in fired}:
            if alert in newest and alert.version == standings[alert.id].version:
                alert.version += 1
            else:
                self.outdated.append(alert.id)
        ALERTS_FIRED.inc(len(good))
        for firing in good:
            if not firing.moment.is_late:
                ALERT_LAG.observe(max(0.0, self._clock.now() - firing.updated))


def _is_of_what_is_written(error: Exception) -> bool:
    """Whether it would fail again, and again; else it is the database that can't be written to."""
    cause = error.orig if isinstance(error, StatementError) else error
    if isinstance(cause, ArithmeticError | LookupError | TypeError | ValueError):
        return True
    return str(getattr(cause, "sqlstate", None) or "").startswith(DATA)
