"""Runs the simulated exchange: opens it, and then trades there as time goes by."""

from collections.abc import Sequence
from math import floor as whole
from typing import Never

import anyio
import structlog

from tradeapi.clock import Clock
from tradeapi.database import Database
from tradeapi.errors import Unavailable
from tradeapi.leases.lease import Lost
from tradeapi.market.calendars.days import DAY, floor
from tradeapi.market.calendars.registry import Calendars
from tradeapi.market.providers.backfill import Backfill
from tradeapi.market.providers.opening import Opening
from tradeapi.market.providers.securities import EXCHANGE, SEED, Security
from tradeapi.market.providers.simulated import SimulatedMarket
from tradeapi.market.providers.tape import Tape
from tradeapi.market.store.bar_store import BarStore
from tradeapi.market.store.tick_bars import Tick
from tradeapi.market.symbols.directory import Directory
from tradeapi.market.symbols.exchanges import Exchanges
from tradeapi.web.outages import outage

STEP_SECONDS = 0.25
RETRY_SECONDS = 2.0
STALE_SECONDS = 10.0
# What was missed in a longer silence, such as a laptop's sleep, comes as whole bars.
LONGEST_SILENCE_SECONDS = 120

log = structlog.get_logger()


class Feed:
    """Begun again, in this process or another, it goes on after the last trade that was told."""

    def __init__(  # noqa: PLR0913, PLR0917  what it is joined to
        self,
        securities: Sequence[Security],
        database: Database,
        store: BarStore,
        directory: Directory,
        calendars: Calendars,
        clock: Clock,
    ) -> None:
        self._database = database
        self._store = store
        self._clock = clock
        self._opening = Opening(
            securities,
            database,
            store,
            directory,
            Exchanges(database, calendars, directory),
            Backfill(SimulatedMarket(SEED), database, store),
        )
        self._tapes: Sequence[Tape] = ()
        self._reached = 0.0

    async def run(self) -> Never:
        # Another process may have told more since we did.
        self._tapes = ()
        while True:
            try:
                await self.advance()
            except Lost:
                raise
            except Exception as error:  # whatever it is, the service goes on without
                log.warning("feed.failed", error=str(error), exc_info=outage(error) is None)
                self._tapes = ()
                await anyio.sleep(RETRY_SECONDS)
            await anyio.sleep(STEP_SECONDS)

    async def advance(self) -> None:
        """Tell what has happened up to now."""
        now = self._clock.now()
        if not self._tapes or self._is_stale(now):
            self._tapes = await self._opening.tapes(now)
            log.info("feed.opened", symbols=len(self._tapes))
        due = [(tape, trades) for tape in self._tapes if (trades := tape.due(now))]
        if due:
            await self._tell(due)
        for tape in self._tapes:
            tape.until = max(tape.until, now)
        self._reached = now

    def _is_stale(self, now: float) -> bool:
        """Whether to open once more: after a silence, and daily for what a new day brings."""
        is_next_day = floor(whole(now), DAY) > self._reached
        return is_next_day or now - self._reached > LONGEST_SILENCE_SECONDS

    async def _tell(self, due: Sequence[tuple[Tape, Sequence[Tick]]]) -> None:
        async with self._database.transaction() as session:
            books = await self._store.open(session, [tape.listing.facts for tape, _ in due])
            for book, (_, trades) in zip(books, due, strict=True):
                await book.add_ticks(trades)
            await self._store.flush(session, books)


async def probe(database: Database, clock: Clock) -> None:
    """Raises Unavailable while no price comes, whichever process they are to come from."""
    async with database.read() as raw:
        [[newest]] = await raw.fetch(_NEWEST, EXCHANGE)
    if newest is None or clock.now() - newest > STALE_SECONDS:
        raise Unavailable("The simulated exchange stands still.")


_NEWEST = """
SELECT max(h.last_time) FROM heads h JOIN symbols s ON s.id = h.symbol_id WHERE s.exchange = $1
"""
