"""Notifications over HTTP."""

from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response

from tradeapi.notifications.dependencies import NotificationsDep, ReadableNotificationsDep
from tradeapi.notifications.models import Notification
from tradeapi.notifications.schemas import (
    InboxOut,
    MarkIn,
    NotificationOut,
    NotificationSeq,
    ReadIn,
    TypeName,
)
from tradeapi.notifications.service import Filter
from tradeapi.web.dependencies import CursorsDep
from tradeapi.web.ids import ById
from tradeapi.web.pages import Cursor, Limit
from tradeapi.web.principal import NEEDS_READ, NEEDS_WRITE
from tradeapi.web.problems import problems


class OfOne(ById):
    named = frozenset({"read", "preferences", "mail-off"})


router = APIRouter(prefix="/notifications", tags=["notifications"])
one_router = APIRouter(prefix="/notifications", tags=["notifications"], route_class=OfOne)


@router.get(
    "",
    summary="Your notifications",
    response_model=InboxOut,
    dependencies=[NEEDS_READ],
    responses=problems(422),
)
async def list_notifications(  # noqa: PLR0913, PLR0917  they are what it takes
    notifications: ReadableNotificationsDep,
    cursors: CursorsDep,
    unread: Annotated[bool, Query(description="Only those that are not read.")] = False,
    type: Annotated[TypeName | None, Query(description="Only these.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Mapping[str, Any]:
    """The newest first."""
    name = f"notifications:{unread}:{type}"
    before = int(str(cursors.decode(name, cursor)[0])) if cursor else None
    found = await notifications.list(Filter(unread, type), before=before, limit=limit + 1)
    page = found[:limit]
    more = len(found) > limit
    return {
        "items": page,
        "next_cursor": cursors.encode(name, [page[-1].seq]) if more else None,
        "unread": await notifications.unread(),
    }


@router.post(
    "/read",
    summary="Mark your notifications as read",
    status_code=204,
    response_class=Response,
    dependencies=[NEEDS_WRITE],
    responses=problems(422),
)
async def mark_all(notifications: NotificationsDep, body: ReadIn) -> None:
    """Those up to the last one that you have seen: what comes meanwhile stays unread."""
    await notifications.mark_all(body.until)


@one_router.patch(
    "/{id}",
    summary="Mark a notification as read or unread",
    response_model=NotificationOut,
    dependencies=[NEEDS_WRITE],
    responses=problems(404, 422),
)
async def mark(notifications: NotificationsDep, id: UUID, body: MarkIn) -> Notification:
    """It may be so already."""
    return await notifications.mark(id, is_read=body.read)


@one_router.delete(
    "/{id}",
    summary="Remove a notification",
    status_code=204,
    response_class=Response,
    dependencies=[NEEDS_WRITE],
    responses=problems(404, 422),
)
async def delete(notifications: NotificationsDep, id: UUID) -> None:
    """For good."""
    await notifications.delete(id)


@router.delete(
    "",
    summary="Remove your notifications",
    status_code=204,
    response_class=Response,
    dependencies=[NEEDS_WRITE],
    responses=problems(422),
)
async def clear(
    notifications: NotificationsDep,
    until: Annotated[
        NotificationSeq | None, Query(description="The `seq` of the last to go; else all.")
    ] = None,
) -> None:
    """It is no error if there are none."""
    await notifications.clear(until)
