"""The application: what there is, joined."""

import os
from collections.abc import MutableMapping
from functools import partial
from socket import socket
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute

from tradeapi import __version__, logging
from tradeapi.alerts import router as alerts_router
from tradeapi.app.layers import PROBES, layers
from tradeapi.app.process import Process
from tradeapi.auth import admin_router, keys_router, links_router, path_tokens_router
from tradeapi.auth import router as auth_router
from tradeapi.charts import points_router
from tradeapi.charts import router as charts_router
from tradeapi.charts.live.messages import MESSAGES as CHART_MESSAGES
from tradeapi.clock import Clock, SystemClock
from tradeapi.compat import router as compat_router
from tradeapi.compat import socket_router as compat_socket_router
from tradeapi.compat.tracker import router as tracker_router
from tradeapi.indices import router as indices_router
from tradeapi.indices.holdings import router as holdings_router
from tradeapi.indices.live.messages import MESSAGES as INDEX_MESSAGES
from tradeapi.indices.performance import router as performance_router
from tradeapi.indices.risk import router as risk_router
from tradeapi.jobs import admin_router as jobs_router
from tradeapi.market.bars import router as bars_router
from tradeapi.market.bars import ticks_router
from tradeapi.market.live.messages import MESSAGES as MARKET_MESSAGES
from tradeapi.market.quotes import router as quotes_router
from tradeapi.market.symbols import exchanges_router
from tradeapi.market.symbols import router as symbols_router
from tradeapi.notifications import preferences_router
from tradeapi.notifications import router as notifications_router
from tradeapi.notifications.live.messages import MESSAGES as NOTIFICATION_MESSAGES
from tradeapi.notifications.push import router as push_router
from tradeapi.notifications.webhooks import router as webhooks_router
from tradeapi.ops import caches, health
from tradeapi.ops.alone import refuse_workers
from tradeapi.ops.exposition import metrics_router
from tradeapi.settings import Settings, load
from tradeapi.streams.asyncapi import asyncapi_router
from tradeapi.streams.messages import MESSAGES as STREAM_MESSAGES
from tradeapi.streams.operations import OPERATIONS
from tradeapi.streams.router import router as streams_router
from tradeapi.streams.sse_router import router as events_router
from tradeapi.tracked import router as tracked_router
from tradeapi.tracked.live.messages import MESSAGES as JOB_MESSAGES
from tradeapi.udf import router as udf_router
from tradeapi.udf import storage_router
from tradeapi.watchlists import items_router, own_router
from tradeapi.watchlists import router as watchlists_router
from tradeapi.watchlists.live.messages import MESSAGES as WATCHLIST_MESSAGES
from tradeapi.web import assets, docs
from tradeapi.web.openapi import Api
from tradeapi.web.problems import install_problems

if TYPE_CHECKING:
    pass

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


def _operation_id(route: APIRoute) -> str:
    """Generated clients make a method of it: bars_get, symbols_list."""
    return "_".join([*map(str, route.tags[:1]), route.name])
