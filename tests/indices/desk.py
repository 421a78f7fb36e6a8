"""A market with indices, without HTTP: the same parts that the application joins."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import numpy as np
from sqlalchemy import select

from tests.market.places import Market, flat
from tradeapi.analytics.adjustments import Kind
from tradeapi.clock import FixedClock
from tradeapi.database import Database, raw
from tradeapi.indices.building.build import Builder
from tradeapi.indices.building.requests import NAME
from tradeapi.indices.models import IndexBuild
from tradeapi.indices.packing import COLUMNS, Held
from tradeapi.indices.schemas import IndexIn, Rules
from tradeapi.indices.service import Indices
from tradeapi.jobs.opening import jobs_of
from tradeapi.jobs.port import Job, NewJob
from tradeapi.market.resolutions import Resolution
from tradeapi.market.symbols.actions import Actions, Term
from tradeapi.market.symbols.service import UNDATED, Symbols
from tradeapi.notifications.notifier import Notifier
from tradeapi.tracked.progress import Progress, begin
from tradeapi.tracked.service import TrackedJobs
from tradeapi.web.preconditions import Precondition

DAY = 86400
NAN = float("nan")
# A Thursday: as good a first session as any.
DAY_ZERO = 19_000 * DAY


class Desk(Market):
    """Its market never closes, so that every day is a session; today is far ahead."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, FixedClock(DAY_ZERO + 10_000 * DAY))
        self.jobs = jobs_of(database, self.clock)
        self.owner: UUID | None = None
        notifier = Notifier(self.jobs, self.bus, self.clock, {})
        self.builder = Builder(database, self.bus, self.store, self.calendars, notifier, self.clock)

    async def stock(
        self,
        symbol: str,
        closes: Sequence[float],
        *,
        shares: float | Mapping[int, float] | None = None,
        actions: Sequence[tuple[int, Kind, float]] = (),
        **fields: Any,
    ) -> None:
        """A stock that closed at these prices, NaN for none, from session 0 on; `shares` and
        `actions` by session, one figure is undated."""
        listing = await self.add(symbol, **fields)
        rows = [
            flat(day_of(place), close) for place, close in enumerate(closes) if not np.isnan(close)
        ]
        await self.write(listing, Resolution.DAY, rows)
        figures = shares if isinstance(shares, Mapping) else {}
        dated = [(symbol, date_of(place), value) for place, value in figures.items()]
        if isinstance(shares, int | float):
            dated = [(symbol, UNDATED, float(shares))]
        async with self.database.transaction() as session:
            await Symbols(session).set_shares(dated)
            if actions:
                terms = [Term(date_of(place), kind, value) for place, kind, value in actions]
                await Actions(session, self.store).merge(listing, terms)

    async def define(self, code: str, **rules: Any) -> None:
        """Of `owner`."""
        new = IndexIn.model_validate({"code": code, **rules})
        async with self.database.transaction() as session:
            await Indices(session, self.calendars, self.clock.now()).create(new, self.owner)
        self.directory.clear()

    async def redefine(self, code: str, **rules: Any) -> None:
        async with self.database.transaction() as session:
            indices = Indices(session, self.calendars, self.clock.now())
            await indices.replace(code, Rules.model_validate(rules), Precondition(None))

    async def build(
        self, code: str, start: int | None = None, end: int | None = None, **options: Any
    ) -> Mapping[str, Any] | None:
        """From session to session; the result of its job."""
        job, progress = await self.asked(code, start, end, **options)
        async with progress.told():
            return await self.builder.work(job, progress)

    async def asked(
        self, code: str, start: int | None, end: int | None, *, is_gated: bool = False
    ) -> tuple[Job, Progress]:
        payload = {
            "code": code,
            "start": None if start is None else date_of(start).isoformat(),
            "end": None if end is None else date_of(end).isoformat(),
            "is_gated": is_gated,
        }
        async with self.database.transaction() as session:
            tracked = TrackedJobs(session, self.jobs, self.bus, None, self.clock.now())
            id = (await tracked.start(NewJob(name=NAME, payload=payload), subject=code)).id
        progress = await begin(self.database, self.bus, self.clock, id)
        assert progress is not None
        return Job(id=str(id), name=NAME, payload=payload, attempt=1), progress

    async def sessions(self, code: str) -> list[Held]:
        """What is published."""
        async with self.database.read() as connection:
            rows = await connection.fetch(
                f"SELECT {COLUMNS} FROM index_sessions WHERE NOT is_staged AND index_id = "  # noqa: S608
                "(SELECT id FROM indices WHERE code = $1) ORDER BY day",
                code,
            )
        return [Held.of(row) for row in rows]

    async def levels(self, code: str) -> list[float]:
        return [held.level for held in await self.sessions(code)]

    async def staged(self) -> int:
        async with self.database.read() as connection:
            rows = await connection.fetch("SELECT COUNT(*) FROM index_sessions WHERE is_staged")
        return int(rows[0][0])

    async def builds(self) -> list[IndexBuild]:
        async with self.database.reading() as session:
            return [*await session.scalars(select(IndexBuild).order_by(IndexBuild.id))]

    async def execute(self, sql: str, *arguments: object) -> None:
        async with self.database.transaction() as session:
            await (await raw(session)).execute(sql, *arguments)


async def golden(desk: Desk) -> None:
    for symbol, stock in GOLDEN.items():
        await desk.stock(symbol, **stock)


def day_of(place: int) -> int:
    return DAY_ZERO + place * DAY


def date_of(place: int) -> date:
    return date.fromordinal(date(1970, 1, 1).toordinal() + day_of(place) // DAY)


# The five stocks of the worked example.
GOLDEN: Mapping[str, Mapping[str, Any]] = {
    "US:A": {
        "closes": [10, 11, 11.55, 5.544, 5.71032, 5.6532168],
        "shares": 100,
        "actions": [(3, "split", 2.0)],
    },
    "US:B": {
        "closes": [4, 4, 3.92, 3.92, 4.116],
        "shares": 200,
        "actions": [(2, "dividend", 0.08)],
        "listed_to": date_of(5),
    },
    "US:C": {"closes": [12, 11.4, 11.4, 13.2, NAN, 12.54], "shares": {0: 50}},
    "US:D": {"closes": [1, 1.5, 1.56, 1.638, 1.6, 1.648], "shares": 400},
    "US:E": {"closes": [20] * 6, "shares": 10},
}
