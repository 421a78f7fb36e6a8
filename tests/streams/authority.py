"""Who may use a stream: the parts of a process that identify callers, and callers for them."""

from uuid import UUID

from uuid_utils.compat import uuid7

from tradeapi.auth.authenticator import Authenticator
from tradeapi.auth.models import ApiKey, User
from tradeapi.auth.revocations import Kind, Revocations
from tradeapi.auth.scopes import OF_USERS, Role, join
from tradeapi.auth.shares import Shares
from tradeapi.auth.tickets import TicketKind, Tickets
from tradeapi.auth.uses import Uses
from tradeapi.clock import Clock, SystemClock
from tradeapi.database import Database
from tradeapi.security.api_keys import ApiKey as KeyText
from tradeapi.security.secrets import Secrets
from tradeapi.security.share_tokens import ShareTokens
from tradeapi.security.tokens import AccessTokens
from tradeapi.settings import Settings
from tradeapi.web.principal import Principal, Scope

PEPPER = b"the tests'"
READ = frozenset({Scope.READ})


class Authority:
    """One process's; several on one database are several processes."""

    def __init__(
        self,
        database: Database,
        clock: Clock | None = None,
        *,
        is_open: bool = False,
        public_read: bool = False,
    ) -> None:
        self.database = database
        self.clock = clock or SystemClock()
        settings = Settings()
        self.tokens = AccessTokens.of(settings, Secrets.of(settings))
        self.revocations = Revocations(database, self.clock)
        self.shares = Shares(
            ShareTokens.of(settings, Secrets.of(settings)), self.revocations, self.clock
        )
        self.authenticator = Authenticator(
            database,
            self.tokens,
            self.revocations,
            Uses(database),
            self.clock,
            shares=self.shares,
            peppers=(PEPPER,),
            key_header="X-API-Key",
            is_open=is_open,
            public_read=public_read,
        )

    async def user(self) -> UUID:
        """Somebody new."""
        id = uuid7()
        async with self.database.transaction() as session:
            session.add(
                User(
                    id=id,
                    email=f"{id}@example.com",
                    role=Role.USER,
                    scopes=join(OF_USERS),
                    created_at=self.clock.now(),
                )
            )
        return id

    def token(
        self,
        user: UUID | None = None,
        login: UUID | None = None,
        scopes: frozenset[Scope] = READ,
        *,
        age: float = 0,
    ) -> str:
        """An access token, of somebody new unless told; `age` is how long ago it was issued."""
        issued = self.tokens.issue(
            subject=user or uuid7(),
            session=login or uuid7(),
            scopes=scopes,
            now=self.clock.now() - age,
        )
        return issued.token

    async def key(
        self, user: UUID, scopes: frozenset[Scope] = READ, *, expires_at: float | None = None
    ) -> tuple[UUID, str]:
        id, text = uuid7(), KeyText.new()
        async with self.database.transaction() as session:
            session.add(
                ApiKey(
                    id=id,
                    user_id=user,
                    name="test",
                    prefix=text.prefix,
                    hash=text.hash(PEPPER),
                    scopes=join(scopes),
                    created_at=self.clock.now(),
                    expires_at=expires_at,
                )
            )
        return id, text.text

    async def ticket(
        self,
        user: UUID,
        login: UUID | None = None,
        *,
        expires: float | None = None,
        kind: TicketKind = TicketKind.SOCKET,
    ) -> str:
        holder = Principal(user=user, session=login or uuid7(), scopes=READ, expires=expires)
        async with self.database.transaction() as session:
            return (await Tickets(session, self.clock).issue(kind, holder)).text

    async def revoke(self, kind: Kind, subject: UUID) -> None:
        async with self.database.transaction() as session:
            await self.revocations.add(session, kind, subject)


def bearer(token: str) -> dict[str, dict[str, str]]:
    """For a client: `client(url, **bearer(token))`."""
    return {"additional_headers": {"authorization": f"Bearer {token}"}}


def offered(token: str) -> dict[str, list[str]]:
    """As browsers can send it."""
    return {"subprotocols": ["tradeapi.v1", f"bearer.{token}"]}
