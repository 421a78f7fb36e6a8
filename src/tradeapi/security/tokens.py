"""Access tokens: signed JWTs (RFC 9068) that say who calls, in which login, and may do what."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import floor
from typing import Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, ValidationError
from uuid_utils import uuid7

from tradeapi.errors import Unauthenticated
from tradeapi.security.keys import TokenKeys
from tradeapi.security.secrets import Secrets
from tradeapi.security.signatures import LEEWAY_SECONDS, Signatures
from tradeapi.settings import Settings

TYPE = "at+jwt"


@dataclass(frozen=True, slots=True)
class Issued:
    """`expires` is in seconds since 1970."""

    token: str
    expires: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What a token says; its times are in seconds since 1970, to the millisecond."""

    id: str
    subject: UUID
    session: UUID
    scopes: frozenset[str]
    issued: float
    expires: float


class _Payload(BaseModel):
    """Other claims are overlooked, so that an older process can read what a newer one issues."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False, hide_input_in_errors=True)

    iss: Literal["tradeapi"]
    aud: Literal["tradeapi"]
    sub: UUID
    sid: UUID
    scope: str
    iat: float
    nbf: float
    exp: float
    jti: str


class AccessTokens:
    """Issues tokens that are good for a while; reads those that any of the keys has signed."""

    def __init__(self, keys: TokenKeys, *, lifetime_seconds: float) -> None:
        self._lifetime = lifetime_seconds
        self._signatures = Signatures(keys, TYPE)

    @classmethod
    def of(cls, settings: Settings, secrets: Secrets) -> Self:
        """Raises NotStarted for a key that is no good."""
        lifetime_seconds = settings.access_token_expire_minutes * 60
        return cls(TokenKeys.of(settings, secrets), lifetime_seconds=lifetime_seconds)

    def issue(self, *, subject: UUID, session: UUID, scopes: Iterable[str], now: float) -> Issued:
        payload = _Payload(
            iss="tradeapi",
            aud="tradeapi",
            sub=subject,
            sid=session,
            scope=" ".join(sorted(scopes)),
            # Never later than it is: what is revoked at that moment must be older.
            iat=floor(now * 1000) / 1000,
            nbf=floor(now * 1000) / 1000,
            exp=round(now + self._lifetime, 3),
            jti=uuid7(nanoseconds=int(now * 1e9)).hex,
        )
        token = self._signatures.sign(payload.model_dump_json().encode())
        return Issued(token, payload.exp)

    def read(self, token: str, now: float) -> Claims:
        """Raises Unauthenticated; its code is `token_expired` where another token will do."""
        content = self._signatures.verified(token)
        if content is None:
            raise _no_good()
        try:
            payload = _Payload.model_validate_json(content)
        except ValidationError as error:
            raise _no_good() from error
        if max(payload.iat, payload.nbf) > now + LEEWAY_SECONDS:
            raise _no_good()
        if payload.exp <= now:
            raise Unauthenticated("The access token has expired.", code="token_expired")
        return Claims(
            id=payload.jti,
            subject=payload.sub,
            session=payload.sid,
            scopes=frozenset(payload.scope.split()),
            issued=payload.iat,
            expires=payload.exp,
        )

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """The public keys, for others that want to read our tokens."""
        return self._signatures.jwks()


def _no_good() -> Unauthenticated:
    return Unauthenticated("The access token is no good.")
