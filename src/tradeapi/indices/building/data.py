"""All that a build needs, read as it begins."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from tradeapi.analytics.bars import Int64Array
from tradeapi.analytics.indices.methodology import Methodology
from tradeapi.database import Database
from tradeapi.errors import NotFound
from tradeapi.indices.building.history import Happenings, happenings
from tradeapi.indices.models import IndexDefinition
from tradeapi.indices.rules import hash_of, methodology_of
from tradeapi.indices.schemas import Rules
from tradeapi.indices.service import symbol_of
from tradeapi.indices.sessions import session_after, sessions_before
from tradeapi.indices.universe import (
    Universe,
    nobody,
    removed,
    universe_by_ids,
    universe_left,
)
from tradeapi.market.calendars.calendar import Calendar
from tradeapi.market.calendars.registry import Calendars
from tradeapi.market.models import Symbol


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ground:
    """An index as it was when its build began; `hash` names its rules.

    `left` are the columns of those that are held, but that the rules let in no more.
    """

    index: IndexDefinition
    rules: Rules
    hash: str
    universe: Universe
    calendar: Calendar
    methodology: Methodology
    converters: dict[str, int]
    left: Int64Array = field(default_factory=lambda: np.empty(0, np.int64))

    def before(self, day: int) -> Int64Array:
        """The sessions that have to be known before a day's."""
        # Of what happens between two sessions the one before is the beginning.
        count = max(self.methodology.lookback, 1)
        return sessions_before(self.calendar, day, count)

    def following(self, day: int) -> int:
        """The session after a day's."""
        return session_after(self.calendar, day)


async def ground_of(database: Database, calendars: Calendars, code: str) -> Ground:
    """Raises NotFound."""
    async with database.reading() as session:
        index = await session.scalar(select(IndexDefinition).where(IndexDefinition.code == code))
        if index is None:
            raise NotFound(f"There is no index {code[:40]}.", code="unknown_index")
        rules = Rules.model_validate(index.definition)
        universe = await universe_left(session, rules, but=symbol_of(code))
        converters = await converters_of(session, rules)
    calendar = await calendars.get(index.calendar)
    return Ground(
        index=index,
        rules=rules,
        hash=hash_of(rules, index.calendar),
        universe=universe,
        calendar=calendar,
        methodology=methodology_of(rules, universe),
        converters=converters,
    )


async def holding(database: Database, ground: Ground, ids: Sequence[int]) -> Ground:
    """The same for an index that holds these symbols, whatever has become of them since: who is in
    no universe any more is priced until he is sold, and who is gone altogether has no price.

    Raises Invalid where there is nobody.
    """
    columns = ground.universe.columns
    if left := [id for id in ids if id not in columns]:
        async with database.reading() as session:
            found = (await universe_by_ids(session, left)).members
        known = {member.id for member in found}
        gone = [removed(id, ground.rules.currency) for id in left if id not in known]
        universe = Universe([*ground.universe.members, *found, *gone])
        ground = replace(
            ground,
            universe=universe,
            methodology=methodology_of(ground.rules, universe),
            left=np.array([universe.columns[id] for id in left], np.int64),
        )
    if not len(ground.universe):
        raise nobody()
    return ground


async def converters_of(session: AsyncSession, rules: Rules) -> dict[str, int]:
    """By currencies, other than the index's, the ids of the symbols whose closes convert them."""
    names = {
        currency: symbol.upper()
        for currency, symbol in rules.fx.items()
        if currency != rules.currency
    }
    found = await session.execute(
        select(Symbol.symbol, Symbol.id).where(Symbol.symbol.in_(names.values()))
    )
    ids = dict(found.all())
    return {currency: ids[name] for currency, name in names.items() if name in ids}


async def happened(database: Database, ground: Ground, start: int) -> Happenings:
    async with database.read() as raw:
        return await happenings(raw, ground.universe, start)
