"""The levels of all indices that are in session, each published as a trade of its symbol."""

from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from typing import Never

import anyio
import structlog
from anyio.lowlevel import checkpoint

from tradeapi.bus.port import Bus
from tradeapi.clock import Clock
from tradeapi.database import Database
from tradeapi.errors import Unavailable
from tradeapi.indices.events import INDICES, Changed
from tradeapi.indices.intraday.followed_symbol import FollowedSymbol
from tradeapi.indices.intraday.session_level import SessionLevel
from tradeapi.indices.intraday.standing import Standing, standing_of
from tradeapi.leases.lease import Lost
from tradeapi.market.calendars.registry import Calendars
from tradeapi.market.live.watches import Watches
from tradeapi.market.store.bar_store import BarStore
from tradeapi.market.store.tick_bars import Tick
from tradeapi.metrics import INDEX_LEVEL_AGE, INDEX_TICKS
from tradeapi.streams.background import safely
from tradeapi.web.outages import outage

PUBLISH_EVERY_SECONDS = 1.0
ASK_EVERY_SECONDS = 1.0
OPENED_AT_ONCE = 200
WRITTEN_AT_ONCE = 100

# The code, the revision and the version that an index was read at.
_Reading = tuple[str, int, int]
_DOUBTED: _Reading = ("", -1, -1)

_log = structlog.get_logger("tradeapi.indices")


class LevelEngine:
    """One process at a time runs it: `database` writes only as long as that is this one.

    It keeps nothing of its own: all that it knows is read again where it is begun anew. Of each
    index that is built it holds the basket for one session, up to the next build. Levels are told
    once a second at the most, and up to `lateness` after the close, when the last bars end.
    """

    def __init__(  # noqa: PLR0913, PLR0917  what it is joined to
        self,
        database: Database,
        bus: Bus,
        watches: Watches,
        store: BarStore,
        calendars: Calendars,
        clock: Clock,
        *,
        lateness: float,
    ) -> None:
        self._database = database
        self._bus = bus
        self._watches = watches
        self._store = store
        self._calendars = calendars
        self._clock = clock
        self._lateness = lateness
        self._begin()

    def _begin(self) -> None:
        # By the ids of indices, and of symbols.
        self._readings: dict[int, _Reading] = {}
        self._levels: dict[int, SessionLevel] = {}
        self._symbols: dict[int, FollowedSymbol] = {}
        self._moved: dict[SessionLevel, None] = {}
        self._doubted = anyio.Event()
        self._is_telling = False

    async def run(self) -> None:
        """Until it is cancelled; raises Lost where another process has taken over."""
        self._begin()
        try:
            with ExitStack() as resources:
                resources.enter_context(self._bus.subscribe(INDICES, self._hear))
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(self._ask_for_ever)
                    tasks.start_soon(self._publish_for_ever)
        finally:
            for id in [*self._readings]:
                self._forget(id)
            for symbol in [*self._symbols.values()]:
                self.lose(symbol)
            INDEX_LEVEL_AGE.set(0)

    @property
    def is_at_rest(self) -> bool:
        """Whether all that has moved is told."""
        return not self._moved and not self._is_telling

    # What symbols ask.

    def move(self, level: SessionLevel) -> None:
        self._moved[level] = None

    def doubt(self, level: SessionLevel) -> None:
        """Until it is read again, nothing is told."""
        reading = self._readings.get(level.standing.id)
        if reading is not None and self._levels.get(level.standing.id) is level:
            self._readings[level.standing.id] = (reading[0], *_DOUBTED[1:])
            self._doubted.set()

    def lose(self, symbol: FollowedSymbol) -> None:
        if self._symbols.get(symbol.id) is symbol:
            del self._symbols[symbol.id]
            symbol.watch.followers.pop(symbol, None)
            self._watches.close(symbol.watch)

    # Builds come, and indices go.

    def _hear(self, _: Changed) -> None:
        self._doubted.set()

    async def _ask_for_ever(self) -> Never:
        while True:
            await safely("indices.not_asked", self._ask)
            with anyio.move_on_after(ASK_EVERY_SECONDS):
                await self._doubted.wait()
            self._doubted = anyio.Event()

    async def _ask(self) -> None:
        """Learn of builds, also of those whose news was lost."""
        async with self._database.read() as raw:
            rows = await raw.fetch(_BUILT)
        found: dict[int, _Reading] = {row[0]: (row[1], row[2], row[3]) for row in rows}
        for id in self._readings.keys() - found.keys():
            self._forget(id)
        for id, reading in found.items():
            if self._readings.get(id) != reading:
                await safely("indices.not_read", partial(self._read, id, reading))
        self._end_idle()

    async def _read(self, id: int, reading: _Reading) -> None:
        if id not in self._readings:
            self._bus.follow(INDICES, reading[0])
        self._readings[id] = reading
        self._leave(id)
        try:
            standing = await standing_of(self._database, self._calendars, id)
            if standing is not None:
                await self._follow(standing)
        except Exception as error:
            if isinstance(error, Unavailable) or outage(error) is not None:
                self._readings[id] = (reading[0], *_DOUBTED[1:])
            # Else it is none the better next time, unless it is edited or built.
            raise
        if standing is not None:
            self._join(SessionLevel(standing))

    def _forget(self, id: int) -> None:
        code, _, _ = self._readings.pop(id)
        self._bus.unfollow(INDICES, code)
        self._leave(id)

    async def _follow(self, standing: Standing) -> None:
        """Have all symbols that count for the index be followed; one may be gone meanwhile."""
        ground = standing.ground
        names = {member.id: member.symbol for member in ground.universe.members}
        for currency, id in ground.converters.items():
            names[id] = ground.rules.fx[currency].upper()
        missing = [id for id in names if id not in self._symbols]
        for start in range(0, len(missing), OPENED_AT_ONCE):
            some = [names[id] for id in missing[start : start + OPENED_AT_ONCE]]
            for watch in (await self._watches.open_many(some)).values():
                if watch.listing.id in self._symbols:
                    self._watches.close(watch)
                else:
                    self._symbols[watch.listing.id] = FollowedSymbol(watch, self)
            await checkpoint()

    def _join(self, level: SessionLevel) -> None:
        self._levels[level.standing.id] = level
        for id in level.places.keys() | level.currencies.keys():
            if id in self._symbols:
                self._symbols[id].join(level)
        self.move(level)

    def _leave(self, id: int) -> None:
        level = self._levels.pop(id, None)
        if level is None:
            return
        self._moved.pop(level, None)
        for symbol_id in level.places.keys() | level.currencies.keys():
            symbol = self._symbols.get(symbol_id)
            if symbol is not None:
                symbol.levels.pop(level, None)

    def _end_idle(self) -> None:
        """Follow no more what counts for no index."""
        for symbol in [one for one in self._symbols.values() if not one.levels]:
            self.lose(symbol)

    # Levels are told.

    async def _publish_for_ever(self) -> Never:
        while True:
            await anyio.sleep(PUBLISH_EVERY_SECONDS)
            self._is_telling = True
            await self._publish()
            self._is_telling = False

    async def _publish(self) -> None:
        due: list[tuple[SessionLevel, Tick]] = []
        moved, self._moved = self._moved, {}
        for level in moved:
            if self._is_told(level) and (tick := level.tick()) is not None:
                due.append((level, tick))
            await checkpoint()
        for start in range(0, len(due), WRITTEN_AT_ONCE):
            await self._write(due[start : start + WRITTEN_AT_ONCE])
        self._measure()

    def _is_told(self, level: SessionLevel) -> bool:
        """Whether it is what it was read as, and its bars are not over."""
        standing = level.standing
        reading = self._readings.get(standing.id, _DOUBTED)
        is_sure = reading[1:] != _DOUBTED[1:] and self._levels.get(standing.id) is level
        return is_sure and self._clock.now() < standing.close + self._lateness

    async def _write(self, due: Sequence[tuple[SessionLevel, Tick]]) -> None:
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

    def _measure(self) -> None:
        now, oldest = self._clock.now(), 0.0
        for level in self._levels.values():
            standing = level.standing
            if standing.open <= now < standing.close:
                told = standing.open if level.told is None else max(standing.open, level.told[0])
                oldest = max(oldest, now - told)
        INDEX_LEVEL_AGE.set(oldest)


_BUILT = "SELECT id, code, revision, version FROM indices WHERE revision > 0"
