"""One user's webhooks."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from tradeapi.auth.audit import Audit
from tradeapi.auth.owners import lock_owner
from tradeapi.errors import Forbidden, NotFound
from tradeapi.notifications.posting.urls import Rules
from tradeapi.notifications.webhooks.models import Webhook
from tradeapi.notifications.webhooks.schemas import NewWebhookIn, Reason, WebhookChange
from tradeapi.notifications.webhooks.signing import OVERLAP_SECONDS, new_secret
from tradeapi.security.safe import Safe
from tradeapi.web.preconditions import Precondition

PURPOSE = "webhook secrets"


async def webhooks_of(session: AsyncSession, owner: UUID) -> Sequence[Webhook]:
    """All of one user, for the export."""
    return await Webhooks(session, owner).list()


class Webhooks:
    """The owner's; nobody else's can be reached through it."""

    def __init__(self, session: AsyncSession, owner: UUID) -> None:
        self.session = session
        self.owner = owner

    async def list(self) -> Sequence[Webhook]:
        """The oldest first."""
        return (await self.session.scalars(self._owned().order_by(Webhook.id))).all()

    async def get(self, id: UUID) -> Webhook:
        return _found(await self.session.scalar(self._owned().where(Webhook.id == id)))

    async def lock(self, id: UUID) -> Webhook:
        """The same, and nobody else changes it until the transaction ends."""
        chosen = self._owned().where(Webhook.id == id).with_for_update(key_share=True)
        return _found(await self.session.scalar(chosen))

    def _owned(self) -> Select[Webhook]:
        return select(Webhook).where(Webhook.user_id == self.owner)


@dataclass(frozen=True, slots=True)
class Editing:
    """What can be done with webhooks in one transaction, at the time `now`."""

    webhooks: Webhooks
    rules: Rules
    safe: Safe
    audit: Audit
    now: float
    most: int

    async def create(self, new: NewWebhookIn) -> tuple[Webhook, str]:
        """It and its secret; raises Invalid for the URL, and Forbidden beyond the quota."""
        url = self.rules.check(new.url, "/url")
        await lock_owner(self.webhooks.session, self.webhooks.owner)
        if len(await self.webhooks.list()) >= self.most:
            detail = f"You have {self.most} webhooks; delete one."
            raise Forbidden(detail, code="quota_webhooks")
        secret = new_secret()
        webhook = Webhook(
            id=uuid7(),
            user_id=self.webhooks.owner,
            url=url,
            description=new.description,
            types=new.types,
            secret=self.safe.close(secret),
            version=1,
            created_at=self.now,
            updated_at=self.now,
        )
        self.webhooks.session.add(webhook)
        await self.webhooks.session.flush()
        self.audit.record("webhook.create", target=webhook.id)
        return webhook, secret

    async def change(self, id: UUID, change: WebhookChange, precondition: Precondition) -> Webhook:
        """Only what `change` names; raises Invalid for the URL, and Stale."""
        webhook = await self._lock(id, precondition)
        named = change.model_fields_set
        if change.url is not None:
            webhook.url = self.rules.check(change.url, "/url")
            webhook.failing_since = None
        if change.description is not None:
            webhook.description = change.description
        if "types" in named:
            webhook.types = change.types
        if change.is_enabled:
            webhook.disabled_at = webhook.disabled_reason = webhook.failing_since = None
        elif change.is_enabled is False and webhook.is_enabled:
            webhook.disabled_at, webhook.disabled_reason = self.now, Reason.OWNER
        await self.webhooks.session.flush()
        self.audit.record("webhook.change", target=id)
        return webhook

    async def rotate(self, id: UUID) -> tuple[Webhook, str]:
        """It and its new secret; the one of before signs, too, for OVERLAP_SECONDS."""
        webhook = await self._lock(id, Precondition(None))
        secret = new_secret()
        webhook.previous_secret = webhook.secret
        webhook.previous_secret_until = self.now + OVERLAP_SECONDS
        webhook.secret = self.safe.close(secret)
        await self.webhooks.session.flush()
        self.audit.record("webhook.rotate", target=id)
        return webhook, secret

    async def delete(self, id: UUID, precondition: Precondition) -> None:
        """With what was, and was to be, delivered to it."""
        webhook = await self._lock(id, precondition)
        await self.webhooks.session.delete(webhook)
        self.audit.record("webhook.delete", target=id)

    async def _lock(self, id: UUID, precondition: Precondition) -> Webhook:
        webhook = await self.webhooks.lock(id)
        precondition.check(webhook.etag)
        webhook.version += 1
        webhook.updated_at = self.now
        return webhook


def _found(webhook: Webhook | None) -> Webhook:
    if webhook is None:
        raise NotFound("You have no such webhook.")
    return webhook
