"""The key pair by which push services, and browsers, know that it is us: VAPID, RFC 8292."""

from contextlib import suppress

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from py_vapid import Vapid02
from py_vapid.utils import b64urlencode
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from tradeapi.clock import Clock
from tradeapi.database import Database
from tradeapi.errors import Unavailable
from tradeapi.notifications.push.models import PushKey
from tradeapi.security.safe import Lost, Safe

PURPOSE = "push"
THE_ONE = 1


class PushKeys:
    """Made when it is first asked for, once; then all processes have the same."""

    def __init__(self, database: Database, safe: Safe, clock: Clock) -> None:
        self._database = database
        self._safe = safe
        self._clock = clock
        self._vapid: Vapid02 | None = None

    async def current(self) -> Vapid02:
        """Raises Unavailable where SECRET_KEY is not the one that it was stored under.

        It is not made anew then: each browser would have to subscribe again.
        """
        if self._vapid is None:
            sealed = await self._find()
            while sealed is None:
                await self._make()
                sealed = await self._find()
            try:
                self._vapid = Vapid02.from_pem(self._safe.open(sealed).encode())
            except Lost as error:
                raise Unavailable(
                    "The key by which browsers know us can not be read.", code="push_unavailable"
                ) from error
        return self._vapid

    async def public(self) -> str:
        """As browsers take it for their `applicationServerKey`."""
        vapid = await self.current()
        point = vapid.public_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return str(b64urlencode(point))

    async def _find(self) -> bytes | None:
        async with self._database.reading() as session:
            return await session.scalar(select(PushKey.private).where(PushKey.id == THE_ONE))

    async def _make(self) -> None:
        vapid = Vapid02()
        vapid.generate_keys()
        pem = vapid.private_pem().decode()
        # Another process may have been faster: then its key is the one.
        with suppress(IntegrityError):
            async with self._database.transaction() as session:
                session.add(
                    PushKey(id=THE_ONE, private=self._safe.close(pem), created_at=self._clock.now())
                )
