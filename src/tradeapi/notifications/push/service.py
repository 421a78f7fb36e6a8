"""The browsers that one user's notifications are pushed to."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import Select, delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from tradeapi.auth.audit import Audit
from tradeapi.auth.owners import lock_owner
from tradeapi.errors import Conflict, Forbidden, NotFound
from tradeapi.notifications.posting.urls import Rules
from tradeapi.notifications.push.browser import Browser
from tradeapi.notifications.push.models import PushSubscription
from tradeapi.notifications.push.schemas import SubscriptionIn
from tradeapi.security.safe import Safe
from tradeapi.security.secrets import digest


async def push_subscriptions_of(session: AsyncSession, owner: UUID) -> Sequence[PushSubscription]:
    """All of one user, for the export."""
    return await PushSubscriptions(session, owner).list()


class PushSubscriptions:
    """The owner's; nobody else's can be reached through it."""

    def __init__(self, session: AsyncSession, owner: UUID) -> None:
        self.session = session
        self.owner = owner

    async def list(self) -> Sequence[PushSubscription]:
        """The oldest first."""
        ordered = self._owned().order_by(PushSubscription.id)
        return (await self.session.scalars(ordered)).all()

    async def get(self, id: UUID) -> PushSubscription:
        found = await self.session.scalar(self._owned().where(PushSubscription.id == id))
        if found is None:
            raise NotFound("You have no such push subscription.")
        return found

    def _owned(self) -> Select[PushSubscription]:
        return select(PushSubscription).where(PushSubscription.user_id == self.owner)


@dataclass(frozen=True, slots=True)
class Subscribing:
    """What can be done with them in one transaction, at the time `now`."""

    subscriptions: PushSubscriptions
    rules: Rules
    safe: Safe
    audit: Audit
    now: float
    most: int

    async def put(self, new: SubscriptionIn) -> PushSubscription:
        """Whoever has the browser now gets what is pushed to it, and nobody who had it before.

        Raises Invalid for the endpoint or the keys, Forbidden beyond the quota, and Conflict.
        """
        endpoint = self.rules.check(new.endpoint, "/endpoint")
        browser = Browser(endpoint, new.keys.p256dh, new.keys.auth).check()
        session, owner = self.subscriptions.session, self.subscriptions.owner
        await lock_owner(session, owner)
        found = {one.digest: one for one in await self.subscriptions.list()}
        one = found.get(digest(endpoint))
        if one is None:
            if len(found) >= self.most:
                detail = f"Your notifications are pushed to {self.most} browsers; remove one."
                raise Forbidden(detail, code="quota_push_subscriptions")
            one = await self._add(endpoint)
        one.sealed = self.safe.close(browser.text())
        one.expires_at = None if new.expirationTime is None else new.expirationTime / 1000
        one.updated_at = self.now
        try:
            await session.flush()
        except IntegrityError as error:
            raise Conflict("Somebody else subscribes with this browser; ask again.") from error
        return one

    async def delete(self, id: UUID) -> None:
        one = await self.subscriptions.get(id)
        await self.subscriptions.session.delete(one)
        self.audit.record("push.delete", target=id)

    async def _add(self, endpoint: str) -> PushSubscription:
        session = self.subscriptions.session
        of_before = delete(PushSubscription).where(PushSubscription.digest == digest(endpoint))
        await session.execute(of_before)
        one = PushSubscription(
            id=uuid7(),
            user_id=self.subscriptions.owner,
            digest=digest(endpoint),
            host=(urlsplit(endpoint).hostname or "")[:255],
            created_at=self.now,
        )
        session.add(one)
        self.audit.record("push.create", target=one.id)
        return one
