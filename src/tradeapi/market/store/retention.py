"""Drops 1-minute bars past their age; what was folded from them stays."""

import structlog

from tradeapi.clock import Clock
from tradeapi.database import Database, raw
from tradeapi.market.resolutions import Resolution
from tradeapi.market.store.bar_store import BarStore
from tradeapi.market.store.blocks import window
from tradeapi.market.store.history import Window, history
from tradeapi.market.store.partitions import BLOCKS_PER_PARTITION
from tradeapi.market.symbols.directory import Directory

log = structlog.get_logger()

_MINUTE = Resolution.MINUTE


class Retention:
    """Keeps 1-minute bars for at least `days`; they go a whole partition (64 days) at a time."""

    def __init__(
        self, database: Database, store: BarStore, directory: Directory, clock: Clock, *, days: int
    ) -> None:
        self._database = database
        self._store = store
        self._directory = directory
        self._clock = clock
        self._days = days

    async def apply(self) -> list[str]:
        """Drop what is old enough; the symbols that lost bars."""
        span = BLOCKS_PER_PARTITION * window(_MINUTE)
        boundary = int(self._clock.now() - self._days * 86400) // span * span
        await self._store.partitions.drop_before(_MINUTE, boundary)
        async with self._database.read() as reader:
            rows = await reader.fetch(
                "SELECT symbol FROM bar_series JOIN symbols ON symbols.id = symbol_id "
                "WHERE resolution = $1 AND first < $2 AND sealed IS NOT NULL ORDER BY symbol",
                _MINUTE.seconds,
                boundary,
            )
        shortened = [symbol for (symbol,) in rows if await self._shorten(symbol, boundary)]
        if shortened:
            log.info("bars.dropped", resolution=_MINUTE, before=boundary, symbols=len(shortened))
        return shortened

    async def _shorten(self, symbol: str, boundary: int) -> bool:
        """Begin the series anew at its first bar that is left; whether it had an older one."""
        listing = await self._directory.get(symbol)
        async with self._database.transaction() as session:
            [book] = await self._store.open(session, [listing.facts])
            connection = await raw(session)
            await connection.execute(
                "DELETE FROM bar_blocks WHERE symbol_id = $1 AND resolution = $2 AND start < $3",
                listing.id,
                _MINUTE.seconds,
                boundary,
            )
            page = await history(connection, listing.id, _MINUTE, Window(limit=1, earliest=True))
            first = int(page.bars.time[0]) if len(page.bars) else None
            if first == book.levels[_MINUTE].first:
                return False
            book.forget_before(_MINUTE, first)
            await self._store.flush(session, [book])
        return True
