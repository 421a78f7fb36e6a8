"""What routes ask for, each under one name."""

from collections.abc import AsyncIterator
from functools import lru_cache
from typing import Annotated

from fastapi import Depends
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import HTTPConnection

from tradeapi.bus.port import Bus
from tradeapi.clock import Clock
from tradeapi.database import Database
from tradeapi.drivers import Raw
from tradeapi.security.secrets import Secrets
from tradeapi.settings import Settings
from tradeapi.web.claims import claim_of
from tradeapi.web.pages import Cursors

# All of these are coroutines: FastAPI runs a plain function in a thread, which costs far more.


async def _settings(connection: HTTPConnection) -> Settings:
    settings: Settings = connection.state.settings
    return settings


async def _clock(connection: HTTPConnection) -> Clock:
    clock: Clock = connection.state.clock
    return clock


async def _database(connection: HTTPConnection) -> Database:
    database: Database = connection.state.database
    return database


async def _bus(connection: HTTPConnection) -> Bus:
    bus: Bus = connection.state.bus
    return bus


BusDep = Annotated[Bus, Depends(_bus)]
SettingsDep = Annotated[Settings, Depends(_settings)]
ClockDep = Annotated[Clock, Depends(_clock)]
DatabaseDep = Annotated[Database, Depends(_database)]


async def _cursors(settings: SettingsDep) -> Cursors:
    return Cursors(_cursor_keys(Secrets.of(settings)))


@lru_cache(maxsize=4)
def _cursor_keys(secrets: Secrets) -> tuple[bytes, ...]:
    return secrets.derive("list cursors")


async def open_session(
    connection: HTTPConnection, database: DatabaseDep
) -> AsyncIterator[AsyncSession]:
    """A route that is Idempotent has its answer by the end, and it is committed with the rest."""
    claim = claim_of(connection.scope)
    async with database.transaction() as session:
        if claim is not None:
            await claim.begin(session)
        yield session
        if claim is not None:
            await claim.end(session)


async def _open_reading(database: DatabaseDep) -> AsyncIterator[AsyncSession]:
    async with database.reading() as session:
        yield session


async def _open_reader(database: DatabaseDep) -> AsyncIterator[Raw]:
    async with database.read() as raw:
        yield raw


CursorsDep = Annotated[Cursors, Depends(_cursors)]

# scope="function": the transaction commits before the answer leaves. By default FastAPI leaves a
# `yield` dependency after the answer, and a commit that fails then has already been told as a 200.
# Sockets must not ask for these: their function lasts as long as the connection.
SessionDep = Annotated[AsyncSession, Depends(open_session, scope="function")]

# For what only reads: that session takes SQLite's one writer's lock.
ReadingDep = Annotated[AsyncSession, Depends(_open_reading, scope="function")]
ReaderDep = Annotated[Raw, Depends(_open_reader, scope="function")]
