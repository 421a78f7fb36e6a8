"""Push subscriptions over HTTP."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response

from tradeapi.notifications.push.dependencies import (
    PushKeysDep,
    PushSubscriptionsDep,
    SubscribingDep,
)
from tradeapi.notifications.push.models import PushSubscription
from tradeapi.notifications.push.schemas import (
    PushKeyOut,
    SubscriptionIn,
    SubscriptionOut,
    SubscriptionsOut,
)
from tradeapi.web.principal import NEEDS_READ, NEEDS_WRITE
from tradeapi.web.problems import problems

router = APIRouter(prefix="/push", tags=["push"])


@router.get(
    "/key",
    summary="The key that browsers subscribe with",
    response_model=PushKeyOut,
    dependencies=[NEEDS_READ],
    responses=problems(503),
)
async def get_key(keys: PushKeysDep) -> Mapping[str, Any]:
    """For `pushManager.subscribe`. It is always the same."""
    return {"key": await keys.public()}


@router.put(
    "/subscriptions",
    summary="Push to a browser",
    response_model=SubscriptionOut,
    dependencies=[NEEDS_WRITE],
    responses=problems(403, 409, 422),
)
async def put(subscribing: SubscribingDep, body: SubscriptionIn) -> PushSubscription:
    """What `pushManager.subscribe` gave you, as JSON; once more does no harm."""
    return await subscribing.put(body)


@router.get(
    "/subscriptions",
    summary="Browsers that are pushed to",
    response_model=SubscriptionsOut,
    dependencies=[NEEDS_READ],
)
async def list_subscriptions(subscriptions: PushSubscriptionsDep) -> Mapping[str, Any]:
    """The oldest first."""
    return {"items": await subscriptions.list()}


@router.delete(
    "/subscriptions/{id}",
    summary="Push no more to a browser",
    status_code=204,
    response_class=Response,
    dependencies=[NEEDS_WRITE],
    responses=problems(404, 422),
)
async def delete(subscribing: SubscribingDep, id: UUID) -> None:
    await subscribing.delete(id)
