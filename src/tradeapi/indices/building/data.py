"""All that a build needs, read as it begins."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from tradeapi.analytics.bars import Int64Array
from tradeapi.analytics.indices.methodology import Methodology
from tradeapi.database import Database
from tradeapi.errors import FieldError, Invalid, NotFound
from tradeapi.indices.building.history import Happenings, happenings
from tradeapi.indices.models import IndexDefinition
from tradeapi.indices.rules import check_universe, hash_of, methodology_of
from tradeapi.indices.schemas import Rules
from tradeapi.indices.service import symbol_of
from tradeapi.indices.sessions import session_after, sessions_before
from tradeapi.indices.universe import Universe, universe_of
from tradeapi.market.calendars.calendar import Calendar
from tradeapi.market.calendars.registry import Calendars
from tradeapi.market.models import Symbol


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ground:
    """An index as it was when its build began; `hash` names its rules."""

    index: IndexDefinition
    rules: Rules
    hash: str
    universe: Universe
    calendar: Calendar
    methodology: Methodology
    converters: dict[str, int]

    def before(self, day: int) -> Int64Array:
        """The sessions that have to be known before a day's."""
        # Of what happens between two sessions the one before is the beginning.
        count = max(self.methodology.lookback, 1)
        return sessions_before(self.calendar, day, count)

    def following(self, day: int) -> int:
        """The session after a day's."""
        return session_after(self.calendar, day)


async def ground_of(database: Database, calendars: Calendars, code: str) -> Ground:
    """Raises NotFound, and Invalid for rules that make no sense any more."""
    async with database.reading() as session:
        index = await session.scalar(select(IndexDefinition).where(IndexDefinition.code == code))
        if index is None:
            raise NotFound(f"There is no index {code[:40]}.", code="unknown_index")
        rules = Rules.model_validate(index.definition)
        universe = await universe_of(session, rules, but=symbol_of(code))
        check_universe(rules, universe)
        converters = await converters_of(session, rules, universe)
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


async def converters_of(session: AsyncSession, rules: Rules, universe: Universe) -> dict[str, int]:
    """By currencies of the universe the ids of the symbols whose closes convert them; raises
    Invalid where there is none: of those that the rules name some may be gone."""
    currencies = {member.currency for member in universe.members}
    names = {one: symbol.upper() for one, symbol in rules.fx.items() if one in currencies}
    found = await session.execute(
        select(Symbol.symbol, Symbol.id).where(Symbol.symbol.in_(names.values()))
    )
    ids = dict(found.all())
    for currency in sorted(currencies - {rules.currency}):
        if names.get(currency) not in ids:
            detail = f"Some constituents are in {currency}, which no symbol converts."
            raise Invalid(detail, code="invalid_index", errors=[FieldError("/fx", detail)])
    return {currency: ids[name] for currency, name in names.items() if name in ids}


async def happened(database: Database, ground: Ground, start: int) -> Happenings:
    async with database.read() as raw:
        return await happenings(raw, ground.universe, start)
