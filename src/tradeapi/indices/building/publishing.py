"""How what is staged becomes the next revision: sessions and bars at once."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from tradeapi.bus.port import Bus
from tradeapi.clock import Clock
from tradeapi.database import Database
from tradeapi.errors import Conflict, Invalid
from tradeapi.indices.building import level_bars, staging
from tradeapi.indices.building.data import Ground
from tradeapi.indices.building.gate import Finding
from tradeapi.indices.building.plan import Plan
from tradeapi.indices.building.running import Run
from tradeapi.indices.events import Changed, announce
from tradeapi.indices.models import IndexBuild, IndexDefinition
from tradeapi.indices.service import symbol_of
from tradeapi.market.calendars.days import date_at
from tradeapi.market.store.bar_store import BarStore
from tradeapi.market.store.book import SymbolFacts
from tradeapi.tracked.progress import Progress

_BEFORE_ALL = -(2**62)


class Publishing:
    def __init__(self, database: Database, bus: Bus, store: BarStore, clock: Clock) -> None:
        self._database = database
        self._bus = bus
        self._store = store
        self._clock = clock

    async def publish(
        self, ground: Ground, plan: Plan, run: Run, findings: Sequence[Finding], progress: Progress
    ) -> Mapping[str, Any]:
        """In one transaction, in which its job succeeds as well. Raises Invalid, and Conflict."""
        async with self._database.transaction() as session:
            index = await _locked(session, ground)
            levels = await staging.levels(session, index.id)
            if not levels:
                raise Invalid("No session has a constituent.", code="unbuildable")
            first, last = levels[0][0], levels[-1][0]
            await staging.publish(session, index.id, _BEFORE_ALL if plan.is_anew else first)
            facts = SymbolFacts(index.symbol_id, symbol_of(index.code), ground.calendar)
            await level_bars.write(session, self._store, facts, levels, is_anew=plan.is_anew)

            build = await session.get_one(IndexBuild, run.build.id)
            index.revision += 1
            if plan.is_anew:
                index.first_day, index.is_static = first, False
            index.is_static = bool(index.is_static or run.is_static)
            index.last_day = last
            index.methodology = ground.hash
            index.cut_off = build.cut_off
            index.built_at = build.finished_at = round(self._clock.now(), 3)
            build.status, build.revision = "published", index.revision
            # An index may begin later than what was asked for, and be gone on with a session later.
            build.start_day, build.end_day, build.sessions = first, last, len(levels)
            build.is_static = run.is_static
            build.findings = [finding.document() for finding in findings]
            result = {
                "code": index.code,
                "status": "published",
                "revision": index.revision,
                "start": date_at(first).isoformat(),
                "end": date_at(last).isoformat(),
                "sessions": len(levels),
                "static_shares": run.is_static,
                "findings": build.findings,
            }
            change = Changed(code=index.code, version=index.version, revision=index.revision)
            announce(session, self._bus, change)
            await session.flush()
            await progress.finish(session, result)
        return result


async def _locked(session: AsyncSession, ground: Ground) -> IndexDefinition:
    """The index, if it has the rules that were built; raises Conflict."""
    chosen = select(IndexDefinition).where(IndexDefinition.id == ground.index.id)
    index = await session.scalar(chosen.with_for_update())
    if index is None or index.version != ground.index.version:
        detail = f"{ground.index.code} was changed while it was built."
        raise Conflict(detail, code="index_changed")
    return index
