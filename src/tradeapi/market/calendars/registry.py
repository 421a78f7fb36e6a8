"""The calendars in use, each loaded once, built where it is missing and renewed before it ends."""

import anyio
import structlog
from sqlalchemy.exc import DBAPIError

from tradeapi.clock import Clock
from tradeapi.database import Database, raw
from tradeapi.errors import Invalid, Unavailable
from tradeapi.market.calendars.build import build_apart, known_codes, unknown_calendar
from tradeapi.market.calendars.calendar import CONTINUOUS, Calendar, Continuous, load
from tradeapi.market.calendars.days import DAY

# A calendar is built up to a year ahead; it is renewed when this much of it is left, and where
# that brings nothing new, looked at again a day later.
RENEW_BEFORE_END = 120 * DAY
LOOK_AGAIN_AFTER = DAY

log = structlog.get_logger()


class Calendars:
    """Calendars by their code, from the table `calendars`.

    Ask for one that may have to be built outside of a writing transaction: building takes about
    two seconds, and saving it takes SQLite's one writer's lock.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._known: dict[str, Calendar] = {CONTINUOUS: Continuous()}
        self._good_until: dict[str, float] = {CONTINUOUS: float("inf")}
        self._lock = anyio.Lock()
        # What is refused takes a process to find out, which no caller may have us do again.
        self._codes: frozenset[str] = frozenset()
        self._refused: dict[str, str] = {}

    async def get(self, code: str) -> Calendar:
        """Raises Invalid (unknown_calendar) for a code that nobody knows."""
        if self._is_good(code):
            return self._known[code]
        async with self._lock:
            if not self._is_good(code):
                self._known[code] = calendar = await self._find(code)
                self._good_until[code] = max(
                    calendar.until - RENEW_BEFORE_END, self._clock.now() + LOOK_AGAIN_AFTER
                )
            return self._known[code]

    def _is_good(self, code: str) -> bool:
        return self._clock.now() < self._good_until.get(code, 0)

    async def _find(self, code: str) -> Calendar:
        stored = await self._load(code)
        if stored is not None and self._clock.now() < stored.until - RENEW_BEFORE_END:
            return stored
        try:
            data = await self._build(code)
        except (Invalid, Unavailable):
            if stored is None:
                raise
            log.warning("calendar.not_renewed", calendar=code, until=stored.until)
            return stored
        await self._save(code, data)
        return load(code, data)

    async def _build(self, code: str) -> bytes:
        if code in self._refused:
            raise Invalid(self._refused[code], code="unknown_calendar")
        if self._codes and code not in self._codes:
            raise unknown_calendar(code)
        try:
            return await build_apart(code)
        except Invalid as error:
            self._codes = self._codes or await known_codes()
            if code in self._codes:
                self._refused[code] = str(error)
            raise

    async def _load(self, code: str) -> Calendar | None:
        async with self._database.read() as connection:
            rows = await connection.fetch("SELECT sessions FROM calendars WHERE code = $1", code)
        return load(code, rows[0][0]) if rows else None

    async def _save(self, code: str, data: bytes) -> None:
        try:
            async with self._database.transaction() as session:
                await (await raw(session)).execute(_SAVE, code, data, int(self._clock.now()))
        except DBAPIError:
            # It is as good unsaved: whoever needs it next builds it again.
            log.warning("calendar.not_saved", calendar=code, exc_info=True)


_SAVE = """
INSERT INTO calendars (code, sessions, built_at) VALUES ($1, $2, $3)
ON CONFLICT (code) DO UPDATE SET sessions = excluded.sessions, built_at = excluded.built_at
"""
