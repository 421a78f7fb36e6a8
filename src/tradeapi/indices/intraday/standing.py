"""An index as it goes into the session after the last one that is built."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from tradeapi.analytics.indices.basket import Basket
from tradeapi.database import Database, raw
from tradeapi.indices.building import staging
from tradeapi.indices.building.data import Ground, converters_of, happened
from tradeapi.indices.building.history import Happenings
from tradeapi.indices.building.rates import rates_before
from tradeapi.indices.models import IndexDefinition
from tradeapi.indices.rules import hash_of, methodology_of
from tradeapi.indices.schemas import Rules
from tradeapi.indices.service import symbol_of
from tradeapi.indices.universe import universe_by_ids
from tradeapi.market.calendars.days import DAY
from tradeapi.market.calendars.registry import Calendars
from tradeapi.market.quotes.reading import read_quotes
from tradeapi.market.resolutions import Resolution
from tradeapi.market.store.book import SymbolFacts


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Standing:
    """The basket of a close, and the session that follows: its day, from `open` to `close`.

    The universe of its `ground` are the constituents, of which `happened` since the basket's day
    what is known. `rates` are by currencies what one unit of them cost at that close, `told` the
    time and the level that the symbol's newest price is of.
    """

    ground: Ground
    basket: Basket
    happened: Happenings
    rates: dict[str, float]
    day: int
    open: int
    close: int
    told: tuple[float, float] | None

    @property
    def id(self) -> int:
        return self.ground.index.id

    @property
    def facts(self) -> SymbolFacts:
        index = self.ground.index
        return SymbolFacts(index.symbol_id, symbol_of(index.code), self.ground.calendar)


async def standing_of(database: Database, calendars: Calendars, id: int) -> Standing | None:
    """None where nobody can say what it is worth: it is not built by the rules that it has now, all
    is lost, a constituent is gone, or what converts it, or no session is known to follow."""
    async with database.reading() as session:
        index = await session.get(IndexDefinition, id)
        if index is None or index.last_day is None:
            return None
        rules = Rules.model_validate(index.definition)
        held = await staging.before(await raw(session), id, index.last_day + DAY)
        hash = hash_of(rules, index.calendar)
        if held is None or index.methodology != hash:
            return None
        universe = await universe_by_ids(session, held.ids.tolist())
        if not 0 < len(universe) == len(held.ids):
            return None
        others = {member.currency for member in universe.members} - {rules.currency}
        converters = await converters_of(session, rules)
        if others - converters.keys():
            return None
        told = await _told(session, index.symbol_id)
    ground = Ground(
        index=index,
        rules=rules,
        hash=hash,
        universe=universe,
        calendar=await calendars.get(index.calendar),
        methodology=methodology_of(rules, universe),
        converters={currency: converters[currency] for currency in others},
    )
    day = ground.following(held.day)
    open, close = ground.calendar.span(day, Resolution.DAY)
    if open >= close:
        return None
    return Standing(
        ground=ground,
        basket=held.basket(universe.columns_of(held.ids)),
        happened=await happened(database, ground, held.day + DAY),
        rates=await rates_before(database, ground, day),
        day=day,
        open=open,
        close=close,
        told=told,
    )


async def _told(session: AsyncSession, symbol_id: int) -> tuple[float, float] | None:
    quote = (await read_quotes(await raw(session), [symbol_id]))[symbol_id]
    return None if quote.time is None or quote.last is None else (quote.time, quote.last)
