"""From what a caller sends to who it is."""

import re
from collections import OrderedDict
from math import inf, nextafter
from urllib.parse import parse_qsl

from starlette.types import Scope as ConnectionScope

from tradeapi.auth.dev import DEV_USER
from tradeapi.auth.guesses import Guesses
from tradeapi.auth.lookups import API_KEYS, PATH_TOKENS, Sort
from tradeapi.auth.revocations import Kind, Revocations
from tradeapi.auth.scopes import ALL
from tradeapi.auth.shares import Shares
from tradeapi.auth.tickets import TicketKind, Tickets
from tradeapi.auth.uses import Uses
from tradeapi.clock import Clock
from tradeapi.database import Database
from tradeapi.errors import Unauthenticated
from tradeapi.security.secrets import digest
from tradeapi.security.tokens import AccessTokens, Claims
from tradeapi.web.path_tokens import PATH_TOKEN, TokenInPath
from tradeapi.web.principal import Principal, Scope
from tradeapi.web.proxies import caller_key

# The one request that browsers send without headers, and that says who calls in its address.
STREAM = "/api/v1/stream"
KEY_MARK = "tk_"
SUBPROTOCOL_MARK = "bearer."
BEARER = b"bearer "
MOST_KEPT = 10_000
# A key is looked up again after this long; what ends it sooner is a revocation.
KEY_SECONDS = 60.0
# A revocation has the time at which its transaction looked at the clock, and until that has
# committed what is looked up is from before.
COMMIT_SECONDS = 5.0
_BEARER = re.compile(r"bearer +(\S+) *", re.IGNORECASE).fullmatch
_EXPECTED = "Send `Authorization: Bearer` and an access token, or an API key."


class Authenticator:
    """Reads credentials; asks the database for keys and path tokens, each once a minute, and for
    tickets.
    """

    def __init__(  # noqa: PLR0913  they are what it knows
        self,
        database: Database,
        tokens: AccessTokens,
        revocations: Revocations,
        uses: Uses,
        clock: Clock,
        *,
        shares: Shares,
        peppers: tuple[bytes, ...],
        key_header: str,
        is_open: bool,
        public_read: bool,
    ) -> None:
        self._database = database
        self._tokens = tokens
        self._shares = shares
        self._revocations = revocations
        self._uses = uses
        self._clock = clock
        self._peppers = peppers
        self._key_header = key_header.lower().encode()
        self._guesses = Guesses()
        # Each with the moment that it is from.
        self._tokens_read: OrderedDict[str, tuple[Principal, float]] = OrderedDict()
        self._looked_up: dict[Sort, OrderedDict[str, tuple[Principal, float]]] = {
            sort: OrderedDict() for sort in (API_KEYS, *PATH_TOKENS.values())
        }
        self._nobody = (
            Principal(user=DEV_USER, scopes=ALL) if is_open else Principal(may_browse=public_read)
        )

    def recognize(self, scope: ConnectionScope) -> Principal | None:
        """Nobody, or whose token was read before; None where it takes more to know."""
        if scope["type"] != "http" or PATH_TOKEN in scope or scope["path"] == STREAM:
            return None
        found = self._nobody
        for name, value in scope["headers"]:
            if name == self._key_header:
                return None
            if name == b"authorization":
                token = value[len(BEARER) :].decode("latin-1")
                if token not in self._tokens_read or value[: len(BEARER)].lower() != BEARER:
                    return None
                try:
                    found = self.read_token(token)
                except Unauthenticated:
                    # The long way round says why.
                    return None
        return found

    async def identify(self, scope: ConnectionScope) -> Principal:
        """The caller of a request or handshake; nobody where nothing says who.

        Where something does that is no good the principal is nobody, with the fault. A token in the
        path counts before any header, and opens no socket.
        """
        client = scope.get("client")
        address = caller_key(client[0] if client else None)
        key = authorization = None
        for name, value in scope["headers"]:
            if name == b"authorization":
                authorization = value
            elif name == self._key_header:
                key = value
        try:
            if PATH_TOKEN in scope:
                return await self._identify_by_path(scope, address)
            if authorization is None and key is None:
                return await self._identify_otherwise(scope, address)
            if authorization is None:
                return await self.read_key((key or b"").decode("latin-1"), address)
            bearer = _BEARER(authorization.decode("latin-1"))
            if bearer is None:
                raise Unauthenticated(_EXPECTED)  # noqa: TRY301  one place answers
            return await self.read(bearer[1], address)
        except Unauthenticated as fault:
            return Principal(fault=fault)

    async def _identify_by_path(self, scope: ConnectionScope, address: str) -> Principal:
        token: TokenInPath = scope[PATH_TOKEN]
        if token.place is None or scope["type"] != "http":
            raise Unauthenticated("A path token is good where it belongs, and nowhere else.")
        return await self._look_up(PATH_TOKENS[token.place], token.text, address)

    async def _identify_otherwise(self, scope: ConnectionScope, address: str) -> Principal:
        """Browsers send no headers with a socket or stream, but a sub-protocol or a query."""
        kind = TicketKind.STREAM
        if scope["type"] == "websocket":
            for offered in scope["subprotocols"]:
                if offered.startswith(SUBPROTOCOL_MARK):
                    return await self.read(offered.removeprefix(SUBPROTOCOL_MARK), address)
            kind = TicketKind.SOCKET
        elif scope["path"] != STREAM:
            return self._nobody
        if b"ticket=" in scope["query_string"]:
            ticket = dict(parse_qsl(scope["query_string"].decode("latin-1"))).get("ticket", "")
            return await self.read_ticket(kind, ticket, address)
        return self._nobody

    async def read(self, credential: str, address: str) -> Principal:
        """Whose access token or API key this is, or what it is a share of; raises Unauthenticated.

        Raises TooMany where too many guesses came from the address.
        """
        if credential.startswith(KEY_MARK):
            return await self.read_key(credential, address)
        if self._shares.is_share(credential):
            return self._shares.read(credential)
        return self.read_token(credential)

    def read_token(self, token: str) -> Principal:
        now = self._clock.now()
        kept = self._tokens_read.get(token)
        if kept is None:
            kept = _of_claims(self._tokens.read(token, now))
            _keep(self._tokens_read, token, kept)
        principal, issued = kept
        if principal.expires is not None and principal.expires <= now:
            raise Unauthenticated("The access token has expired.", code="token_expired")
        self.check(principal, issued)
        return principal

    async def read_key(self, text: str, address: str) -> Principal:
        return await self._look_up(API_KEYS, text, address)

    async def read_ticket(self, kind: TicketKind, text: str, address: str) -> Principal:
        """Whoever asked for it; one for a socket opens one, one for a stream goes on with it."""
        self._guesses.admit(address)
        async with self._database.transaction() as session:
            tickets = Tickets(session, self._clock)
            if kind is TicketKind.STREAM:
                redeemed = await tickets.present(text)
            else:
                redeemed = await tickets.redeem(kind, text)
        if redeemed is None:
            self._guesses.blame(address)
            raise Unauthenticated("The ticket is used, has expired, or is none.")
        expires = redeemed.holder.expires
        if expires is not None and expires <= self._clock.now():
            raise Unauthenticated("What the ticket stands for has expired.", code="token_expired")
        # Who issued it may not have heard yet.
        self.check(redeemed.holder, redeemed.since - COMMIT_SECONDS)
        return redeemed.holder

    def check(self, principal: Principal, since: float) -> None:
        """Raises Unauthenticated if what it rests on was revoked after `since`."""
        news = self._revocations
        assert principal.user is not None  # noqa: S101  it is somebody's
        if (
            (principal.session is not None and news.since(Kind.LOGIN, principal.session))
            or (principal.key is not None and news.since(Kind.KEY, principal.key))
            or (principal.path_token is not None and news.since(Kind.PATH, principal.path_token))
            or news.since(Kind.USER, principal.user) >= since
        ):
            raise Unauthenticated("This has been revoked; log in again.", code="token_revoked")

    async def _look_up(
        self, sort: Sort, text: str, address: str, *, heard: float = 0.0
    ) -> Principal:
        """`heard`: of when the news of its user is that was known before it is looked up."""
        now, name, kept = self._clock.now(), digest(text), self._looked_up[sort]
        principal, looked_up = kept.get(name, (None, 0.0))
        if principal is None:
            self._guesses.admit(address)
        since = looked_up - COMMIT_SECONDS
        if is_new := principal is None or now - looked_up > KEY_SECONDS:
            principal = await self._find(sort, text, address)
            _keep(kept, name, (principal, now))
            # What was heard is in it, even if it is from the future by the clock of another.
            since = max(now, nextafter(heard, inf))
        if principal.expires is not None and principal.expires <= now:
            raise Unauthenticated(f"The {sort.noun} has expired.", code="key_expired")
        id, user = principal.key or principal.path_token, principal.user
        assert id is not None and user is not None  # noqa: S101, PT018  it is one
        try:
            self.check(principal, since)
        except Unauthenticated:
            # What was revoked may be a former scope, so it is looked up once more.
            del kept[name]
            latest = self._revocations.since(Kind.USER, user)
            if is_new and latest <= heard:
                raise
            return await self._look_up(sort, text, address, heard=latest)
        self._uses.note(sort.kind, id, now)
        return principal

    async def _find(self, sort: Sort, text: str, address: str) -> Principal:
        parsed = sort.parse(text)
        if parsed is None:
            raise _unknown(sort)
        async with self._database.reading() as session:
            found = await sort.find(session, parsed, self._peppers)
        if found is None:
            self._guesses.blame(address)
            raise _unknown(sort)
        return found


def _of_claims(claims: Claims) -> tuple[Principal, float]:
    principal = Principal(
        user=claims.subject,
        session=claims.session,
        # A newer process may know more.
        scopes=frozenset(scope for scope in Scope if scope in claims.scopes),
        expires=claims.expires,
    )
    return principal, claims.issued


def _unknown(sort: Sort) -> Unauthenticated:
    return Unauthenticated(f"There is no such {sort.noun}, or it has been revoked.")


def _keep(
    kept: OrderedDict[str, tuple[Principal, float]], name: str, value: tuple[Principal, float]
) -> None:
    kept[name] = value
    if len(kept) > MOST_KEPT:
        kept.popitem(last=False)
