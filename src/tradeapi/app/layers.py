"""What every request passes on its way to a route."""

import re
from collections.abc import Collection
from functools import partial

from starlette.middleware import Middleware
from starlette.types import Scope
from starlette_compress import CompressMiddleware, add_compress_type, remove_compress_type

from tradeapi.auth.layer import Identify
from tradeapi.compat.dialect import ProErrors
from tradeapi.redis import Redis
from tradeapi.settings import Environment, Settings
from tradeapi.udf.dialects import Dialects
from tradeapi.udf.storage_router import FORMS
from tradeapi.web.cache import Cache
from tradeapi.web.cors import Cors
from tradeapi.web.envelope import Envelope
from tradeapi.web.gate import Gate, Rank
from tradeapi.web.guard import Guard
from tradeapi.web.hosts import Hosts
from tradeapi.web.limits import Limits, Places, declare, is_export
from tradeapi.web.proxies import Proxies
from tradeapi.web.shedding import Shedding

PROBES = ("/health", "/health/ready")
# It lasts, and is limited as sockets are.
EVENTS = "/api/v1/stream"
AUTH = "/api/v1/auth/"
# Where passwords and the like can be guessed, and mails are sent.
LOGINS = (
    "/api/v1/auth/register",
    "/api/v1/auth/token",
    "/api/v1/auth/password/forgot",
    "/api/v1/auth/password/reset",
    "/api/v1/auth/email/verification",
    "/api/v1/auth/email/verify",
    "/api/v1/notifications/mail-off",
    # These look at a password, and send a mail.
    "/api/v1/auth/me",
    "/api/v1/auth/me/password",
)
INGEST = ("/api/v1/bars", "/api/v1/ticks")
INDICES = "/api/v1/indices/"
TRACKER = (
    "/api/v1/index-performance",
    "/api/v1/index-composition",
    "/api/v1/composition-changes",
)
# Whose body says which format.
TRACKER_EXPORT = "/api/v1/export"
_POINTS = r"/api/v1/charts/[^/]+/series/[^/]+/points"
_is_points = re.compile(rf"{_POINTS}|/api/charts/[^/]+/data/[^/]+").fullmatch
# Without what replaces all points, which nobody does again and again.
_is_appending = re.compile(rf"POST {_POINTS}|PATCH /api/charts/[^/]+/data/[^/]+").fullmatch
EXPORTS = ("csv", "json", "parquet", "xlsx")
HISTORY = ("/api/v1/bars/", "/udf/history")
EXPORTING = (*HISTORY, INDICES)
_is_export = re.compile(r"/api/v1/indices/[^/]+/export").fullmatch
# Whatever answers points of a chart, which health is not.
_shows_points = re.compile(
    rf"(?:GET|HEAD) (?:{_POINTS}|/api/charts/(?!health$)[^/]+(?:/(?:data|history)/[^/]+/[^/]+)?)"
    r"|POST /api/charts/[^/]+/history"
).fullmatch


def gate_of(settings: Settings) -> Gate:
    unranked = {*PROBES, EVENTS, settings.metrics_path}
    return Gate(settings.requests_in_flight, partial(_rank, unranked))


def layers(settings: Settings, redis: Redis | None, gate: Gate) -> list[Middleware]:
    """From the outermost in. What answers ahead of the router goes before the compression."""
    add_compress_type("text/csv")
    add_compress_type("application/x-ndjson")
    # A compressor's memory for each of many clients, and events it would hold back.
    remove_compress_type("text/event-stream")
    return [
        Middleware(Envelope),
        Middleware(Dialects),
        Middleware(ProErrors),
        *_in_front(settings),
        Middleware(
            Cors,
            origins=settings.cors_origins,
            this_machine=settings.environment is Environment.DEVELOPMENT,
        ),
        Middleware(
            Guard,
            bytes=settings.max_body_bytes,
            large_at=partial(_large_at, settings.max_body_bytes),
            seconds=settings.request_timeout_seconds,
            debug=settings.debug,
        ),
        Middleware(Shedding, gate=gate),
        Middleware(Identify),
        Middleware(
            Limits,
            limits=declare(settings),
            places=Places(
                exempt=PROBES,
                login=LOGINS,
                ingest=_is_ingest,
                history=_is_history,
                exports=EXPORTS,
                heavy=TRACKER_EXPORT,
            ),
            is_open=not settings.auth_required,
            redis=redis,
        ),
        Middleware(Cache, name="responses", prefix=HISTORY, bytes=settings.response_cache_bytes),
        Middleware(
            Cache,
            name="indices",
            prefix=(INDICES, *TRACKER),
            bytes=settings.response_cache_bytes // 4,
        ),
        # The fastest levels: on bars they come within a fifth of the best in a tenth of the time.
        Middleware(
            CompressMiddleware, minimum_size=500, zstd_level=1, brotli_quality=1, gzip_level=1
        ),
    ]


def _rank(unranked: Collection[str], scope: Scope) -> Rank | None:
    path: str = scope["path"]
    if path in unranked:
        return None
    if path.startswith(AUTH):
        return Rank.LOGIN
    if path == TRACKER_EXPORT or (
        path.startswith(EXPORTING) and is_export(scope["query_string"], EXPORTS)
    ):
        return Rank.EXPORT
    return Rank.GENERAL


def _large_at(bytes: int, path: str) -> int | None:
    """How large a body may be where it may be of many items, or is a saved chart."""
    return bytes if path in INGEST or _is_points(path) else FORMS.get(path)


def _is_ingest(method: str, path: str) -> bool:
    if path in INGEST:
        return method == "POST"
    return _is_appending(f"{method} {path}") is not None


def _is_history(method: str, path: str) -> bool:
    if path.startswith(HISTORY) or _is_export(path):
        return method in {"GET", "HEAD"}
    return _shows_points(f"{method} {path}") is not None


def _in_front(settings: Settings) -> list[Middleware]:
    """Those that are needed: each layer costs every request its share."""
    layers = []
    if settings.trusted_proxies:
        layers.append(Middleware(Proxies, trusted=settings.trusted_proxies))
    if settings.allowed_hosts or settings.force_https:
        layers.append(
            Middleware(
                Hosts,
                allowed=settings.allowed_hosts,
                force_https=settings.force_https,
                exempt=(*PROBES, settings.metrics_path),
            )
        )
    return layers
