"""The application: what there is, joined."""

import gc
import os
from collections.abc import AsyncIterator, Mapping, MutableMapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from socket import socket
from typing import TYPE_CHECKING, Any, Self

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute

from tradeapi import __version__, logging
from tradeapi.alerts import router as alerts_router
from tradeapi.alerts.service import alerts_of
from tradeapi.app.auth import AuthState, Credentials, open_auth
from tradeapi.app.charts import ChartsState, open_charts
from tradeapi.app.indices import IndicesState, open_indices
from tradeapi.app.layers import PROBES, gate_of, layers
from tradeapi.app.market import MarketState, open_market, open_streams
from tradeapi.app.notifications import open_notifications
from tradeapi.app.tracked import open_tracked
from tradeapi.app.watchlists import WatchlistsState, open_watchlists
from tradeapi.auth import admin_router, keys_router, links_router, path_tokens_router
from tradeapi.auth import router as auth_router
from tradeapi.auth.export import List
from tradeapi.bus.port import Bus
from tradeapi.charts import points_router
from tradeapi.charts import router as charts_router
from tradeapi.charts.live.messages import MESSAGES as CHART_MESSAGES
from tradeapi.charts.service import charts_of
from tradeapi.clock import Clock, SystemClock
from tradeapi.compat import router as compat_router
from tradeapi.compat import socket_router as compat_socket_router
from tradeapi.compat.tracker import router as tracker_router
from tradeapi.database import Database
from tradeapi.indices import router as indices_router
from tradeapi.indices.holdings import router as holdings_router
from tradeapi.indices.live.messages import MESSAGES as INDEX_MESSAGES
from tradeapi.indices.performance import router as performance_router
from tradeapi.indices.risk import router as risk_router
from tradeapi.jobs import admin_router as jobs_router
from tradeapi.jobs.opening import jobs_of
from tradeapi.jobs.port import Jobs
from tradeapi.leases.locks import open_locks
from tradeapi.market.bars import router as bars_router
from tradeapi.market.bars import ticks_router
from tradeapi.market.live.messages import MESSAGES as MARKET_MESSAGES
from tradeapi.market.quotes import router as quotes_router
from tradeapi.market.symbols import exchanges_router
from tradeapi.market.symbols import router as symbols_router
from tradeapi.notifications import preferences_router
from tradeapi.notifications import router as notifications_router
from tradeapi.notifications.live.messages import MESSAGES as NOTIFICATION_MESSAGES
from tradeapi.notifications.parts import Telling
from tradeapi.notifications.preferences import preferences_of
from tradeapi.notifications.push import router as push_router
from tradeapi.notifications.push.service import push_subscriptions_of
from tradeapi.notifications.service import notifications_of
from tradeapi.notifications.webhooks import router as webhooks_router
from tradeapi.notifications.webhooks.service import webhooks_of
from tradeapi.ops import caches, health
from tradeapi.ops.alone import admitted, refuse_workers
from tradeapi.ops.bus import bus_dependencies, open_bus
from tradeapi.ops.exposition import metrics_router
from tradeapi.ops.operations import open_operations
from tradeapi.ops.pulse import measured
from tradeapi.ops.readiness import (
    Dependency,
    Outlook,
    database_dependencies,
    replica_dependencies,
)
from tradeapi.ops.tracing import provider_of, tracing
from tradeapi.redis import Redis, without_cluster
from tradeapi.replica import open_replica
from tradeapi.roles import play
from tradeapi.settings import Settings, load
from tradeapi.streams.asyncapi import asyncapi_router
from tradeapi.streams.hub import Hub
from tradeapi.streams.messages import MESSAGES as STREAM_MESSAGES
from tradeapi.streams.operations import OPERATIONS
from tradeapi.streams.router import router as streams_router
from tradeapi.streams.sse_router import router as events_router
from tradeapi.tracked import router as tracked_router
from tradeapi.tracked.live.messages import MESSAGES as JOB_MESSAGES
from tradeapi.tracked.service import tracked_jobs_of
from tradeapi.udf import router as udf_router
from tradeapi.udf import storage_router
from tradeapi.udf.layouts import layouts_of
from tradeapi.watchlists import items_router, own_router
from tradeapi.watchlists import router as watchlists_router
from tradeapi.watchlists.favourites import favourites_of
from tradeapi.watchlists.live.messages import MESSAGES as WATCHLIST_MESSAGES
from tradeapi.watchlists.searches import searches_of
from tradeapi.watchlists.service import watchlists_of
from tradeapi.web import assets, docs
from tradeapi.web.drain import Drain
from tradeapi.web.gate import Gate
from tradeapi.web.large_reads import LargeReads
from tradeapi.web.openapi import Api
from tradeapi.web.problems import install_problems

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

STREAM = "/api/v1/stream"
DESCRIPTION = """Market data for charts and trading front ends: bars, history and live streams.

The stream at `/ws` has a document of its own, [asyncapi.json](asyncapi.json)."""
TAGS = [
    {"name": "symbols", "description": "What has bars: stocks, coins, indices and others."},
    {"name": "exchanges", "description": "Where symbols trade: calendars and currencies."},
    {"name": "bars", "description": "History: reading, exporting, posting, removing."},
    {"name": "ticks", "description": "Trades, which build bars."},
    {"name": "quotes", "description": "The newest prices."},
    {"name": "charts", "description": "Documents of yours, with series that you push or bind."},
    {"name": "watchlists", "description": "Symbols that you keep an eye on."},
    {"name": "indices", "description": "Baskets of symbols with a level, by rules of yours."},
    {"name": "alerts", "description": "What you want to be told of."},
    {"name": "webhooks", "description": "Your notifications, sent to servers of yours."},
    {"name": "push", "description": "Your notifications, pushed to your browsers."},
    {"name": "notifications", "description": "What you are told, and how."},
    {"name": "jobs", "description": "Work of yours in the background."},
    {"name": "stream", "description": "What changes, as it does."},
    {"name": "market", "description": "Which markets are open."},
    {"name": "auth", "description": "Accounts, logins and API keys."},
    {"name": "admin", "description": "Users, the audit log, jobs that were given up, and caches."},
    {"name": "udf", "description": "The market for TradingView's charts."},
    {"name": "udf-storage", "description": "What TradingView's charts save."},
    {"name": "lightweight-charts-pro", "description": "Your charts, for its front ends."},
    {"name": "index-tracker", "description": "The index EW100, for clients of the tracker."},
    {"name": "operations", "description": "Health and metrics, for those who run this."},
]

API: tuple[APIRouter, ...] = (
    bars_router.router,
    performance_router.router,
    points_router.router,
    charts_router.router,
    ticks_router.router,
    symbols_router.router,
    exchanges_router.router,
    quotes_router.router,
    charts_router.making_router,
    watchlists_router.router,
    items_router.router,
    watchlists_router.making_router,
    own_router.router,
    risk_router.router,
    indices_router.router,
    indices_router.making_router,
    holdings_router.router,
    alerts_router.router,
    alerts_router.one_router,
    alerts_router.making_router,
    webhooks_router.router,
    webhooks_router.making_router,
    push_router.router,
    notifications_router.router,
    notifications_router.one_router,
    preferences_router.router,
    tracked_router.router,
    events_router,
    auth_router.router,
    links_router.router,
    keys_router.router,
    path_tokens_router.router,
    admin_router.router,
    jobs_router.router,
    caches.router,
    tracker_router.router,
)

# What is told a user who asks for all that we have of theirs.
EXPORTED = {
    "charts": charts_of,
    "layouts": layouts_of,
    "watchlists": watchlists_of,
    "favourites": favourites_of,
    "searches": searches_of,
    "alerts": alerts_of,
    "webhooks": webhooks_of,
    "push_subscriptions": push_subscriptions_of,
    "notifications": notifications_of,
    "notification_preferences": preferences_of,
    "jobs": tracked_jobs_of,
}

# What the stream says and hears, for its document.
MESSAGES = (
    *OPERATIONS,
    *STREAM_MESSAGES,
    *MARKET_MESSAGES,
    *CHART_MESSAGES,
    *WATCHLIST_MESSAGES,
    *INDEX_MESSAGES,
    *NOTIFICATION_MESSAGES,
    *JOB_MESSAGES,
)


class State(MarketState, AuthState, ChartsState, WatchlistsState, IndicesState):
    """What the lifespan opened; `request.state.database` and so on."""

    settings: Settings
    clock: Clock
    database: Database
    bus: Bus
    jobs: Jobs
    telling: Telling
    outlook: Outlook
    gate: Gate
    drain: Drain
    hub: Hub
    large_reads: LargeReads
    exported: Mapping[str, List]


def create_app(
    settings: Settings | None = None,
    clock: Clock | None = None,
    operations: socket | None = None,
) -> FastAPI:
    """Without settings it is a process of its own: it reads them and takes over the logging.

    `operations`: where metrics and health are answered as well, while it runs.
    Raises NotStarted for settings that are no good.
    """
    if settings is None:
        settings = load()
        logging.configure(settings.log_level)
    refuse_workers(settings, int(os.environ.get("WEB_CONCURRENCY", "1")))
    process = Process.of(settings, clock or SystemClock(), operations)
    app = Api(
        title="tradeapi",
        version=__version__,
        description=DESCRIPTION,
        openapi_tags=TAGS,
        # The pages and the document are our own routes.
        openapi_url=None,
        redirect_slashes=False,
        generate_unique_id_function=_operation_id,
        lifespan=process.lifespan,
        middleware=layers(settings, process.redis, process.gate),
        telemetry={
            "tracer_provider": process.tracer_provider,
            "metrics": False,
            "logs": False,
            # Each dependency as well: twice the work, and nobody asks.
            "operation_spans": False,
            "auto_configure": False,
            "exclude": partial(_is_not_traced, settings.metrics_path),
        },
    )
    app.key_header = settings.api_key_header
    app.is_traced = process.tracer_provider is not None
    install_problems(app)
    # Routes are tried one after the other: what is asked for most comes first.
    app.include_router(compat_router.router)
    for router in API:
        app.include_router(router, prefix="/api/v1")
    for router in (
        udf_router.router,
        docs.router,
        assets.router,
        asyncapi_router(settings, MESSAGES),
        health.router,
        metrics_router(settings.metrics_path),
        keys_router.jwks_router,
        storage_router.router,
        compat_socket_router.router,
        streams_router,
    ):
        app.include_router(router)
    return app


def _is_not_traced(metrics_path: str, scope: MutableMapping[str, Any]) -> bool:
    """Probes say nothing, and streams would be traced for hours."""
    return scope["type"] != "http" or scope["path"] in {*PROBES, metrics_path, STREAM}


def _redis(settings: Settings) -> Redis | None:
    """Where callers are counted: not in a Redis Cluster, whose nodes share no script."""
    url = settings.redis_url.get_secret_value() if settings.redis_url else None
    return Redis(url) if url and not without_cluster(url)[1] else None


def _operation_id(route: APIRoute) -> str:
    """Generated clients make a method of it: bars_get, symbols_list."""
    return "_".join([*map(str, route.tags[:1]), route.name])


@dataclass(frozen=True, slots=True)
class Process:
    """What is made of the settings before anything is opened."""

    settings: Settings
    clock: Clock
    operations: socket | None
    credentials: Credentials
    redis: Redis | None
    gate: Gate
    tracer_provider: "TracerProvider | None"

    @classmethod
    def of(cls, settings: Settings, clock: Clock, operations: socket | None) -> Self:
        """Raises NotStarted."""
        return cls(
            settings,
            clock,
            operations,
            credentials=Credentials.of(settings),
            redis=_redis(settings),
            gate=gate_of(settings),
            tracer_provider=provider_of(settings),
        )

    @asynccontextmanager
    async def lifespan(self, _: FastAPI) -> AsyncIterator[State]:
        settings, clock, redis = self.settings, self.clock, self.redis
        database = Database(settings.database_url, settings.database_connections)
        jobs = jobs_of(database, clock)
        async with (
            tracing(self.tracer_provider),
            database,
            redis or AsyncExitStack(),
            open_bus(settings) as bus,
            open_locks(settings.database_url) as locks,
            admitted(settings, locks),
            open_auth(self.credentials, settings, clock, database, redis) as auth,
            open_replica(settings, database) as replica,
            measured(database),
            open_market(settings, clock, database, bus, replica) as market,
            open_streams(settings, clock, bus, market) as (hub, quotes),
            open_charts(settings, clock, database, bus, hub, market) as charts,
            open_watchlists(settings, clock, database, bus, hub, quotes) as watchlists,
            open_indices(database, bus, hub) as indices,
            open_tracked(database, bus, hub),
            open_notifications(
                settings, clock, database, bus, hub, jobs, self.credentials.mailer
            ) as telling,
            play(settings, clock, database, bus, locks, market, jobs, telling),
        ):
            auth["revocations"].listen(hub.callers.hear)
            dependencies = [
                *database_dependencies(database),
                *replica_dependencies(replica),
                *([Dependency("redis", redis.ping, essential=False)] if redis else []),
                *bus_dependencies(settings, bus),
                *market["feeds"],
            ]
            drain = Drain(settings.drain_seconds)
            answering = open_operations(self.operations, settings.metrics_path, dependencies, drain)
            async with answering, _settled():
                yield {
                    "settings": settings,
                    "clock": clock,
                    "database": database,
                    "bus": bus,
                    "jobs": jobs,
                    "telling": telling,
                    "outlook": Outlook(dependencies),
                    "gate": self.gate,
                    "drain": drain,
                    "hub": hub,
                    "large_reads": LargeReads(),
                    "exported": EXPORTED,
                    **auth,
                    **market,
                    **charts,
                    **watchlists,
                    **indices,
                }


@asynccontextmanager
async def _settled() -> AsyncIterator[None]:
    """What is here by now stays, so the garbage collector need not look at it ever again: to look
    at all of it stops the process for 0.1 s, and a loaded one every other second."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
