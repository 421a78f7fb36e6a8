"""The newest version of each symbol that answers are kept of, so that no kept answer is stale.

Changes made in this process are heard of before whoever made them gets an answer; those made by
other processes (an import, for example) are seen within a second by asking the database. When that
has not worked for two seconds, nothing that was kept is good any more.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import structlog

from tradeapi.clock import Clock
from tradeapi.database import Database
from tradeapi.market.events import Changed
from tradeapi.market.symbols.directory import Directory

ASK_EVERY_SECONDS = 1.0
TRUSTED_SECONDS = 2.0
FORGOTTEN_AFTER_SECONDS = 60.0
MOST_WATCHED = 10_000

_GONE = -1

log = structlog.get_logger()


class Watched:
    """What is known of one symbol; made before it is read, so that no change falls in between."""

    __slots__ = ("asked", "listed", "revision", "version")

    def __init__(self) -> None:
        self.version = self.revision = self.listed = 0
        self.asked = time.monotonic()

    def saw(self, version: int, revision: int, listed: int = 0) -> None:
        """Reports may overtake each other; all of these numbers only rise."""
        if self.version != _GONE:
            self.version = max(version, self.version)
            self.revision = max(revision, self.revision)
            self.listed = max(listed, self.listed)

    def forget(self) -> None:
        self.version = self.revision = self.listed = _GONE


@dataclass(frozen=True, slots=True)
class State:
    """What an answer was made of: with `version` None later bars don't change it.

    `listed` is the version of the symbol itself, `edits` the directory's count of such changes.
    """

    revision: int
    listed: int
    edits: int
    version: int | None
    until: float

    @property
    def name(self) -> str:
        return f"{self.revision}.{self.listed}.{'' if self.version is None else self.version}"

    def is_still(self, watched: Watched) -> bool:
        return (
            self.revision == watched.revision
            and self.listed == watched.listed
            and (self.version is None or self.version == watched.version)
        )


class Newest:
    """`listen` is to be subscribed to the market's changes, `run` to be a task of the process."""

    def __init__(self, database: Database, directory: Directory, clock: Clock) -> None:
        self._database = database
        self._directory = directory
        self._clock = clock
        self._watched: dict[int, Watched] = {}
        self._asked_at = time.monotonic()

    def watch(self, symbol_id: int) -> Watched:
        watched = self._watched.get(symbol_id)
        if watched is None:
            if len(self._watched) >= MOST_WATCHED:
                self._watched.pop(next(iter(self._watched))).forget()
            watched = self._watched[symbol_id] = Watched()
        watched.asked = time.monotonic()
        return watched

    def holds(self, watched: Watched, state: State) -> Callable[[], bool]:
        """Whether an answer made of this state is still what a new one would be."""

        def is_good() -> bool:
            now = watched.asked = time.monotonic()
            return (
                state.is_still(watched)
                and state.edits == self._directory.edits
                and now - self._asked_at < TRUSTED_SECONDS
                and self._clock.now() < state.until
            )

        return is_good

    async def is_newest(
        self, symbol_id: int, watched: Watched, version: int, revision: int, *, is_closed: bool
    ) -> bool:
        """Whether what another server had at this version is what the database has.

        Where later bars change nothing it is enough that a kept answer would hold. What may still
        change is held against the database itself, which is asked now, after the other server.
        """
        is_trusted = time.monotonic() - self._asked_at < TRUSTED_SECONDS
        if is_closed and is_trusted and watched.version > 0 and watched.revision == revision:
            return True
        async with self._database.read() as raw:
            rows = await raw.fetch(_HEAD, symbol_id)
        for newest, revised in rows:
            watched.saw(newest, revised)
            return bool(revised == revision and (is_closed or newest == version))
        return False

    def listen(self, change: Changed) -> None:
        watched = self._watched.get(change.symbol_id)
        if watched is not None:
            watched.saw(change.version, change.revision)

    async def run(self) -> NoReturn:
        while True:
            try:
                await self.ask()
            except Exception as error:  # noqa: BLE001  whatever it is, it must not end the asking
                log.warning("newest.not_asked", error=repr(error))
            await asyncio.sleep(ASK_EVERY_SECONDS)

    async def ask(self) -> None:
        """Learn from the database what other processes changed."""
        asked_at = time.monotonic()
        for symbol_id, watched in list(self._watched.items()):
            if asked_at - watched.asked > FORGOTTEN_AFTER_SECONDS:
                self._watched.pop(symbol_id).forget()
        watching = dict(self._watched)
        if watching:
            found = await self._read(list(watching))
            for symbol_id, watched in watching.items():
                self._learn(symbol_id, watched, found)
        self._asked_at = asked_at

    async def _read(self, ids: Sequence[int]) -> Mapping[int, Sequence[Any]]:
        async with self._database.read() as raw:
            chosen, argument = raw.one_of("$1", ids)
            rows = await raw.fetch(_HEADS.format(chosen), argument)
        return {row[0]: row[1:] for row in rows}

    def _learn(self, symbol_id: int, watched: Watched, found: Mapping[int, Sequence[Any]]) -> None:
        if symbol_id in found:
            watched.saw(*found[symbol_id])
        else:
            self._watched.pop(symbol_id, None)
            watched.forget()


_HEAD = "SELECT version, revision FROM heads WHERE symbol_id = $1"
_HEADS = """
SELECT h.symbol_id, h.version, h.revision, s.version FROM heads h
JOIN symbols s ON s.id = h.symbol_id WHERE h.symbol_id {}
"""
