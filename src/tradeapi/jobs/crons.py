"""A job for each tick of the crons, whoever notices it first.

The tick is taken and its job is written in one transaction: so no two processes write it, and none
dies in between.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Never

import anyio
import structlog
from croniter import croniter
from sqlalchemy import text

from tradeapi.clock import Clock
from tradeapi.database import Database
from tradeapi.jobs.port import Cron, Handler, Job, Jobs, NewJob

LOOK_SECONDS = 1.0

_log = structlog.get_logger("tradeapi.jobs")


class Crons:
    def __init__(self, crons: Sequence[Cron], jobs: Jobs, database: Database, clock: Clock) -> None:
        self._crons = crons
        self._jobs = jobs
        self._database = database
        self._clock = clock
        self._known: dict[str, float] = {}

    def handlers(self) -> dict[str, Handler]:
        return {_job_name(cron): _handler(cron) for cron in self._crons}

    async def run(self) -> Never:
        is_away = False
        while True:
            try:
                await self.look()
                is_away = False
            except Exception as error:  # noqa: BLE001  whatever it is, the tick is still there
                if not is_away:
                    _log.warning("crons.away", error=repr(error))
                is_away = True
            await anyio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Have done what is due by now."""
        now = self._clock.now()
        for cron in self._crons:
            tick = latest(cron.expression, now)
            if tick > self._known.get(cron.name, 0.0):
                await self._take(cron, tick)
                self._known[cron.name] = tick

    async def _take(self, cron: Cron, tick: float) -> None:
        name = _job_name(cron)
        async with self._database.transaction() as session:
            taken = await session.execute(_TAKE, {"name": cron.name, "tick": tick})
            if taken.first() is not None:
                await self._jobs.enqueue(session, NewJob(name=name, payload={}, key=name))


def latest(expression: str, now: float) -> float:
    """The last tick until now; raises ValueError for what is no expression."""
    after = datetime.fromtimestamp(int(now) + 1, UTC)
    return float(croniter(expression, after).get_prev(float))


def every(minutes: int) -> str:
    """An expression for at least that often."""
    if minutes < 60:
        return f"*/{minutes} * * * *"
    return f"0 */{minutes // 60} * * *" if minutes < 24 * 60 else "0 0 * * *"


def _job_name(cron: Cron) -> str:
    return f"cron:{cron.name}"


def _handler(cron: Cron) -> Handler:
    async def work(_: Job) -> None:
        await cron.work()

    return work


_TAKE = text(
    "INSERT INTO crons (name, tick) VALUES (:name, :tick) ON CONFLICT (name) "
    "DO UPDATE SET tick = excluded.tick WHERE crons.tick < excluded.tick RETURNING tick"
)
