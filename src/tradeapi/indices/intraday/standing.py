"""An index as it goes into the session after the last one that is built."""

from dataclasses import dataclass

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from tradeapi.analytics.indices.basket import Basket
from tradeapi.database import Database, raw
from tradeapi.indices.building import staging
from tradeapi.indices.building.data import Ground, converters_of, happened
from tradeapi.indices.building.history import Happenings
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
from tradeapi.market.store.closes import daily_closes


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
    is lost, a constituent is gone, or no session is known to follow."""
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
        converters = await converters_of(session, rules, universe)
        told = await _told(session, index.symbol_id)
    ground = Ground(
        index=index,
        rules=rules,
        hash=hash,
        universe=universe,
        calendar=await calendars.get(index.calendar),
        methodology=methodology_of(rules, universe),
        converters=converters,
    )
    day = ground.following(held.day)
    open, close = ground.calendar.span(day, Resolution.DAY)
    if open >= close:
        return None
    return Standing(
        ground=ground,
        basket=held.basket(universe.columns_of(held.ids)),
        happened=await happened(database, ground, held.day + DAY),
        rates=await _rates(database, ground, day),
        day=day,
        open=open,
        close=close,
        told=told,
    )


async def _told(session: AsyncSession, symbol_id: int) -> tuple[float, float] | None:
    quote = (await read_quotes(await raw(session), [symbol_id]))[symbol_id]
    return None if quote.time is None or quote.last is None else (quote.time, quote.last)


async def _rates(database: Database, ground: Ground, day: int) -> dict[str, float]:
    """What a build would take for a currency whose price does not come on that day."""
    known = ground.before(day)
    ids = [*ground.converters.values()]
    newest: dict[int, tuple[int, float]] = {}
    if ids and len(known):
        async with database.read() as connection:
            async for some in daily_closes(connection, ids, int(known[0]), int(known[-1]) + DAY):
                columns = (some.ids.tolist(), some.times.tolist(), some.closes.tolist())
                for id, time, close in zip(*columns, strict=True):
                    if time in known and time >= newest.get(id, (time,))[0]:
                        newest[id] = time, close
    return {
        currency: newest[id][1] if id in newest else np.nan
        for currency, id in ground.converters.items()
    }
