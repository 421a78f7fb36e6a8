"""What the routes of this feature ask for, each under one name."""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Depends
from starlette.requests import HTTPConnection

from tradeapi.auth.accounts import Accounts
from tradeapi.auth.audit import Audit, Caller
from tradeapi.auth.keys import ApiKeys
from tradeapi.auth.links import Links
from tradeapi.auth.logins import Logins
from tradeapi.auth.revocations import Revocations
from tradeapi.auth.users import Users
from tradeapi.security.secrets import Secrets
from tradeapi.web.dependencies import ClockDep, SessionDep, SettingsDep
from tradeapi.web.principal import Principal, Scope, principal_of

PEPPER = "api keys"


async def _accounts(connection: HTTPConnection) -> Accounts:
    accounts: Accounts = connection.state.accounts
    return accounts


async def _logins(connection: HTTPConnection) -> Logins:
    logins: Logins = connection.state.logins
    return logins


async def _links(connection: HTTPConnection) -> Links:
    links: Links = connection.state.links
    return links


async def _revocations(connection: HTTPConnection) -> Revocations:
    revocations: Revocations = connection.state.revocations
    return revocations


async def _caller(connection: HTTPConnection) -> Caller:
    return Caller.of(connection)


async def _principal(connection: HTTPConnection) -> Principal:
    return principal_of(connection.scope)


AccountsDep = Annotated[Accounts, Depends(_accounts)]
LoginsDep = Annotated[Logins, Depends(_logins)]
LinksDep = Annotated[Links, Depends(_links)]
RevocationsDep = Annotated[Revocations, Depends(_revocations)]
CallerDep = Annotated[Caller, Depends(_caller)]
PrincipalDep = Annotated[Principal, Depends(_principal)]


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """Somebody who has shown a password, not only an API key."""

    user: UUID
    login: UUID
    scopes: frozenset[Scope]


async def _login(principal: PrincipalDep) -> LoggedIn:
    return LoggedIn(*principal.require_login(), principal.scopes)


LoginDep = Annotated[LoggedIn, Depends(_login)]


async def _audit(session: SessionDep, caller: CallerDep, clock: ClockDep) -> Audit:
    return Audit(session, caller, clock.now())


AuditDep = Annotated[Audit, Depends(_audit)]


async def _api_keys(  # noqa: PLR0913, PLR0917  they are what keys are made of
    session: SessionDep,
    owner: LoginDep,
    revocations: RevocationsDep,
    audit: AuditDep,
    clock: ClockDep,
    settings: SettingsDep,
) -> ApiKeys:
    pepper = Secrets.of(settings).derive(PEPPER)[0]
    return ApiKeys(
        session,
        owner.user,
        owner.scopes,
        revocations,
        audit,
        clock.now(),
        pepper,
        settings.api_keys_per_user,
    )


async def _users(
    session: SessionDep, logins: LoginsDep, revocations: RevocationsDep, audit: AuditDep
) -> Users:
    return Users(session, logins, revocations, audit)


ApiKeysDep = Annotated[ApiKeys, Depends(_api_keys)]
UsersDep = Annotated[Users, Depends(_users)]
