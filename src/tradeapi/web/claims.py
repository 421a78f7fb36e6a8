"""What a caller claims with a key of its own: that this request is carried out once.

The answer goes into the transaction of what it tells of, so there is never one without the other,
whenever a process dies.
"""

import os
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import BigInteger, bindparam, delete, func, insert, literal, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response
from starlette.types import Scope

from tradeapi.errors import Conflict, Invalid, TooMany
from tradeapi.web.models import KeptAnswer

CLAIM = "tradeapi.claim"
KEPT_SECONDS = 24 * 3600.0
# Of one user; beyond either the oldest go. The newest stays, however long it is.
MOST_KEPT = 1000
MOST_KEPT_BYTES = 8 * 1024 * 1024
# By each answer that is kept: the old ones go faster than new ones come.
MOST_FORGOTTEN = 100
NONCE_BYTES = 12
REPLAYED = (b"idempotency-replayed", b"true")

_kept = select(KeptAnswer.fingerprint, KeptAnswer.sealed, KeptAnswer.expires_at)
_forget = delete(KeptAnswer).where(
    KeptAnswer.name.in_(
        select(KeptAnswer.name)
        .where(KeptAnswer.expires_at <= bindparam("now"))
        .order_by(KeptAnswer.expires_at)
        .limit(MOST_FORGOTTEN)
        # Who keeps an answer at the same time forgets others: nobody waits.
        .with_for_update(skip_locked=True)
    )
)
_newest_first = (KeptAnswer.expires_at.desc(), KeptAnswer.name)
_owned = (
    select(
        KeptAnswer.name,
        func.row_number().over(order_by=_newest_first).label("count"),
        func.sum(func.length(KeptAnswer.sealed)).over(order_by=_newest_first).label("bytes"),
    )
    .where(KeptAnswer.user_id == bindparam("user"))
    .subquery()
)
_make_room = delete(KeptAnswer).where(
    KeptAnswer.name.in_(
        select(KeptAnswer.name)
        .where(
            KeptAnswer.name.in_(
                select(_owned.c.name).where(
                    (_owned.c.count >= MOST_KEPT)
                    | (_owned.c.bytes > MOST_KEPT_BYTES - bindparam("size", type_=BigInteger))
                )
            )
        )
        .with_for_update(skip_locked=True)
    )
)


class InFlight(Conflict, TooMany):
    """A 409; a TooMany too, for those say when to come again."""

    code = "idempotency_in_flight"

    def __init__(self) -> None:
        super().__init__("A request with this key is under way; ask again.", retry_after=1)


@dataclass(frozen=True, slots=True)
class Seal:
    """Encrypts with the first key, and reads what any of them has encrypted."""

    keys: tuple[bytes, ...]

    def close(self, text: bytes, about: str) -> bytes:
        """`about` is not encrypted, and not in the result; nothing else opens it again."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + AESGCM(self.keys[0]).encrypt(nonce, text, about.encode())

    def open(self, sealed: bytes, about: str) -> bytes:
        """Raises Conflict where none of the keys fits."""
        for key in self.keys:
            with suppress(InvalidTag):
                nonce, text = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
                return AESGCM(key).decrypt(nonce, text, about.encode())
        raise Conflict(
            "This was carried out, but its answer can not be read any more.",
            code="idempotency_lost",
        )


class Claim:
    """One user's key on one request, from the beginning of its transaction to the end.

    `first` is the answer that was given before, if there was one; `response` the one to keep.
    """

    def __init__(self, user: UUID, name: str, fingerprint: str, now: float, seal: Seal) -> None:
        self.user = user
        self.name = name
        self.first: Response | None = None
        self.response: Response | None = None
        self._fingerprint = fingerprint
        self._now = now
        self._seal = seal

    async def begin(self, session: AsyncSession) -> None:
        """Raises InFlight while a twin is under way, and Invalid for another request's key."""
        await self._lock(session)
        # Only now: who waited for the lock, or came just after, sees what the twin has committed.
        found = await session.execute(_kept.where(KeptAnswer.name == self.name))
        kept = found.one_or_none()
        if kept is None:
            return
        if kept.expires_at <= self._now:
            await session.execute(delete(KeptAnswer).where(KeptAnswer.name == self.name))
            return
        if kept.fingerprint != self._fingerprint:
            raise Invalid(
                "This key was used for another request; take a new one for each.",
                code="idempotency_mismatch",
            )
        self.first = _read(self._seal.open(kept.sealed, self._about))

    async def end(self, session: AsyncSession) -> None:
        """Keep the answer, if it is a success; raises InFlight where a twin was faster."""
        if self.first is not None:
            return
        if self.response is None:
            raise RuntimeError("The transaction would end before there is an answer to keep.")
        if not 200 <= self.response.status_code < 300:
            return
        # A fault of the handler's own rows is not one of ours.
        await session.flush()
        sealed = self._seal.close(_write(self.response), self._about)
        await session.execute(_forget, {"now": self._now})
        await session.execute(_make_room, {"user": self.user, "size": len(sealed)})
        kept = insert(KeptAnswer).values(
            name=self.name,
            user_id=self.user,
            fingerprint=self._fingerprint,
            sealed=sealed,
            expires_at=self._now + KEPT_SECONDS,
        )
        try:
            await session.execute(kept)
        except IntegrityError as error:
            raise InFlight from error

    @property
    def _about(self) -> str:
        return self.name + self._fingerprint

    async def _lock(self, session: AsyncSession) -> None:
        """SQLite has one writer, which is this session already; the others wait."""
        if session.get_bind().dialect.name == "sqlite":
            return
        number = int.from_bytes(bytes.fromhex(self.name)[:8], signed=True)
        attempt = func.pg_try_advisory_xact_lock(literal(number, BigInteger))
        if not await session.scalar(select(attempt)):
            raise InFlight


def claim_of(scope: Scope) -> Claim | None:
    claim: Claim | None = scope.get(CLAIM)
    return claim


def digest_of(*parts: bytes) -> str:
    """Other parts have another digest, wherever one ends and the next begins."""
    return sha256(b"".join(sha256(part).digest() for part in parts)).hexdigest()


def _write(response: Response) -> bytes:
    headers = [
        (name.decode("latin-1"), value.decode("latin-1")) for name, value in response.raw_headers
    ]
    # JSON on one line, then the body as it is.
    return orjson.dumps([response.status_code, headers]) + b"\n" + response.body


def _read(text: bytes) -> Response:
    head, _, body = text.partition(b"\n")
    status, headers = orjson.loads(head)
    response = Response(body, status)
    response.raw_headers = [
        *((name.encode("latin-1"), value.encode("latin-1")) for name, value in headers),
        REPLAYED,
    ]
    return response
