"""Users, keys and the audit log, for admins."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from tradeapi.auth.dependencies import UsersDep
from tradeapi.auth.models import User
from tradeapi.auth.router import tagged
from tradeapi.auth.schemas import AuditOut, RateIn, UserChangeIn, UserOut
from tradeapi.auth.users import AuditFilter
from tradeapi.web.dependencies import CursorsDep
from tradeapi.web.pages import Cursor, Cursors, Limit, Page
from tradeapi.web.preconditions import PreconditionDep
from tradeapi.web.principal import NEEDS_ADMIN
from tradeapi.web.problems import problems

router = APIRouter(
    prefix="/admin", tags=["admin"], dependencies=[NEEDS_ADMIN], responses=problems(401, 403)
)

Action = Annotated[
    str | None,
    Query(max_length=40, pattern="^[a-z_.]*$", description="Only this.", examples=["login"]),
]
Actor = Annotated[UUID | None, Query(description="Only what this user did.")]
Target = Annotated[
    str | None,
    Query(
        max_length=100,
        pattern=r"^[^\x00]*$",
        description="Only what was done to this, such as a user's id or a symbol.",
        examples=["US:AAPL"],
    ),
]
Since = Annotated[
    float | None,
    Query(
        allow_inf_nan=False,
        description="Only from this instant on, in seconds since 1970.",
        examples=[1795217326.361],
    ),
]
Until = Annotated[
    float | None,
    Query(
        allow_inf_nan=False,
        description="Only before this instant, in seconds since 1970.",
        examples=[1795303726.361],
    ),
]


async def _filter(
    actor: Actor = None,
    action: Action = None,
    target: Target = None,
    since: Since = None,
    until: Until = None,
) -> AuditFilter:
    return AuditFilter(actor=actor, action=action, target=target, since=since, until=until)


FilterDep = Annotated[AuditFilter, Depends(_filter)]


@router.get("/users", summary="All users", response_model=Page[UserOut], responses=problems(422))
async def list_users(
    users: UsersDep, cursors: CursorsDep, limit: Limit = 100, cursor: Cursor = None
) -> Mapping[str, Any]:
    found = await users.list(after=_after(cursors, "users", cursor), limit=limit + 1)
    return _page(cursors, "users", found, limit)


@router.get("/users/{id}", summary="One user", response_model=UserOut, responses=problems(404, 422))
async def get_user(users: UsersDep, id: UUID, response: Response) -> User:
    return tagged(await users.get(id), response)


@router.patch(
    "/users/{id}",
    summary="Disable or re-scope a user",
    response_model=UserOut,
    responses=problems(404, 409, 412, 422),
)
async def change_user(
    users: UsersDep, id: UUID, body: UserChangeIn, precondition: PreconditionDep, response: Response
) -> User:
    """What the user holds is looked up again within seconds, and sockets are closed; a disabled
    user is logged out everywhere.
    """
    user = await users.get_locked(id)
    precondition.check(user.etag)
    scopes = None if body.scopes is None else frozenset(body.scopes)
    changed = await users.change(user, role=body.role, scopes=scopes, is_disabled=body.is_disabled)
    return tagged(changed, response)


@router.put(
    "/api-keys/{id}/rate",
    summary="How often an API key may call",
    status_code=204,
    response_class=Response,
    responses=problems(404, 422),
)
async def set_rate(users: UsersDep, id: UUID, body: RateIn) -> None:
    await users.set_rate(id, body.rate)


@router.get(
    "/audit", summary="Who did what", response_model=Page[AuditOut], responses=problems(422)
)
async def audit(
    users: UsersDep,
    cursors: CursorsDep,
    wanted: FilterDep,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Mapping[str, Any]:
    """The newest first: logins, changes of keys, users and passwords, and what admins did; of the
    market what was changed by hand and what was removed.
    """
    name = f"audit:{wanted}"
    found = await users.audit(wanted, after=_after(cursors, name, cursor), limit=limit + 1)
    return _page(cursors, name, found, limit)


def _after(cursors: Cursors, list: str, cursor: str | None) -> UUID | None:
    return UUID(str(cursors.decode(list, cursor)[0])) if cursor else None


def _page(cursors: Cursors, list: str, found: Sequence[Any], limit: int) -> Mapping[str, Any]:
    page = found[:limit]
    next = cursors.encode(list, [str(page[-1].id)]) if len(found) > limit else None
    return {"items": page, "next_cursor": next}
