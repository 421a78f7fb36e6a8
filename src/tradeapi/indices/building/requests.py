"""How a build is asked for."""

from datetime import date

from tradeapi.database import Database
from tradeapi.indices.building.data import ground_of
from tradeapi.indices.building.plan import Plan, planned
from tradeapi.jobs.port import NewJob
from tradeapi.market.calendars.registry import Calendars

NAME = "indices.build"


def build_job(
    code: str, start: date | None = None, end: date | None = None, *, is_gated: bool = False
) -> NewJob:
    """For `TrackedJobs.start`: of one index there is one at a time.

    Data that does not pass keeps a build that `is_gated` from being published.
    """
    payload = {
        "code": code,
        "start": None if start is None else start.isoformat(),
        "end": None if end is None else end.isoformat(),
        "is_gated": is_gated,
    }
    return NewJob(name=NAME, payload=payload, key=f"index:{code}")


async def foreseen(  # noqa: PLR0913, PLR0917  they are what it takes
    database: Database,
    calendars: Calendars,
    now: float,
    code: str,
    start: date | None,
    end: date | None,
) -> Plan:
    """What such a build would go through; raises NotFound, and Invalid for what cannot be built."""
    ground = await ground_of(database, calendars, code)
    async with database.reading() as session:
        return await planned(
            session,
            ground.index,
            ground.universe,
            ground.calendar,
            now=now,
            start=start,
            end=end,
        )
