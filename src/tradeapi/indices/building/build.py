"""Builds an index: a stretch of sessions at a time, until all of them are published at once.

What it has come to is staged, so that one whose process has died goes on from there, and nobody
sees a part of it. The same is done twice without harm.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from itertools import islice
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np
from anyio import to_thread
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from tradeapi.analytics.bars import Int64Array
from tradeapi.analytics.indices.basket import Basket
from tradeapi.analytics.indices.engine import Engine, Unbuildable
from tradeapi.analytics.indices.panel import Panel
from tradeapi.bus.port import Bus
from tradeapi.clock import Clock
from tradeapi.database import Database
from tradeapi.errors import Conflict, Invalid
from tradeapi.indices.building import gate, level_bars, staging
from tradeapi.indices.building.data import Ground, ground_of, happened, holding
from tradeapi.indices.building.gate import Finding
from tradeapi.indices.building.panels import Panels, stretches
from tradeapi.indices.building.plan import Plan, planned
from tradeapi.indices.building.rates import rates_before
from tradeapi.indices.events import Changed, announce
from tradeapi.indices.models import IndexBuild, IndexDefinition
from tradeapi.indices.packing import Held, packed
from tradeapi.indices.service import symbol_of
from tradeapi.jobs.port import Job
from tradeapi.market.calendars.days import date_at
from tradeapi.market.calendars.registry import Calendars
from tradeapi.market.store.bar_store import BarStore
from tradeapi.market.store.book import SymbolFacts
from tradeapi.notifications.notices import Notice
from tradeapi.notifications.notifier import Notifier
from tradeapi.tracked.progress import Cancelled, Progress

# The bars of constituents are looked at one by one where so few sessions are new.
_FEW_SESSIONS = 5
# What is held by an index of so many symbols over so many sessions takes 100 MB.
_CELLS_AT_ONCE = 1_000_000
# Others have their turn in between.
_ROWS_AT_ONCE = 200


class Builder:
    """What a process needs to build indices; `work` is that of the job `indices.build`.

    Its payload is `code`, `start` and `end` as ISO dates or null, and `is_gated`: whether data that
    does not pass keeps it from being published.
    """

    def __init__(  # noqa: PLR0913, PLR0917  they are what it has
        self,
        database: Database,
        bus: Bus,
        store: BarStore,
        calendars: Calendars,
        notifier: Notifier,
        clock: Clock,
    ) -> None:
        self._database = database
        self._bus = bus
        self._store = store
        self._calendars = calendars
        self._notifier = notifier
        self._clock = clock

    async def work(self, job: Job, progress: Progress) -> Mapping[str, Any] | None:
        payload = job.payload
        ground = await ground_of(self._database, self._calendars, payload["code"])
        async with self._database.reading() as session:
            plan = await planned(
                session,
                ground.index,
                ground.universe,
                ground.calendar,
                now=self._clock.now(),
                start=_date(payload["start"]),
                end=_date(payload["end"]),
            )
        build = await self._begun(progress.id, ground, plan)
        run = _Run(self._database, ground, plan, build)
        try:
            findings = await run.through(progress)
            if findings and payload["is_gated"]:
                return await self._hold(ground, progress, findings)
            return await self._publish(ground, plan, run, findings, progress)
        except Cancelled:
            await self._end(ground, progress, "cancelled")
            raise
        except (Invalid, Conflict) as error:
            await self._end(ground, progress, "failed", str(error))
            raise
        except Exception:
            if job.is_last_try:
                await self._end(ground, progress, "failed", "Something went wrong on our side.")
            raise

    async def _begun(self, id: UUID, ground: Ground, plan: Plan) -> IndexBuild:
        """The build of this job; what another one has left is gone."""
        async with self._database.transaction() as session:
            build = await session.get(IndexBuild, id)
            if build is not None and build.methodology == ground.hash:
                return build
            await staging.drop(session, ground.index.id)
            await session.execute(_LEFT.where(IndexBuild.index_id == ground.index.id))
            if build is not None:
                await session.delete(build)
                await session.flush()
            build = IndexBuild(
                id=id,
                index_id=ground.index.id,
                status="running",
                start_day=int(plan.days[0]),
                end_day=int(plan.days[-1]),
                sessions=len(plan.days),
                methodology=ground.hash,
                cut_off=round(self._clock.now(), 3),
                findings=[],
                created_at=round(self._clock.now(), 3),
            )
            session.add(build)
        return build

    async def _hold(
        self, ground: Ground, progress: Progress, findings: Sequence[Finding]
    ) -> Mapping[str, Any]:
        """Nothing is published, and whoever the index belongs to is told why."""
        told = [dict(finding.document()) for finding in findings]
        first = findings[0]
        about = f"{first.symbol}: {first.detail}" if first.symbol else first.detail
        detail = f"There are {len(findings)} findings in its data. {about}"
        await self._end(ground, progress, "held", detail, told)
        return {"code": ground.index.code, "status": "held", "findings": told}

    async def _end(
        self,
        ground: Ground,
        progress: Progress,
        status: str,
        detail: str | None = None,
        findings: Sequence[dict[str, Any]] = (),
    ) -> None:
        """What is published stays; the owner is told what is wrong, once for each session."""
        code, owner = ground.index.code, ground.index.owner_id
        now = round(self._clock.now(), 3)
        async with self._database.transaction() as session:
            build = await session.get(IndexBuild, progress.id)
            if build is None or await progress.is_others(session):
                return
            build.status, build.finished_at, build.findings = status, now, list(findings)
            await staging.drop(session, build.index_id)
            if owner is None or detail is None:
                return
            notice = Notice(
                user_id=owner,
                key=f"index.{status}:{code}:{build.end_day}",
                type=f"index.{status}",
                title=f"{code} was not published",
                text=detail,
                data={"code": code, "build": str(progress.id), "findings": build.findings},
                channels=frozenset(),
                time=now,
            )
            await self._notifier.notify(session, [notice])

    async def _publish(
        self,
        ground: Ground,
        plan: Plan,
        run: "_Run",
        findings: Sequence[Finding],
        progress: Progress,
    ) -> Mapping[str, Any]:
        async with self._database.transaction() as session:
            index = await self._locked(session, ground)
            levels = await staging.levels(session, index.id)
            if not levels:
                raise Invalid("No session has a constituent.", code="unbuildable")
            first_dropped = -(2**62) if plan.is_anew else levels[0][0]
            await staging.publish(session, index.id, first_dropped)
            facts = SymbolFacts(index.symbol_id, symbol_of(index.code), ground.calendar)
            await level_bars.write(session, self._store, facts, levels, is_anew=plan.is_anew)
            build = await session.get_one(IndexBuild, run.build.id)
            index.revision += 1
            if plan.is_anew:
                index.first_day = levels[0][0]
                index.is_static = run.is_static
            index.is_static = bool(index.is_static or run.is_static)
            index.last_day = levels[-1][0]
            index.methodology = ground.hash
            index.cut_off = build.cut_off
            index.built_at = build.finished_at = round(self._clock.now(), 3)
            build.status, build.revision, build.is_static = (
                "published",
                index.revision,
                run.is_static,
            )
            build.start_day, build.sessions = levels[0][0], len(levels)
            build.findings = [dict(finding.document()) for finding in findings]
            result = {
                "code": index.code,
                "status": "published",
                "revision": index.revision,
                "start": date_at(levels[0][0]).isoformat(),
                "end": date_at(levels[-1][0]).isoformat(),
                "sessions": len(levels),
                "findings": build.findings,
            }
            change = Changed(code=index.code, version=index.version, revision=index.revision)
            announce(session, self._bus, change)
            await session.flush()
            await progress.finish(session, result)
        return result

    @staticmethod
    async def _locked(session: AsyncSession, ground: Ground) -> IndexDefinition:
        """The index, if it has the rules that were built; raises Conflict."""
        chosen = select(IndexDefinition).where(IndexDefinition.id == ground.index.id)
        index = await session.scalar(chosen.with_for_update())
        if index is None or index.version != ground.index.version:
            detail = f"{ground.index.code} was changed while it was built."
            raise Conflict(detail, code="index_changed")
        return index


class _Run:
    """The sessions of a plan, one after the other."""

    def __init__(self, database: Database, ground: Ground, plan: Plan, build: IndexBuild) -> None:
        self.build = build
        self.is_static = bool(build.is_static)
        self._database = database
        self._ground = ground
        self._plan = plan

    async def through(self, progress: Progress) -> Sequence[Finding]:
        """Stage all that are not staged yet; what is odd in the data of all."""
        days, held = await self._remaining()
        findings = dict.fromkeys(map(Finding.of, self.build.findings))
        if not len(days):
            return [*findings]
        plan = self._plan
        ids = () if held is None else held.ids.tolist()
        ground = await holding(self._database, self._ground, ids)
        known = ground.before(int(days[0]))
        start = int(known[0]) if len(known) else int(days[0])
        events = await happened(self._database, ground, start)
        rates = await rates_before(self._database, ground, start)
        currency = ground.rules.currency
        panels = Panels(self._database, ground.universe, events, ground.converters, currency, rates)
        before = None if held is None else held.basket(ground.universe.places(held.ids))
        engine = Engine(
            ground.methodology,
            len(ground.universe),
            before,
            waits=plan.waits,
            left=ground.left,
        )
        if before is not None:
            findings |= dict.fromkeys(gate.gone(ground.universe, before, int(days[0])))
        done = len(plan.days) - len(days)
        static = events.static
        for stretch in stretches(days):
            wanted = np.concatenate([known, stretch])
            panel = await panels.panel(wanted, ground.following(int(stretch[-1])))
            await to_thread.run_sync(engine.observe, panel.part(0, len(known)))
            for part, lead in _portions(panel, len(known)):
                built = await to_thread.run_sync(_built, engine, ground, part, lead)
                self.is_static = self.is_static or _is_static(static, built.baskets)
                findings |= dict.fromkeys(built.findings)
                if len(plan.days) <= _FEW_SESSIONS:
                    async with self._database.read() as connection:
                        unsound = await gate.unsound(connection, ground.universe, built.baskets)
                    findings |= dict.fromkeys(unsound)
                await self._note([*findings][: gate.MOST_FINDINGS])
                await self._stage(built.rows)
                done += len(part) - lead
                last = date_at(int(part.days[-1]))
                await progress.report(0.95 * done / len(plan.days), f"Built up to {last}")
            known = np.empty(0, np.int64)
        return [*findings][: gate.MOST_FINDINGS]

    async def _remaining(self) -> tuple[Int64Array, Held | None]:
        """The sessions that are not staged yet, and what they follow."""
        days, index = self._plan.days, self._ground.index
        async with self._database.read() as connection:
            held = await staging.last(connection, index.id)
            if held is None and not self._plan.is_anew:
                held = await staging.before(connection, index.id, int(days[0]))
        return (days if held is None else days[days > held.day]), held

    async def _note(self, findings: Sequence[Finding]) -> None:
        """Ahead of what they are about, so that a build that goes on from there knows of them."""
        told = [dict(finding.document()) for finding in findings]
        written = update(IndexBuild).where(IndexBuild.id == self.build.id)
        async with self._database.transaction() as session:
            await session.execute(written.values(findings=told, is_static=self.is_static))

    async def _stage(self, rows: Sequence[tuple[object, ...]]) -> None:
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            async with self._database.transaction() as session:
                some = rows[start : start + _ROWS_AT_ONCE]
                await staging.put(session, self._ground.index.id, some)


class _Built(NamedTuple):
    """Of a stretch: the baskets, as rows too, and what is odd in their data."""

    baskets: Sequence[Basket]
    rows: Sequence[tuple[object, ...]]
    findings: Sequence[Finding]


def _portions(panel: Panel, known: int) -> Iterator[tuple[Panel, int]]:
    """The sessions that are built, not too many at a time, each part with the session before it if
    there is one: then its lead is 1."""
    at_once = max(_CELLS_AT_ONCE // panel.close.shape[1], 1)
    for low in range(known, len(panel), at_once):
        start = max(low - 1, 0)
        yield panel.part(start, min(low + at_once, len(panel))), low - start


def _built(engine: Engine, ground: Ground, panel: Panel, lead: int) -> _Built:
    """In a thread; all but the first `lead` sessions are built. Raises Invalid."""
    before = engine.basket
    try:
        baskets = list(engine.run(panel.part(lead, len(panel))))
    except Unbuildable as error:
        detail = f"{date_at(error.day)}: {error}"
        raise Invalid(detail, code="unbuildable") from error
    universe = ground.universe
    found = gate.found(universe, panel, before, baskets, carry=ground.methodology.carry)
    rows = [packed(basket, universe.ids) for basket in baskets]
    return _Built(baskets, rows, list(islice(found, gate.MOST_FINDINGS)))


# Builds whose process has died, and whose job was given up.
_LEFT = update(IndexBuild).where(IndexBuild.status == "running").values(status="failed")


def _is_static(static: frozenset[int], baskets: Sequence[Basket]) -> bool:
    """Whether anybody is in whose shares are undated."""
    return any(not static.isdisjoint(basket.members.tolist()) for basket in baskets)


def _date(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
