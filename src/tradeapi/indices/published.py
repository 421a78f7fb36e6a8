"""What is published of the indices that are asked for, as columns at hand.

Builds that the bus tells of are heard of at once, all others within a second by asking the
database. When that has not worked for two seconds, nothing that was made of it is good any more.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Never

import anyio
import numpy as np
import structlog

from tradeapi.analytics.bars import Float64Array, Int64Array
from tradeapi.analytics.indices.methodology import Return
from tradeapi.bus.port import Bus
from tradeapi.database import Database
from tradeapi.errors import NotFound
from tradeapi.indices.events import INDICES, Changed
from tradeapi.indices.rules import hash_of
from tradeapi.indices.schemas import Rules
from tradeapi.indices.service import symbol_of
from tradeapi.metrics import CACHE_ENTRIES, CACHE_HITS, CACHE_MISSES

ASK_EVERY_SECONDS = 1.0
TRUSTED_SECONDS = 2.0
FORGOTTEN_AFTER_SECONDS = 600.0
MOST_KEPT = 256

log = structlog.get_logger()
_hits = CACHE_HITS.labels("index_levels")
_misses = CACHE_MISSES.labels("index_levels")
_entries = CACHE_ENTRIES.labels("index_levels")

# The id, version and revision of an index: one that is made again with the code of another one
# begins with the same version and revision.
_At = tuple[int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Series:
    """All levels of one index at one revision, with the turnover at each close.

    `days` are the sessions' 00:00 UTC in epoch seconds (int64), ascending; there is at least one.
    `return_type` is None where the index has other rules by now: those of its levels are gone.
    """

    id: int
    code: str
    version: int
    revision: int
    currency: str
    calendar: str
    return_type: Return | None
    methodology: str
    days: Int64Array
    levels: Float64Array
    turnover: Float64Array

    @property
    def symbol(self) -> str:
        return symbol_of(self.code)

    @property
    def at(self) -> _At:
        return self.id, self.version, self.revision

    @property
    def state(self) -> str:
        """Names what an answer is made of, for ETags."""
        return f"{self.id}.{self.version}.{self.revision}"


class Published:
    """`hear` is to be subscribed to the indices' changes, `run` to be a task of the process."""

    def __init__(self, database: Database, bus: Bus) -> None:
        self._database = database
        self._bus = bus
        self._kept: dict[str, Series] = {}
        self._asked: dict[str, float] = {}
        self._checked_at = time.monotonic()
        self._wanted: set[str] = set()
        self._told = anyio.Event()

    async def get(self, code: str) -> Series:
        """Raises NotFound for no such index, and for one that is not built."""
        now = time.monotonic()
        series = self._kept.get(code)
        if series is not None and now - self._checked_at < TRUSTED_SECONDS:
            _hits.inc()
            self._asked[code] = now
            return series
        _misses.inc()
        return await self._read(code)

    async def anew(self, code: str) -> Series:
        """As it is this moment, for whoever has seen that there is another revision."""
        return await self._read(code)

    def holds(self, series: Series) -> Callable[[], bool]:
        """Whether an answer made of these levels is still what a new one would be."""

        def is_good() -> bool:
            now = time.monotonic()
            kept = self._kept.get(series.code)
            if kept is None:
                return False
            self._asked[series.code] = now
            return kept.at == series.at and now - self._checked_at < TRUSTED_SECONDS

        return is_good

    def hear(self, change: Changed) -> None:
        """Another revision is read at once, before somebody asks for it."""
        kept = self._kept.get(change.code)
        if kept is not None and (kept.version, kept.revision) != (change.version, change.revision):
            del self._kept[change.code]
            self._wanted.add(change.code)
            self._told.set()

    async def run(self) -> Never:
        while True:
            with anyio.move_on_after(ASK_EVERY_SECONDS):
                await self._told.wait()
            self._told = anyio.Event()
            try:
                await self._look()
            except Exception as error:  # noqa: BLE001  whatever it is, it must not end the asking
                log.warning("indices.not_asked", error=repr(error))

    async def _look(self) -> None:
        began = time.monotonic()
        for code in [code for code, at in self._asked.items() if self._is_forgotten(at, began)]:
            self._forget(code)
        found = await self._states([*self._kept]) if self._kept else {}
        for code, series in [*self._kept.items()]:
            if found.get(code) != series.at:
                self._kept.pop(code, None)
                if code in found:
                    self._wanted.add(code)
                else:
                    self._forget(code)
        self._checked_at = began
        while self._wanted:
            try:
                await self._read(self._wanted.pop())
            except NotFound:
                continue

    @staticmethod
    def _is_forgotten(at: float, now: float) -> bool:
        return now - at > FORGOTTEN_AFTER_SECONDS

    async def _states(self, codes: Sequence[str]) -> Mapping[str, _At]:
        async with self._database.read() as raw:
            chosen, argument = raw.one_of("$1", codes)
            rows = await raw.fetch(_STATES.format(chosen), argument)
        return {row[0]: (row[1], row[2], row[3]) for row in rows}

    async def _read(self, code: str) -> Series:
        async with self._database.read() as raw:
            rows = await raw.fetch(_SERIES, code)
        if not rows:
            raise NotFound(f"There is no index {code[:40]}.", code="unknown_index")
        if rows[0][8] is None:
            raise NotFound(f"{code} is not built yet.", code="index_not_built")
        series = _series(code, rows)
        if code not in self._asked:
            self._bus.follow(INDICES, code)
            self._asked[code] = time.monotonic()
        known = self._kept.pop(code, series)
        self._kept[code] = max(known, series, key=lambda one: one.at)
        if len(self._kept) > MOST_KEPT:
            self._forget(next(iter(self._kept)))
        _entries.set(len(self._kept))
        return series

    def _forget(self, code: str) -> None:
        self._kept.pop(code, None)
        if self._asked.pop(code, None) is not None:
            self._bus.unfollow(INDICES, code)
        _entries.set(len(self._kept))


def _series(code: str, rows: Sequence[Sequence[Any]]) -> Series:
    id, version, revision, currency, calendar, methodology, definition = rows[0][:7]
    rules = Rules.model_validate_json(definition)
    is_current = hash_of(rules, calendar) == methodology
    column = partial(_column, rows)
    return Series(
        id=id,
        code=code,
        version=version,
        revision=revision,
        currency=currency,
        calendar=calendar,
        return_type=rules.return_type if is_current else None,
        methodology=methodology,
        days=column(7).astype(np.int64),
        levels=column(8),
        turnover=column(9),
    )


def _column(rows: Sequence[Sequence[Any]], place: int) -> Float64Array:
    return np.array([row[place] for row in rows], np.float64)


_STATES = "SELECT code, id, version, revision FROM indices WHERE code {}"
# The state of the index and its levels in one statement, so that both are of one moment.
_SERIES = """
SELECT i.id, i.version, i.revision, i.currency, i.calendar, i.methodology,
  CASE WHEN ROW_NUMBER() OVER (ORDER BY s.day) = 1 THEN CAST(i.definition AS text) END,
  s.day, s.level, s.turnover
FROM indices i LEFT JOIN index_sessions s ON s.index_id = i.id AND NOT s.is_staged
WHERE i.code = $1 ORDER BY s.day
"""
