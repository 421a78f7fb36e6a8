"""What the routes of indices ask for, each under one name."""

from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from tradeapi.auth.dependencies import AuditDep
from tradeapi.database import Database
from tradeapi.indices.building.requests import foreseen
from tradeapi.indices.published import Published, Series
from tradeapi.indices.rules import calendar_of
from tradeapi.indices.schemas import BuildBody, IndexIn, IndexPath, Rules
from tradeapi.indices.service import Indices, symbol_of
from tradeapi.indices.universe import universe_of
from tradeapi.market.calendars.registry import Calendars
from tradeapi.market.dependencies import CalendarsDep
from tradeapi.web.dependencies import ClockDep, DatabaseDep, ReadingDep, SessionDep


async def _indices(
    session: SessionDep, calendars: CalendarsDep, clock: ClockDep, audit: AuditDep
) -> Indices:
    return Indices(session, calendars, clock.now(), audit)


async def _readable_indices(
    session: ReadingDep, calendars: CalendarsDep, clock: ClockDep
) -> Indices:
    return Indices(session, calendars, clock.now())


def published_of(connection: HTTPConnection) -> Published:
    """For routes that are asked for so often that a dependency's 50 µs count."""
    published: Published = connection.state.published
    return published


async def periods_per_year(connection: HTTPConnection, series: Series) -> int:
    """The sessions of a year, as the field counts them: by no calendar's own."""
    calendars: Calendars = connection.state.calendars
    never_closes = (await calendars.get(series.calendar)).fill == 1.0
    return 365 if never_closes else 252


async def _published(connection: HTTPConnection) -> Published:
    return published_of(connection)


PublishedDep = Annotated[Published, Depends(_published)]
IndicesDep = Annotated[Indices, Depends(_indices)]
ReadableIndicesDep = Annotated[Indices, Depends(_readable_indices)]


async def with_calendar_of_new(
    body: IndexIn, database: DatabaseDep, calendars: CalendarsDep
) -> None:
    """For a route's `dependencies`, before its session: to build a calendar takes seconds."""
    await ready(body, body.code, database, calendars)


async def with_calendar(
    code: IndexPath, body: Rules, database: DatabaseDep, calendars: CalendarsDep
) -> None:
    await ready(body, code, database, calendars)


async def ready(rules: Rules, code: str, database: Database, calendars: Calendars) -> None:
    """Have the calendar that these rules ask for; raises Invalid."""
    async with database.reading() as session:
        universe = await universe_of(session, rules, but=symbol_of(code))
    await calendars.get(calendar_of(rules, universe))


async def buildable(
    code: IndexPath,
    body: BuildBody,
    database: DatabaseDep,
    calendars: CalendarsDep,
    clock: ClockDep,
) -> None:
    """For a route's `dependencies`: raises NotFound, and Invalid for what cannot be built."""
    await foreseen(database, calendars, clock.now(), code, body.start, body.end)
