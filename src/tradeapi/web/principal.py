"""Who calls, and what a route asks of them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from fastapi import Depends, params
from starlette.requests import HTTPConnection
from starlette.types import Scope as ConnectionScope

from tradeapi.errors import Forbidden, NotFound, TradeError, Unauthenticated

PRINCIPAL = "tradeapi.principal"


class Scope(StrEnum):
    """What a caller may do: read, change what is theirs, feed the market, run the service."""

    READ = "read"
    WRITE = "write"
    INGEST = "ingest"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """These things of this owner, for whoever has been given a share token to look at them."""

    id: UUID
    owner: UUID
    charts: frozenset[str] = frozenset()
    watchlists: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """One caller: a login (`session`), an API key (`key`), a token in the address (`path_token`),
    or nobody that is known; such a one may have been given a `share`.

    `may_browse`: the operator lets anybody read market data. `fault` is why credentials that were
    sent are no good; whoever sent them is nobody. `rate` is the key's own limit, in requests a
    minute, and `expires` when the credentials end, in seconds since 1970.
    """

    user: UUID | None = None
    session: UUID | None = None
    key: UUID | None = None
    path_token: UUID | None = None
    share: Share | None = None
    scopes: frozenset[Scope] = frozenset()
    may_browse: bool = False
    rate: int | None = None
    expires: float | None = None
    fault: TradeError | None = None

    @property
    def is_known(self) -> bool:
        return self.user is not None

    @property
    def is_proven(self) -> bool:
        """Whether it is somebody who has sent credentials."""
        return (self.session or self.key or self.path_token) is not None

    @property
    def owner(self) -> UUID:
        """Whose things the caller may ask for: of a share its owner's, which it names.

        Raises Unauthenticated for nobody.
        """
        owner = self.share.owner if self.share is not None else self.user
        if owner is None:
            raise Unauthenticated("Say who you are: send an access token or an API key.")
        return owner

    def require(self, scope: Scope) -> None:
        """Raises Unauthenticated where nobody is known, and Forbidden where it is not enough."""
        if scope in self.scopes:
            return
        if self.fault is not None:
            raise self.fault
        if self.share is not None:
            detail = "A share token shows what it names, and nothing else."
            raise Forbidden(detail, code="insufficient_scope")
        if not self.is_known:
            raise Unauthenticated("Say who you are: send an access token or an API key.")
        raise Forbidden(f"This needs the scope {scope}.", code="insufficient_scope")

    def require_login(self) -> tuple[UUID, UUID]:
        """The user and the login; raises Forbidden for an API key, even one with every scope.

        A key that has leaked must not become an account that is taken over.
        """
        if self.user is None or self.session is None:
            raise Forbidden("This needs a login; an API key will not do.", code="login_required")
        return self.user, self.session

    def require_market_data(self) -> None:
        """What anybody may read where the operator allows it."""
        if not (self.may_browse and self.fault is None):
            self.require(Scope.READ)

    def require_chart(self, id: str) -> None:
        """What may be shared: of a share only what it names, else what is the caller's own."""
        if self.share is None:
            self.require(Scope.READ)
        elif id not in self.share.charts:
            raise NotFound("There is no such chart.")

    def require_watchlist(self, id: str) -> None:
        """The same of watchlists."""
        if self.share is None:
            self.require(Scope.READ)
        elif id not in self.share.watchlists:
            raise NotFound("There is no such watchlist.")


ANONYMOUS = Principal()


def principal_of(scope: ConnectionScope) -> Principal:
    """Whoever nobody has identified is nobody."""
    principal: Principal = scope.get(PRINCIPAL, ANONYMOUS)
    return principal


@dataclass(frozen=True, slots=True)
class Need:
    """What a route declares; `scopes` and `is_for_logins` are for its OpenAPI description.

    Without scopes it is for all.
    """

    scopes: tuple[Scope, ...]
    check: Callable[[HTTPConnection], Awaitable[None]]
    is_for_logins: bool = False

    async def __call__(self, connection: HTTPConnection) -> None:
        await self.check(connection)


def need_of(route: object) -> Need | None:
    """What a route has declared to need; None: it has forgotten to."""
    for dependency in getattr(route, "dependencies", ()):
        if isinstance(dependency.dependency, Need):
            return dependency.dependency
    return None


def needs(scope: Scope, *, login: bool = False) -> params.Depends:
    """For a route's `dependencies=`: only callers with this scope get in, or only their logins."""

    async def check(connection: HTTPConnection) -> None:
        principal = principal_of(connection.scope)
        principal.require(scope)
        if login:
            principal.require_login()

    needed: params.Depends = Depends(Need((scope,), check, login))
    return needed


async def _check_market_data(connection: HTTPConnection) -> None:
    principal_of(connection.scope).require_market_data()


async def _check_stream(connection: HTTPConnection) -> None:
    principal = principal_of(connection.scope)
    if principal.share is None:
        principal.require_market_data()


async def _check_chart(connection: HTTPConnection) -> None:
    path = connection.path_params
    principal_of(connection.scope).require_chart(path["id"] if "id" in path else path["chart"])


async def _let_in(_: HTTPConnection) -> None: ...


async def _check_watchlist(connection: HTTPConnection) -> None:
    principal_of(connection.scope).require_watchlist(connection.path_params["id"])


NEEDS_READ = needs(Scope.READ)
NEEDS_WRITE = needs(Scope.WRITE)
NEEDS_LOGIN_TO_READ = needs(Scope.READ, login=True)
NEEDS_LOGIN_TO_WRITE = needs(Scope.WRITE, login=True)
NEEDS_INGEST = needs(Scope.INGEST)
NEEDS_ADMIN = needs(Scope.ADMIN)
# Reading what PUBLIC_READ opens.
NEEDS_MARKET_DATA = Depends(Need((Scope.READ,), _check_market_data))
# Following topics, each of which asks who may: those with a share as well.
NEEDS_STREAM = Depends(Need((Scope.READ,), _check_stream))
# Reading the chart `id` or `chart` of the path: one's own, or of the owner that `Principal.share`
# names.
NEEDS_READ_OR_SHARE = Depends(Need((Scope.READ,), _check_chart))
# The same of the watchlist `id`.
NEEDS_READ_OR_LIST_SHARE = Depends(Need((Scope.READ,), _check_watchlist))
# Routes say so when they are for everybody: one that says nothing fails a test.
FOR_EVERYBODY = Depends(Need((), _let_in))
