"""Watchlists as they are read for those who follow them."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

import orjson
from sqlalchemy import select

from tradeapi.database import Database
from tradeapi.watchlists import answers
from tradeapi.watchlists.items import items_of
from tradeapi.watchlists.models import Watchlist
from tradeapi.watchlists.service import no_such_watchlist, place_of


@dataclass(frozen=True, slots=True)
class Reading:
    """A list as HTTP answers it; `names` are those that its symbols have themselves."""

    version: int
    place: int
    document: bytes
    names: Mapping[str, str]


async def read(database: Database, id: UUID) -> Reading:
    """What is on it is at least as new as the version; raises NotFound."""
    async with database.reading() as session:
        watchlist = await session.scalar(select(Watchlist).where(Watchlist.id == id))
        if watchlist is None:
            raise no_such_watchlist()
        place = await place_of(session, watchlist)
        listed = await items_of(session, id)
    document = answers.document(watchlist, place=place, listed=listed)
    names = {one.symbol: one.name for one in listed}
    return Reading(watchlist.version, place, orjson.dumps(document), names)
