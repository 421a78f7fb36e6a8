"""Exchanges from the command line: beside a running service, on the same database."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

from tradeapi import migrations
from tradeapi.auth.audit import OPERATOR, Audit
from tradeapi.bus.memory import MemoryBus
from tradeapi.clock import SystemClock
from tradeapi.database import Database
from tradeapi.errors import NotFound
from tradeapi.market.calendars.calendar import CONTINUOUS
from tradeapi.market.calendars.registry import Calendars
from tradeapi.market.models import Exchange
from tradeapi.market.store.bar_store import BarStore
from tradeapi.market.symbols.directory import Directory
from tradeapi.market.symbols.exchanges import Exchanges
from tradeapi.market.symbols.names import parse_exchange
from tradeapi.settings import Environment, Settings

_OPERATOR = replace(OPERATOR, agent="tradeapi exchange")


async def set_exchange(  # noqa: PLR0913, PLR0917  the command's options
    settings: Settings,
    code: str,
    calendar: str | None,
    currency: str | None,
    name: str | None,
    say: Callable[[str], None],
) -> None:
    """Create or change it; with a calendar, build the derived bars of its symbols again."""
    async with _opened(settings) as (exchanges, store):
        before = await _find(exchanges, parse_exchange(code))
        exchange, is_new = await exchanges.put(
            code,
            calendar=calendar or before.calendar,
            currency=(currency or before.currency).upper(),
            name=name or before.name,
            rebuild=True,
        )
        say(f"{exchange.code}: {exchange.calendar}, {exchange.currency}{' (new)' * is_new}")
        if calendar is not None:
            count = 0
            async for _ in exchanges.rebuild(exchange.code, store):
                count += 1
            say(f"The bars of {count} symbols follow {calendar}.")


async def list_exchanges(settings: Settings) -> Sequence[Exchange]:
    async with _opened(settings) as (exchanges, _):
        return await exchanges.list()


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[tuple[Exchanges, BarStore]]:
    if settings.environment is Environment.DEVELOPMENT:
        await asyncio.to_thread(migrations.upgrade, settings.database_url)
    clock = SystemClock()
    async with Database(settings.database_url) as database:
        calendars = Calendars(database, clock)
        # A running service learns of changes from the database, not from this bus.
        store = BarStore(database, MemoryBus(), clock, lateness=settings.bar_lateness_seconds)
        exchanges = Exchanges(
            database,
            calendars,
            Directory(database, calendars),
            lambda session: Audit(session, _OPERATOR, clock.now()),
        )
        yield exchanges, store


async def _find(exchanges: Exchanges, code: str) -> Exchange:
    try:
        return await exchanges.get(code)
    except NotFound:
        return Exchange(name="", calendar=CONTINUOUS, currency="USD")
