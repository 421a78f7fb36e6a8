"""Share tokens: signed JWTs that name charts or watchlists of one owner, for whoever is to look at
them.

They have a type and an audience of their own, and no scope: none is ever taken for an access token,
nor an access token for one.
"""

from collections.abc import Collection
from dataclasses import dataclass
from math import floor
from typing import Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, ValidationError
from uuid_utils.compat import uuid7

from tradeapi.errors import Invalid, Unauthenticated
from tradeapi.security.keys import TokenKeys
from tradeapi.security.secrets import Secrets
from tradeapi.security.signatures import LEEWAY_SECONDS, LONGEST, Signatures
from tradeapi.settings import Settings

TYPE = "share+jwt"
MOST_DAYS = 30
DAY = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareClaims:
    """What a token says; its times are in seconds since 1970, to the millisecond."""

    id: UUID
    owner: UUID
    charts: frozenset[str]
    watchlists: frozenset[str]
    issued: float
    expires: float


class _Payload(BaseModel):
    """Other claims are overlooked, so that an older process can read what a newer one issues."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False, hide_input_in_errors=True)

    iss: Literal["tradeapi"]
    aud: Literal["tradeapi/shares"]
    sub: UUID
    jti: UUID
    iat: float
    nbf: float
    exp: float
    chart_ids: list[str]
    watchlist_ids: list[str] = []

    @property
    def claims(self) -> ShareClaims:
        return ShareClaims(
            id=self.jti,
            owner=self.sub,
            charts=frozenset(self.chart_ids),
            watchlists=frozenset(self.watchlist_ids),
            issued=self.iat,
            expires=self.exp,
        )


class ShareTokens:
    """Issues tokens that are good for a while; reads those that any of the keys has signed."""

    def __init__(self, keys: TokenKeys) -> None:
        self._signatures = Signatures(keys, TYPE)

    @classmethod
    def of(cls, settings: Settings, secrets: Secrets) -> Self:
        """Raises NotStarted for a key that is no good."""
        return cls(TokenKeys.of(settings, secrets))

    def issue(
        self,
        *,
        owner: UUID,
        charts: Collection[str] = (),
        watchlists: Collection[str] = (),
        days: float,
        now: float,
    ) -> tuple[str, ShareClaims]:
        """Raises Invalid for nothing, for more than a token can name, and for too long a time."""
        if not 0 < days <= MOST_DAYS:
            raise Invalid(f"A share lasts up to {MOST_DAYS} days.")
        issued = floor(now * 1000) / 1000
        payload = _Payload(
            iss="tradeapi",
            aud="tradeapi/shares",
            sub=owner,
            jti=uuid7(),
            iat=issued,
            nbf=issued,
            exp=round(now + days * DAY, 3),
            chart_ids=sorted(charts),
            watchlist_ids=sorted(watchlists),
        )
        token = self._signatures.sign(payload.model_dump_json(exclude_defaults=True).encode())
        if not (charts or watchlists) or len(token) > LONGEST:
            raise Invalid("A share names one thing or more, and not too many.")
        return token, payload.claims

    def is_share(self, token: str) -> bool:
        """Whether it says so; `read` tells whether it is true."""
        return self._signatures.is_of_type(token)

    def read(self, token: str, now: float) -> ShareClaims:
        """Raises Unauthenticated; its code is `token_expired` where it was good once."""
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
            raise Unauthenticated("The share token has expired.", code="token_expired")
        return payload.claims


def _no_good() -> Unauthenticated:
    return Unauthenticated("The share token is no good.")
