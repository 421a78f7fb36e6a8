"""What the routes of this feature ask for, each under one name."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Depends
from starlette.requests import HTTPConnection

from tradeapi.auth.accounts import Accounts
from tradeapi.auth.audit import Audit, Caller
from tradeapi.auth.export import List
from tradeapi.auth.holder import Holder
from tradeapi.auth.keys import ApiKeys
from tradeapi.auth.links import Links
from tradeapi.auth.logins import Logins
from tradeapi.auth.path_tokens import PathTokens
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


async def _exported(connection: HTTPConnection) -> Mapping[str, List]:
    exported: Mapping[str, List] = connection.state.exported
    return exported


async def _caller(connection: HTTPConnection) -> Caller:
    return Caller.of(connection)


async def _principal(connection: HTTPConnection) -> Principal:
    return principal_of(connection.scope)


AccountsDep = Annotated[Accounts, Depends(_accounts)]
LoginsDep = Annotated[Logins, Depends(_logins)]
LinksDep = Annotated[Links, Depends(_links)]
RevocationsDep = Annotated[Revocations, Depends(_revocations)]
ExportedDep = Annotated[Mapping[str, List], Depends(_exported)]
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


async def _owner(principal: PrincipalDep) -> UUID:
    return principal.owner


OwnerDep = Annotated[UUID, Depends(_owner)]


async def _audit(session: SessionDep, caller: CallerDep, clock: ClockDep) -> Audit:
    return Audit(session, caller, clock.now())


AuditDep = Annotated[Audit, Depends(_audit)]


async def _holder(  # noqa: PLR0913, PLR0917  they are what it has
    session: SessionDep,
    login: LoginDep,
    revocations: RevocationsDep,
    audit: AuditDep,
    clock: ClockDep,
    settings: SettingsDep,
) -> Holder:
    pepper = Secrets.of(settings).derive(PEPPER)[0]
    return Holder(session, login.user, login.scopes, revocations, audit, clock.now(), pepper)


HolderDep = Annotated[Holder, Depends(_holder)]


async def _api_keys(owner: HolderDep, settings: SettingsDep) -> ApiKeys:
    return ApiKeys(owner, settings.api_keys_per_user)


async def _path_tokens(owner: HolderDep, settings: SettingsDep) -> PathTokens:
    return PathTokens(owner, settings.path_tokens_per_user)


async def _users(
    session: SessionDep, logins: LoginsDep, revocations: RevocationsDep, audit: AuditDep
) -> Users:
    return Users(session, logins, revocations, audit)


ApiKeysDep = Annotated[ApiKeys, Depends(_api_keys)]
PathTokensDep = Annotated[PathTokens, Depends(_path_tokens)]
UsersDep = Annotated[Users, Depends(_users)]
