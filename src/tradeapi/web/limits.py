"""How often a caller may ask: one layer ahead of the kept answers and of the router.

The limits are declared with slowapi and counted by `limits`, the library under it. What slowapi
itself does to enforce them is left alone: on the routes of included routers it does nothing, it
knows no sockets, and while it waits for Redis the whole process stands still.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import parse_qsl
from uuid import UUID

from limits import RateLimitItem, RateLimitItemPerMinute
from slowapi.wrappers import Limit, LimitGroup
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as ConnectionScope

from tradeapi.errors import TooMany
from tradeapi.metrics import LIMIT_HITS
from tradeapi.redis import Redis
from tradeapi.settings import Settings
from tradeapi.web.counting import Counts
from tradeapi.web.envelope import ANSWER_HEADERS
from tradeapi.web.path_tokens import PATH_TOKEN
from tradeapi.web.principal import Principal, Scope, principal_of
from tradeapi.web.proxies import caller_key
from tradeapi.web.standing import Hit, Standing

CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
# Longer than any query for bars is.
LONGEST_QUERY = 2048
MOST_KNOWN = 8192
# A key may have a rate of its own in place of these.
BY_KEY = {"user", "ingest"}

# Says of a method and an address whether a request goes there.
Place = Callable[[str, str], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Which requests have limits of their own, by address: no router has looked at them yet.

    At `exempt` nobody is counted. At `ingest` those who may do that have a limit of their own.
    Reading at `history` costs callers who are not known more, and everybody where the query's
    format is one of `exports`; so does what is posted to `heavy`.
    """

    exempt: Collection[str]
    login: Collection[str]
    ingest: Place
    history: Place
    exports: Collection[str]
    heavy: str


def policies(
    places: Places, method: str, path: str, query_string: bytes, principal: Principal
) -> tuple[str, ...]:
    """The limits that a request counts against, from the narrowest on."""
    if path in places.exempt:
        return ()
    general = "user" if principal.is_known else "anonymous"
    if Scope.INGEST in principal.scopes and places.ingest(method, path):
        return ("ingest",)
    if method in CHANGING and path in places.login:
        return "login", general
    if path == places.heavy and method == "POST":
        return "heavy", general
    if places.history(method, path):
        names = ["heavy"] if is_export(query_string, places.exports) else []
        if not principal.is_known:
            names.append("history")
        return *names, general
    return (general,)


def declare(settings: Settings) -> Mapping[str, Limit]:
    """Every limit there is, by its policy's name."""
    declared = {
        "anonymous": (settings.rate_limit_per_minute, _by_address),
        "user": (settings.rate_limit_user_per_minute, _by_caller),
        "history": (settings.rate_limit_history_per_minute, _by_address),
        "login": (settings.rate_limit_login_per_minute, _by_address),
        "heavy": (settings.rate_limit_heavy_per_minute, _by_caller),
        "ingest": (settings.rate_limit_ingest_per_minute, _by_caller),
    }
    return {name: _limit(name, f"{most}/minute", key) for name, (most, key) in declared.items()}


class Limits:
    """`is_open`: nobody has to say who he is, and who does not is limited as anybody is.

    Answers tell what is left, as draft 11 of the IETF's RateLimit fields has it. A request that is
    over one of its limits is not counted against the ones after it.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        limits: Mapping[str, Limit],
        places: Places,
        is_open: bool,
        redis: Redis | None,
    ) -> None:
        self._app = app
        self._limits = limits
        self._places = places
        self._is_open = is_open
        self._counts = Counts(redis)
        # Most callers come again.
        self._find = lru_cache(maxsize=MOST_KNOWN)(self._compose)

    async def __call__(self, scope: ConnectionScope, receive: Receive, send: Send) -> None:
        counted = None if scope["type"] == "lifespan" else self._counted(scope)
        if counted is None:
            await self._app(scope, receive, send)
            return
        standings = await self._counts.take(counted.hits)
        # Of those with nothing left the one that takes longest says when to come back.
        standings.sort(key=_tightness)
        # Errors leave with them, too.
        scope[ANSWER_HEADERS] += (counted.quotas, (b"ratelimit", _left(standings)))
        if not all(standing.is_within for standing in standings):
            raise _refuse(standings[0])
        if PATH_TOKEN in scope and (fault := principal_of(scope).fault):
            # Whether or not there is anything at the address; but not ahead of the limits.
            raise fault
        await self._app(scope, receive, send)

    def _counted(self, scope: ConnectionScope) -> "_Counted | None":
        principal = principal_of(scope)
        if self._is_open and not principal.is_proven:
            principal = replace(principal, user=None)
        # A handshake has no method.
        method, query = scope.get("method", ""), scope["query_string"]
        names = policies(self._places, method, scope["path"], query, principal)
        client = scope.get("client")
        address = caller_key(client[0] if client else None)
        rated = principal.key if principal.rate is not None else None
        return self._find(names, address, principal.user, rated, principal.rate)

    def _compose(
        self,
        names: tuple[str, ...],
        address: str,
        user: UUID | None,
        key: UUID | None,
        rate: int | None,
    ) -> "_Counted | None":
        """`key` is one with a rate of its own: of those without one user could make many."""
        if not names:
            return None
        caller = f"key:{key}" if key else f"user:{user}" if user else address
        hits = []
        for name in names:
            item: RateLimitItem = self._limits[name].limit
            if name in BY_KEY and key is not None and rate is not None:
                item = RateLimitItemPerMinute(rate)
            hits.append(Hit(name, self._limits[name].key_func(caller, address), item))
        quotas = (f'"{hit.policy}";q={hit.item.amount};w={hit.item.get_expiry()}' for hit in hits)
        return _Counted(tuple(hits), (b"ratelimit-policy", ", ".join(quotas).encode()))


class _Counted(NamedTuple):
    """What a request counts against, and the header that says so."""

    hits: tuple[Hit, ...]
    quotas: tuple[bytes, bytes]


def _left(standings: Sequence[Standing]) -> bytes:
    """What the caller has left, the tightest limit first."""
    return ", ".join([f'"{name}";r={r};t={t}' for name, _, r, t in standings]).encode()


def _tightness(standing: Standing) -> tuple[int, int]:
    return standing.remaining, -standing.seconds


def _refuse(standing: Standing) -> TooMany:
    LIMIT_HITS.labels(standing.policy).inc()
    detail = f"The limit for {standing.policy} is reached; go on in {standing.seconds} s."
    return TooMany(detail, retry_after=standing.seconds)


def _by_address(_: str, address: str) -> str:
    return address


def _by_caller(caller: str, _: str) -> str:
    return caller


def _limit(policy: str, text: str, key: Callable[[str, str], str]) -> Limit:
    # Its Limiter would open a store of its own, start a thread, and read .env.
    (limit,) = LimitGroup(text, key, policy, False, None, None, None, 1, False)
    return limit


def is_export(query_string: bytes, exports: Collection[str]) -> bool:
    if len(query_string) > LONGEST_QUERY:
        return True
    # Most queries can not be one, and to take them apart costs more than the rest of this layer.
    if b"%" not in query_string and not any(name.encode() in query_string for name in exports):
        return False
    query = parse_qsl(query_string.decode("latin-1"))
    return any(name == "format" and value in exports for name, value in query)
