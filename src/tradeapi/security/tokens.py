"""Access tokens: signed JWTs (RFC 9068) that say who calls, in which login, and may do what.

All there is of python-jose. It lets a token name its own algorithm, and overlooks `crit` and what
is missing. So the header is compared and not read: it must be the very text that we put before
what one of our keys signs, and so the key and its algorithm are known before jose sees a token.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from math import floor
from typing import Literal, Self
from uuid import UUID

from jose import jwk, jws
from jose.exceptions import JWSError
from jose.utils import base64url_decode, base64url_encode
from pydantic import BaseModel, ConfigDict, ValidationError
from uuid_utils import uuid7

from tradeapi.errors import Unauthenticated
from tradeapi.security.keys import Key, TokenKeys
from tradeapi.security.secrets import Secrets
from tradeapi.settings import Settings

TYPE = "at+jwt"
LONGEST = 4096
LEEWAY_SECONDS = 5  # between the clocks of our machines

_token = re.compile(r"([\w-]+)\.[\w-]+\.([\w-]+)", re.ASCII).fullmatch


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
        self._current = keys.accepted[0]
        self._signing = jwk.construct(keys.signing, self._current.algorithm)
        self._keys = {
            _header(key): (jwk.construct(key.verifying, key.algorithm), key)
            for key in keys.accepted
        }

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
        token = jws.sign(
            payload.model_dump_json().encode(),
            self._signing,
            headers={"kid": self._current.id, "typ": TYPE},
            algorithm=self._current.algorithm,
        )
        return Issued(token, payload.exp)

    def read(self, token: str, now: float) -> Claims:
        """Raises Unauthenticated; its code is `token_expired` where another token will do."""
        try:
            payload = _Payload.model_validate_json(self._verified(token))
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
        """The public keys as RFC 7517 has them, for others that want to read our tokens."""
        return {
            "keys": [
                {**verifying.to_dict(), "kid": key.id, "use": "sig"}
                for verifying, key in self._keys.values()
                if not key.is_secret
            ]
        }

    def _verified(self, token: str) -> bytes:
        found = _token(token) if len(token) <= LONGEST else None
        if found is None or found[1] not in self._keys:
            raise _no_good()
        verifying, key = self._keys[found[1]]
        try:
            payload = jws.verify(token, verifying, [key.algorithm])
        except JWSError as error:
            raise _no_good() from error
        # The last character has bits that jose does not look at.
        if base64url_encode(base64url_decode(found[2].encode())) != found[2].encode():
            raise _no_good()
        return payload


def _header(key: Key) -> str:
    header = {"alg": key.algorithm, "kid": key.id, "typ": TYPE}
    encoded: bytes = base64url_encode(json.dumps(header, separators=(",", ":")).encode())
    return encoded.decode()


def _no_good() -> Unauthenticated:
    return Unauthenticated("The access token is no good.")
