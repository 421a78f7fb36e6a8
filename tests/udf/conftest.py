"""A market that charts look at, on SQLite and on PostgreSQL, shared by the tests of a file."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.caller import Caller
from tests.servers.databases import PostgresDatabases, SqliteDatabases
from tests.serving import plain_log, serve, service
from tests.udf.market import CALENDARS, NOW, Place, fill
from tradeapi.app import create_app
from tradeapi.clock import FixedClock
from tradeapi.database import Database, raw
from tradeapi.market.calendars.calendar import CONTINUOUS, load
from tradeapi.market.calendars.source import build
from tradeapi.settings import Settings

__all__ = ["plain_log", "serve", "service"]

KEEP = "INSERT INTO calendars (code, sessions, built_at) VALUES ($1, $2, $3)"
Serve = Callable[..., Place]


@pytest.fixture(scope="session")
def calendar_data() -> dict[str, bytes]:
    """What those of the market are loaded from, built once."""
    return {code: b"" if code == CONTINUOUS else build(code) for code in CALENDARS.values()}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def place(
    request: pytest.FixtureRequest,
    sqlite_databases: SqliteDatabases,
    tmp_path_factory: pytest.TempPathFactory,
    calendar_data: dict[str, bytes],
) -> Iterator[Place]:
    """With all the market's bars; tests that add some use symbols of their own."""
    with ExitStack() as resources:
        if request.param == "sqlite":
            url = sqlite_databases.copy(tmp_path_factory.mktemp("udf"))
        else:
            postgres: PostgresDatabases = request.getfixturevalue("postgres_databases")
            url = postgres.clone()
            resources.callback(postgres.drop, url)
        asyncio.run(_keep(url, calendar_data))
        clock = FixedClock(NOW)
        settings = Settings(database_url=url, demo=False)
        http = resources.enter_context(Caller(create_app(settings, clock)))
        place = Place(http, clock)
        fill(place, {name: load(code, calendar_data[code]) for name, code in CALENDARS.items()})
        yield place


@pytest.fixture(autouse=True)
def noon(request: pytest.FixtureRequest) -> Iterator[None]:
    """Whoever moves the clock finds it moved back by the next test."""
    yield
    if "place" in request.fixturenames:
        place: Place = request.getfixturevalue("place")
        place.clock.time = NOW


async def _keep(url: str, data: dict[str, bytes]) -> None:
    """As if they had been built already."""
    async with Database(url) as database, database.transaction() as session:
        connection = await raw(session)
        for code, sessions in data.items():
            if code != CONTINUOUS:
                await connection.execute(KEEP, code, sessions, NOW)
