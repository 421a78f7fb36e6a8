"""How levels become trades of their symbols."""

from collections.abc import Sequence
from typing import Never

import anyio
import structlog
from anyio.lowlevel import checkpoint

from tradeapi.clock import Clock
from tradeapi.database import Database
from tradeapi.indices.intraday.session_level import SessionLevel
from tradeapi.leases.lease import Lost
from tradeapi.market.store.bar_store import BarStore
from tradeapi.market.store.tick_bars import Tick
from tradeapi.metrics import INDEX_LEVEL_AGE, INDEX_TICKS
from tradeapi.web.outages import outage

EVERY_SECONDS = 1.0
# Others wait for the loop while these are folded.
WRITTEN_AT_ONCE = 25

_log = structlog.get_logger("tradeapi.indices")


class Telling:
    """Of the levels that are added: those that have moved are told once a second, up to `lateness`
    after the close, when the last bars end."""

    def __init__(
        self, database: Database, store: BarStore, clock: Clock, *, lateness: float
    ) -> None:
        self._database = database
        self._store = store
        self._clock = clock
        self._lateness = lateness
        self._levels: dict[SessionLevel, None] = {}
        self._moved: dict[SessionLevel, None] = {}
        self._is_at_it = False

    @property
    def is_at_rest(self) -> bool:
        """Whether all that has moved is told."""
        return not self._moved and not self._is_at_it

    def add(self, level: SessionLevel) -> None:
        self._levels[level] = None
        self.move(level)

    def remove(self, level: SessionLevel) -> None:
        self._levels.pop(level, None)
        self._moved.pop(level, None)

    def move(self, level: SessionLevel) -> None:
        """It may be another now."""
        if level in self._levels:
            self._moved[level] = None

    async def run(self) -> Never:
        """Raises Lost where another process has taken over."""
        while True:
            await anyio.sleep(EVERY_SECONDS)
            self._is_at_it = True
            await self._tell()
            self._is_at_it = False
            INDEX_LEVEL_AGE.set(self._age())

    async def _tell(self) -> None:
        due: list[tuple[SessionLevel, Tick]] = []
        moved, self._moved = self._moved, {}
        for level in moved:
            if (tick := self._tick(level)) is not None:
                due.append((level, tick))
            await checkpoint()
        for start in range(0, len(due), WRITTEN_AT_ONCE):
            await self._write(due[start : start + WRITTEN_AT_ONCE])

    def _tick(self, level: SessionLevel) -> Tick | None:
        if self._clock.now() >= level.standing.close + self._lateness:
            return None
        try:
            return level.tick()
        except Exception:  # noqa: BLE001  one index's fault must not keep others from being told
            _log.exception("indices.not_told", symbol=level.standing.facts.symbol)
            return None

    async def _write(self, due: Sequence[tuple[SessionLevel, Tick]]) -> None:
        # It may have been doubted meanwhile.
        due = [(level, tick) for level, tick in due if level in self._levels]
        try:
            await self._commit(due)
        except Lost:
            raise
        except Exception as error:  # noqa: BLE001  whatever it is, it may be gone the next time
            is_away = outage(error) is not None
            if not is_away and len(due) > 1:
                # It may be one index's fault.
                for one in due:
                    await self._write([one])
                return
            _log.warning("indices.not_told", indices=len(due), error=repr(error))
            for level, _ in due if is_away else ():
                self.move(level)

    async def _commit(self, due: Sequence[tuple[SessionLevel, Tick]]) -> None:
        async with self._database.transaction() as session:
            books = await self._store.open(session, [level.standing.facts for level, _ in due])
            for book, (_, tick) in zip(books, due, strict=True):
                await book.add_ticks([tick])
            await self._store.flush(session, books)
        for level, tick in due:
            level.told = tick.time, tick.price
        INDEX_TICKS.inc(len(due))

    def _age(self) -> float:
        """Of the level that has stood still for longest while its session is under way."""
        now, oldest = self._clock.now(), 0.0
        for level in self._levels:
            standing = level.standing
            if standing.open <= now < standing.close:
                told = standing.open if level.told is None else max(standing.open, level.told[0])
                oldest = max(oldest, now - told)
        return oldest
