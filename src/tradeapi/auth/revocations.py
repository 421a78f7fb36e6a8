"""What has ended before its time: known here at once, and to every process within seconds.

An access token can't be taken back, so each process keeps in mind which logins, keys and users
have been. It reads the news from the database, once a second: that works with any number of
processes, and without a bus.
"""

from collections.abc import Callable
from enum import StrEnum
from functools import partial
from uuid import UUID, uuid5

import anyio
import structlog
from sqlalchemy import Uuid, bindparam, delete, text
from sqlalchemy.ext.asyncio import AsyncSession

from tradeapi.auth.models import Revocation
from tradeapi.clock import Clock
from tradeapi.database import Database, after_commit
from tradeapi.security.share_tokens import MOST_DAYS

POLL_SECONDS = 1.0
# Clocks differ, and transactions commit later than they look at theirs.
OVERLAP_SECONDS = 60.0
# Longer than any access token lives, and than any share.
KEPT_SECONDS = 2 * 3600.0
SHARES_KEPT_SECONDS = (MOST_DAYS + 1) * 86_400.0
# A token's time is to the millisecond.
INSTANT = 0.002

_log = structlog.get_logger("tradeapi.auth")


class Kind(StrEnum):
    """A user's revocation ends what was handed out before it, not what will be; so does that of
    all shares of an owner.
    """

    LOGIN = "login"
    KEY = "key"
    PATH = "path"
    SHARE = "share"
    USER = "user"


Listener = Callable[[Kind, UUID, float], None]


async def forget_in(session: AsyncSession, now: float) -> None:
    """In the database, what is so old that all it ended has ended by itself."""
    for kind in Kind:
        old = (Revocation.kind == kind, Revocation.at < now - _kept_seconds(kind))
        await session.execute(delete(Revocation).where(*old))


class Revocations:
    """`since(kind, subject)` is when it was revoked, 0.0 if it was not."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._known: dict[tuple[Kind, UUID], float] = {}
        self._listeners: list[Listener] = []
        # All that is kept: of shares it is older than of the rest.
        self._read_until = 0.0
        self._is_away = False

    def since(self, kind: Kind, subject: UUID) -> float:
        return self._known.get((kind, subject), 0.0)

    def after(self, kind: Kind, subject: UUID) -> float:
        """The time for what is handed out now: after what is known to be revoked, also where that
        is of a machine whose clock is ahead."""
        return max(self._clock.now(), self.since(kind, subject) + INSTANT)

    def listen(self, listener: Listener) -> None:
        """Have `listener` called for each that becomes known."""
        self._listeners.append(listener)

    async def add(self, session: AsyncSession, kind: Kind, *subjects: UUID) -> None:
        """Revoke in the session's transaction; here it is known as soon as that has committed."""
        for subject in subjects:
            # Else it would be no news, where a clock that is ahead has been first.
            now = self.after(kind, subject)
            await session.execute(_REVOKE, {"kind": kind, "subject": subject, "at": now})
            after_commit(session, partial(self._learn_soon, kind, subject, now))

    async def run(self) -> None:
        """Follow the news."""
        while True:
            await anyio.sleep(POLL_SECONDS)
            await self.look()

    async def look(self) -> None:
        """For news; where the database is away they are read the next time."""
        try:
            await self._read()
        except Exception as error:  # noqa: BLE001  whatever it is, it must not end the asking
            if not self._is_away:
                _log.warning("revocations.away", error=repr(error))
            self._is_away = True
        else:
            self._is_away = False

    def forget(self) -> None:
        """What is so old that all it ended has ended by itself."""
        now = self._clock.now()
        self._known = {
            (kind, subject): at
            for (kind, subject), at in self._known.items()
            if at >= now - _kept_seconds(kind)
        }

    async def _read(self) -> None:
        """What has come since it was read last, however long ago that is."""
        now = self._clock.now()
        async with self._database.read() as raw:
            rows = await raw.fetch(_NEWS, self._read_until - OVERLAP_SECONDS)
        for kind, subject, at in rows:
            # A newer process may revoke what we do not know of.
            if kind in _KINDS:
                self._learn(Kind(kind), UUID(str(subject)), at)
        self._read_until = now

    async def _learn_soon(self, kind: Kind, subject: UUID, at: float) -> None:
        self._learn(kind, subject, at)

    def _learn(self, kind: Kind, subject: UUID, at: float) -> None:
        if self._known.get((kind, subject), 0.0) >= at:
            return
        self._known[kind, subject] = at
        for listener in self._listeners:
            listener(kind, subject, at)


def all_shares(owner: UUID) -> UUID:
    """What stands for them: no id is of two kinds."""
    return uuid5(owner, "shares")


def _kept_seconds(kind: Kind) -> float:
    return SHARES_KEPT_SECONDS if kind is Kind.SHARE else KEPT_SECONDS


_KINDS = frozenset(Kind)
_NEWS = "SELECT kind, subject, at FROM revocations WHERE at > $1"
_REVOKE = text(
    "INSERT INTO revocations (kind, subject, at) VALUES (:kind, :subject, :at) "
    "ON CONFLICT (kind, subject) DO UPDATE SET at = excluded.at"
).bindparams(bindparam("subject", type_=Uuid))
