"""The levels of all indices that are built, each for the session after its last one."""

from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from typing import Never

import anyio
from anyio.lowlevel import checkpoint

from tradeapi.bus.port import Bus
from tradeapi.clock import Clock
from tradeapi.database import Database
from tradeapi.errors import Unavailable
from tradeapi.indices.events import INDICES, Changed
from tradeapi.indices.intraday.followed_symbol import FollowedSymbol
from tradeapi.indices.intraday.session_level import SessionLevel
from tradeapi.indices.intraday.standing import Standing, standing_of
from tradeapi.indices.intraday.telling import Telling
from tradeapi.market.calendars.registry import Calendars
from tradeapi.market.live.watches import Watches
from tradeapi.market.store.bar_store import BarStore
from tradeapi.metrics import INDEX_LEVEL_AGE
from tradeapi.streams.background import safely
from tradeapi.web.outages import outage

ASK_EVERY_SECONDS = 1.0
OPENED_AT_ONCE = 200

# The code, the revision and the version that an index was read at.
_Reading = tuple[str, int, int]
_NONE = -1


class LevelEngine:
    """One process at a time runs it: `database` writes only as long as that is this one.

    It keeps nothing of its own: all that it knows is read again where it is begun anew.
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
        self._doubts = 0
        self._is_doubted = anyio.Event()
        self._telling = Telling(self._database, self._store, self._clock, lateness=self._lateness)

    async def run(self) -> None:
        """Until it is cancelled; raises Lost where another process has taken over."""
        self._begin()
        try:
            with ExitStack() as resources:
                resources.enter_context(self._bus.subscribe(INDICES, self._hear))
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(self._ask_for_ever)
                    tasks.start_soon(self._telling.run)
        finally:
            for id in [*self._readings]:
                self._forget(id)
            self._end_idle()
            INDEX_LEVEL_AGE.set(0)

    @property
    def is_at_rest(self) -> bool:
        """Whether all that has moved is told."""
        return self._telling.is_at_rest

    # What symbols ask.

    def move(self, level: SessionLevel) -> None:
        self._telling.move(level)

    def doubt(self, symbol: FollowedSymbol) -> None:
        """Until those that it counts for are read again, nothing is told of them."""
        self._doubts += 1
        symbol.doubted = self._doubts
        for level in symbol.levels:
            self._telling.remove(level)
            self._doubt(level.standing.id)
        self._is_doubted.set()

    def lose(self, symbol: FollowedSymbol) -> None:
        if self._symbols.get(symbol.id) is symbol:
            del self._symbols[symbol.id]
            symbol.watch.followers.pop(symbol, None)
            self._watches.close(symbol.watch)

    # Builds come, and indices go.

    def _hear(self, _: Changed) -> None:
        self._is_doubted.set()

    async def _ask_for_ever(self) -> Never:
        while True:
            await safely("indices.not_asked", self._ask)
            with anyio.move_on_after(ASK_EVERY_SECONDS):
                await self._is_doubted.wait()
            self._is_doubted = anyio.Event()

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
            standing = await self._settled(id)
        except Exception as error:
            if isinstance(error, Unavailable) or outage(error) is not None:
                self._doubt(id)
            # Else it is none the better next time, unless it is edited or built.
            raise
        if standing is not None:
            self._join(SessionLevel(standing))

    async def _settled(self, id: int) -> Standing | None:
        """Read while all that counts for it was followed, and nobody has doubted it."""
        while True:
            doubts = self._doubts
            standing = await standing_of(self._database, self._calendars, id)
            if standing is None:
                return None
            names = _symbols_of(standing)
            if not await self._follow(names):
                followed = [self._symbols[id] for id in names if id in self._symbols]
                if all(symbol.doubted <= doubts for symbol in followed):
                    return standing

    async def _follow(self, names: Mapping[int, str]) -> bool:
        """Have all these symbols be followed, but for those that are gone meanwhile; whether some
        were not before."""
        missing = [id for id in names if id not in self._symbols]
        before = len(self._symbols)
        for start in range(0, len(missing), OPENED_AT_ONCE):
            some = [names[id] for id in missing[start : start + OPENED_AT_ONCE]]
            for watch in (await self._watches.open_many(some)).values():
                if watch.listing.id in self._symbols:
                    self._watches.close(watch)
                else:
                    self._symbols[watch.listing.id] = FollowedSymbol(watch, self)
            await checkpoint()
        return len(self._symbols) > before

    def _doubt(self, id: int) -> None:
        """Have an index be read again."""
        self._readings[id] = (self._readings[id][0], _NONE, _NONE)

    def _forget(self, id: int) -> None:
        code, _, _ = self._readings.pop(id)
        self._bus.unfollow(INDICES, code)
        self._leave(id)

    def _join(self, level: SessionLevel) -> None:
        self._levels[level.standing.id] = level
        for id in level.symbols:
            if id in self._symbols:
                self._symbols[id].join(level)
        self._telling.add(level)

    def _leave(self, id: int) -> None:
        level = self._levels.pop(id, None)
        if level is None:
            return
        self._telling.remove(level)
        for symbol_id in level.symbols:
            if symbol_id in self._symbols:
                self._symbols[symbol_id].levels.pop(level, None)

    def _end_idle(self) -> None:
        """Follow no more what counts for no index."""
        for symbol in [one for one in self._symbols.values() if not one.levels]:
            self.lose(symbol)


def _symbols_of(standing: Standing) -> dict[int, str]:
    """All that count for an index, by their ids."""
    ground = standing.ground
    names = {member.id: member.symbol for member in ground.universe.members}
    converters = {id: ground.rules.fx[currency] for currency, id in ground.converters.items()}
    return names | {id: symbol.upper() for id, symbol in converters.items()}


_BUILT = "SELECT id, code, revision, version FROM indices WHERE revision > 0"
