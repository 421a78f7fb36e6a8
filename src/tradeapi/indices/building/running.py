"""The sessions of a build, computed one after the other and staged."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np
from anyio import to_thread
from sqlalchemy import update

from tradeapi.analytics.bars import Int64Array
from tradeapi.analytics.indices.basket import Basket
from tradeapi.analytics.indices.engine import Engine, Unbuildable
from tradeapi.analytics.indices.panel import Panel
from tradeapi.database import Database
from tradeapi.errors import Invalid
from tradeapi.indices.building import gate, staging
from tradeapi.indices.building.data import Ground, happened, holding
from tradeapi.indices.building.gate import Finding
from tradeapi.indices.building.panels import Panels, stretches
from tradeapi.indices.building.plan import Plan
from tradeapi.indices.building.rates import rates_before
from tradeapi.indices.models import IndexBuild
from tradeapi.indices.packing import Held, packed
from tradeapi.market.calendars.days import date_at
from tradeapi.tracked.progress import Progress

# The bars of constituents are looked at one by one where so few sessions are new.
_FEW_SESSIONS = 5
# What is held by an index of so many symbols over so many sessions takes 100 MB.
_CELLS_AT_ONCE = 1_000_000
# Others have their turn in between.
_ROWS_AT_ONCE = 200


class Run:
    """The sessions of a plan; one whose process has died is gone on with."""

    def __init__(self, database: Database, ground: Ground, plan: Plan, build: IndexBuild) -> None:
        self.build = build
        self.is_static = bool(build.is_static)
        self._database = database
        self._ground = ground
        self._plan = plan

    async def through(self, progress: Progress) -> Sequence[Finding]:
        """Stage all that are not staged yet; what is odd in the data of all."""
        days, held = await self._remaining()
        known = [Finding.of(document) for document in self.build.findings]
        findings = [one for one in known if held is not None and one.day <= held.day]
        if not len(days):
            return findings
        total = len(self._plan.days)
        ids = () if held is None else held.ids.tolist()
        ground = await holding(self._database, self._ground, ids)
        before = ground.before(int(days[0]))
        start = int(before[0]) if len(before) else int(days[0])
        events = await happened(self._database, ground, start)
        rates = await rates_before(self._database, ground, start)
        currency = ground.rules.currency
        panels = Panels(self._database, ground.universe, events, ground.converters, currency, rates)
        basket = None if held is None else held.basket(ground.universe.columns_of(held.ids))
        engine = Engine(
            ground.methodology,
            len(ground.universe),
            basket,
            waits=self._plan.waits,
            left=ground.left,
        )
        if basket is not None:
            findings += gate.gone(ground.universe, basket, int(days[0]))
        done = total - len(days)
        for stretch in stretches(days):
            wanted = np.concatenate([before, stretch])
            panel = await panels.panel(wanted, ground.following(int(stretch[-1])))
            await to_thread.run_sync(engine.observe, panel.part(0, len(before)))
            for part, lead in _portions(panel, len(before)):
                built = await to_thread.run_sync(_built, engine, ground, part, lead)
                findings += built.findings
                if total <= _FEW_SESSIONS:
                    async with self._database.read() as connection:
                        findings += await gate.unsound(connection, ground.universe, built.baskets)
                findings = [*dict.fromkeys(findings)][: gate.MOST_FINDINGS]
                self.is_static = self.is_static or _is_static(events.static, built.baskets)
                await self._stage(built.rows, findings)
                done += len(part) - lead
                message = f"Built up to {date_at(int(part.days[-1]))}"
                await progress.report(0.95 * done / total, message)
            before = np.empty(0, np.int64)
        return findings

    async def _remaining(self) -> tuple[Int64Array, Held | None]:
        """The sessions that are not staged yet, and what they follow."""
        days, index = self._plan.days, self._ground.index
        async with self._database.read() as connection:
            held = await staging.last(connection, index.id)
            if held is None and not self._plan.is_anew:
                held = await staging.before(connection, index.id, int(days[0]))
        return (days if held is None else days[days > held.day]), held

    async def _stage(self, rows: Sequence[tuple[object, ...]], findings: Sequence[Finding]) -> None:
        # What is known of their data comes with the first of them: another process may go on.
        known = update(IndexBuild).where(IndexBuild.id == self.build.id)
        known = known.values(
            is_static=self.is_static, findings=[one.document() for one in findings]
        )
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            async with self._database.transaction() as session:
                if not start:
                    await session.execute(known)
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


def _is_static(static: frozenset[int], baskets: Sequence[Basket]) -> bool:
    """Whether anybody is in whose shares are undated."""
    return any(not static.isdisjoint(basket.members.tolist()) for basket in baskets)
