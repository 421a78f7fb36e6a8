"""Shares: whoever has been given the token of one may look at the charts or watchlists that it
names.

They are in no table: what ends one before its time is a revocation, of the share or of all that its
owner has made so far.
"""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from tradeapi.auth.revocations import Kind, Revocations, all_shares
from tradeapi.clock import Clock
from tradeapi.errors import Unauthenticated
from tradeapi.security.share_tokens import ShareTokens
from tradeapi.web.principal import Principal, Share


@dataclass(frozen=True, slots=True)
class Issued:
    """`expires` is in seconds since 1970; by its id a share is ended."""

    id: UUID
    token: str
    expires: float


@dataclass(frozen=True, slots=True)
class Shares:
    """Everybody's; whose the things are its callers have made sure of."""

    tokens: ShareTokens
    revocations: Revocations
    clock: Clock

    def make(
        self,
        owner: UUID,
        charts: Collection[str] = (),
        watchlists: Collection[str] = (),
        *,
        days: float,
    ) -> Issued:
        """Raises Invalid for nothing, for too many, and for too long a time."""
        now = self.revocations.after(Kind.SHARE, all_shares(owner))
        token, claims = self.tokens.issue(
            owner=owner, charts=charts, watchlists=watchlists, days=days, now=now
        )
        return Issued(claims.id, token, claims.expires)

    async def end(self, session: AsyncSession, id: UUID) -> None:
        """In the session's transaction."""
        await self.revocations.add(session, Kind.SHARE, id)

    def is_share(self, token: str) -> bool:
        """Whether it says so; anybody can write that."""
        return self.tokens.is_share(token)

    def read(self, token: str) -> Principal:
        """Nobody that is known, who may look at what is shared; raises Unauthenticated."""
        claims, news = self.tokens.read(token, self.clock.now()), self.revocations
        ended = news.since(Kind.SHARE, all_shares(claims.owner))
        if news.since(Kind.SHARE, claims.id) or ended >= claims.issued:
            raise Unauthenticated("The share has been ended.", code="token_revoked")
        share = Share(
            id=claims.id, owner=claims.owner, charts=claims.charts, watchlists=claims.watchlists
        )
        return Principal(share=share, expires=claims.expires)
