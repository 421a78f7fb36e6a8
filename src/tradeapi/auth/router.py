"""Accounts and logins over HTTP."""

from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from fastapi.security import OAuth2PasswordRequestForm

from tradeapi.auth import scopes
from tradeapi.auth.dependencies import (
    AccountsDep,
    CallerDep,
    ExportedDep,
    LinksDep,
    LoginDep,
    LoginsDep,
    PrincipalDep,
)
from tradeapi.auth.export import export
from tradeapi.auth.logins import Pair
from tradeapi.auth.models import User
from tradeapi.auth.schemas import (
    ConfirmIn,
    ExportOut,
    LoginsOut,
    LogoutIn,
    MeIn,
    PasswordIn,
    RefreshIn,
    RegisterIn,
    TokensOut,
    UserOut,
)
from tradeapi.errors import Forbidden
from tradeapi.web.dependencies import DatabaseDep, SettingsDep
from tradeapi.web.preconditions import PreconditionDep
from tradeapi.web.principal import (
    FOR_EVERYBODY,
    NEEDS_LOGIN_TO_READ,
    NEEDS_LOGIN_TO_WRITE,
    NEEDS_READ,
)
from tradeapi.web.problems import problems

router = APIRouter(prefix="/auth", tags=["auth"])

Form = Annotated[OAuth2PasswordRequestForm, Depends()]


async def _may_register(settings: SettingsDep) -> None:
    if not settings.registration_open:
        raise Forbidden("New accounts are made by the operator.", code="registration_closed")


@router.post(
    "/register",
    summary="Make an account",
    status_code=201,
    response_model=UserOut,
    dependencies=[FOR_EVERYBODY, Depends(_may_register)],
    responses=problems(403, 409, 422),
)
async def register(
    accounts: AccountsDep, links: LinksDep, body: RegisterIn, caller: CallerDep
) -> User:
    """Then log in with `POST /api/v1/auth/token`. Where the server sends mail, one comes with a
    link that confirms the address.
    """
    user = await accounts.create(body.email, body.password, caller)
    await links.offer_verification(user)
    return user


@router.post(
    "/token",
    summary="Log in",
    response_model=TokensOut,
    dependencies=[FOR_EVERYBODY],
    responses=problems(401, 403, 422, 429),
)
async def token(
    accounts: AccountsDep, form: Form, caller: CallerDep, response: Response
) -> Mapping[str, Any]:
    """The password grant of OAuth 2: `username` is the e-mail address, `scope` what you want of
    what you may do; left out, all of it.
    """
    wanted = scopes.parse(" ".join(form.scopes))
    return _answer(await accounts.log_in(form.username, form.password, wanted, caller), response)


@router.post(
    "/refresh",
    summary="Get new tokens",
    response_model=TokensOut,
    dependencies=[FOR_EVERYBODY],
    responses=problems(401, 422),
)
async def refresh(
    logins: LoginsDep, body: RefreshIn, caller: CallerDep, response: Response
) -> Mapping[str, Any]:
    """Each refresh token is good once; use the one in the answer next. One that comes again later
    than ten seconds has been stolen, from you or by you: that login ends, everywhere.
    """
    return _answer(await logins.refresh(body.refresh_token, caller), response)


@router.post(
    "/logout",
    summary="Log out",
    status_code=204,
    response_class=Response,
    dependencies=[NEEDS_LOGIN_TO_READ],
    responses=problems(401, 403),
)
async def logout(
    logins: LoginsDep, login: LoginDep, caller: CallerDep, body: LogoutIn | None = None
) -> None:
    """Ends this login with its tokens and sockets; with `all`, everywhere."""
    if body is not None and body.all:
        await logins.end_all(login.user, caller)
    else:
        await logins.end_one(login.user, login.login, caller)


@router.get(
    "/me",
    summary="Who you are",
    response_model=UserOut,
    dependencies=[NEEDS_READ],
    responses=problems(401, 403),
)
async def get_me(accounts: AccountsDep, principal: PrincipalDep, response: Response) -> User:
    assert principal.user is not None  # noqa: S101  NEEDS_READ
    return tagged(await accounts.get(principal.user), response)


@router.patch(
    "/me",
    summary="Change your address",
    response_model=UserOut,
    dependencies=[NEEDS_LOGIN_TO_WRITE],
    responses=problems(401, 403, 409, 412, 422, 429),
)
async def change_me(  # noqa: PLR0913, PLR0917  they are what it takes
    accounts: AccountsDep,
    links: LinksDep,
    login: LoginDep,
    body: MeIn,
    precondition: PreconditionDep,
    caller: CallerDep,
    response: Response,
) -> User:
    """The new address has to be verified, and a mail to the former one tells of it."""
    moved = await accounts.change_email(login.user, body.email, body.password, precondition, caller)
    links.tell_moved(moved.former)
    await links.offer_verification(moved.user)
    return tagged(moved.user, response)


@router.delete(
    "/me",
    summary="Delete your account",
    status_code=204,
    response_class=Response,
    dependencies=[NEEDS_LOGIN_TO_WRITE],
    responses=problems(401, 403, 409, 422, 429),
)
async def delete_me(
    accounts: AccountsDep, login: LoginDep, body: ConfirmIn, caller: CallerDep
) -> None:
    """With everything that is yours, at once and for good."""
    await accounts.delete(login.user, body.password, caller)


@router.get(
    "/me/export",
    summary="Everything we know of you",
    response_model=ExportOut,
    dependencies=[NEEDS_LOGIN_TO_READ],
    responses=problems(401, 403),
)
async def export_me(
    database: DatabaseDep, login: LoginDep, lists: ExportedDep
) -> Mapping[str, Any]:
    """What you have saved is listed; the contents are where they are always read."""
    return await export(database, login.user, lists)


@router.put(
    "/me/password",
    summary="Change your password",
    status_code=204,
    response_class=Response,
    dependencies=[NEEDS_LOGIN_TO_WRITE],
    responses=problems(401, 403, 422, 429),
)
async def change_password(
    accounts: AccountsDep, links: LinksDep, login: LoginDep, body: PasswordIn, caller: CallerDep
) -> None:
    """All your other logins end, and a mail tells you."""
    user = await accounts.change_password(login.user, login.login, body.current, body.new, caller)
    links.tell_changed(user.email)


@router.get(
    "/sessions",
    summary="Where you are logged in",
    response_model=LoginsOut,
    dependencies=[NEEDS_LOGIN_TO_READ],
    responses=problems(401, 403),
)
async def list_sessions(logins: LoginsDep, login: LoginDep) -> Mapping[str, Any]:
    return {"items": await logins.list(login.user), "current": login.login}


@router.delete(
    "/sessions/{id}",
    summary="Log out elsewhere",
    status_code=204,
    response_class=Response,
    dependencies=[NEEDS_LOGIN_TO_WRITE],
    responses=problems(401, 403, 404, 422),
)
async def end_session(logins: LoginsDep, login: LoginDep, id: UUID, caller: CallerDep) -> None:
    await logins.end_one(login.user, id, caller)


def tagged(user: User, response: Response) -> User:
    response.headers["etag"] = user.etag
    return user


def _answer(pair: Pair, response: Response) -> Mapping[str, Any]:
    response.headers["cache-control"] = "no-store"
    return {
        "access_token": pair.access_token,
        "token_type": "bearer",
        "expires_in": int(pair.expires_in),
        "refresh_token": pair.refresh_token,
        "scope": pair.scope,
    }
