"""Webhooks over HTTP."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response

from tradeapi.notifications.webhooks.dependencies import (
    DeliveriesDep,
    EditingDep,
    SendingDep,
    WebhooksDep,
)
from tradeapi.notifications.webhooks.models import Delivery, Webhook
from tradeapi.notifications.webhooks.schemas import (
    DeliveryOut,
    NewWebhookIn,
    NewWebhookOut,
    WebhookChange,
    WebhookOut,
    WebhooksOut,
)
from tradeapi.web.dependencies import CursorsDep
from tradeapi.web.idempotency import Idempotent
from tradeapi.web.pages import Cursor, Limit, Page
from tradeapi.web.preconditions import PreconditionDep
from tradeapi.web.principal import NEEDS_READ, NEEDS_WRITE
from tradeapi.web.problems import problems

router = APIRouter(prefix="/webhooks", tags=["webhooks"])
making_router = APIRouter(prefix="/webhooks", tags=["webhooks"], route_class=Idempotent)


@making_router.post(
    "",
    summary="Make a webhook",
    status_code=201,
    response_model=NewWebhookOut,
    dependencies=[NEEDS_WRITE],
    responses=problems(403, 422),
)
async def create(editing: EditingDep, body: NewWebhookIn, response: Response) -> Mapping[str, Any]:
    """Your notifications are sent to it from now on. The secret is shown this once."""
    return _shown(*await editing.create(body), response)


@router.get(
    "",
    summary="Your webhooks",
    response_model=WebhooksOut,
    dependencies=[NEEDS_READ],
)
async def list_webhooks(webhooks: WebhooksDep) -> Mapping[str, Any]:
    """The oldest first."""
    return {"items": await webhooks.list()}


@router.get(
    "/{id}",
    summary="One webhook",
    response_model=WebhookOut,
    dependencies=[NEEDS_READ],
    responses=problems(404, 422),
)
async def get(webhooks: WebhooksDep, id: UUID, response: Response) -> Webhook:
    """The ETag is for `If-Match`."""
    return _tagged(await webhooks.get(id), response)


@router.patch(
    "/{id}",
    summary="Change, disable or enable a webhook",
    response_model=WebhookOut,
    dependencies=[NEEDS_WRITE],
    responses=problems(404, 412, 422),
)
async def change(
    editing: EditingDep,
    id: UUID,
    body: WebhookChange,
    precondition: PreconditionDep,
    response: Response,
) -> Webhook:
    """What is left out stays."""
    return _tagged(await editing.change(id, body, precondition), response)


@router.delete(
    "/{id}",
    summary="Remove a webhook",
    status_code=204,
    response_class=Response,
    dependencies=[NEEDS_WRITE],
    responses=problems(404, 412, 422),
)
async def delete(editing: EditingDep, id: UUID, precondition: PreconditionDep) -> None:
    """With what was, and was to be, delivered to it."""
    await editing.delete(id, precondition)


@making_router.post(
    "/{id}/secret",
    summary="Change the secret of a webhook",
    status_code=201,
    response_model=NewWebhookOut,
    dependencies=[NEEDS_WRITE],
    responses=problems(404, 422),
)
async def rotate(editing: EditingDep, id: UUID, response: Response) -> Mapping[str, Any]:
    """The new one is shown this once. The one of before signs, too, for a day."""
    return _shown(*await editing.rotate(id), response)


@making_router.post(
    "/{id}/test",
    summary="Try a webhook",
    status_code=202,
    response_model=DeliveryOut,
    dependencies=[NEEDS_WRITE],
    responses=problems(404, 409, 422),
)
async def test(sending: SendingDep, id: UUID) -> Delivery:
    """An event of the type `webhook.test` is sent. What became of it is among the deliveries."""
    return await sending.test(id)


@router.get(
    "/{id}/deliveries",
    summary="What was sent to a webhook",
    response_model=Page[DeliveryOut],
    dependencies=[NEEDS_READ],
    responses=problems(404, 422),
)
async def list_deliveries(
    deliveries: DeliveriesDep,
    id: UUID,
    cursors: CursorsDep,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Mapping[str, Any]:
    """The newest first."""
    name = f"deliveries:{id}"
    before = UUID(str(cursors.decode(name, cursor)[0])) if cursor else None
    found = await deliveries.list(id, before=before, limit=limit + 1)
    page = found[:limit]
    next = cursors.encode(name, [str(page[-1].id)]) if len(found) > limit else None
    return {"items": page, "next_cursor": next}


@making_router.post(
    "/{id}/deliveries/{delivery}/replay",
    summary="Send something again",
    status_code=202,
    response_model=DeliveryOut,
    dependencies=[NEEDS_WRITE],
    responses=problems(404, 409, 422),
)
async def replay(sending: SendingDep, id: UUID, delivery: UUID) -> Delivery:
    """The same message under the same `webhook-id`, whether it was delivered or not."""
    return await sending.replay(id, delivery)


def _tagged(webhook: Webhook, response: Response) -> Webhook:
    response.headers["etag"] = webhook.etag
    response.headers["cache-control"] = "no-store"
    return webhook


def _shown(webhook: Webhook, secret: str, response: Response) -> Mapping[str, Any]:
    _tagged(webhook, response)
    return {**WebhookOut.model_validate(webhook).model_dump(), "secret": secret}
