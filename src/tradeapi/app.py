"""The application: what there is, joined."""

import gc
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TypedDict

import anyio
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.middleware import Middleware
from starlette_compress import CompressMiddleware, add_compress_type

from tradeapi import __version__, logging
from tradeapi.bus.memory import MemoryBus
from tradeapi.bus.port import Bus
from tradeapi.clock import Clock, SystemClock
from tradeapi.database import Database
from tradeapi.market.bars import router as bars_router
from tradeapi.market.bars import ticks_router
from tradeapi.market.bars.bar_history import BarHistory
from tradeapi.market.bars.bar_writer import BarWriter
from tradeapi.market.bars.newest import Newest
from tradeapi.market.bars.tick_writer import TickWriter
from tradeapi.market.calendars.registry import Calendars
from tradeapi.market.events import CHANGES
from tradeapi.market.live.channels import BarsChannel, QuotesChannel
from tradeapi.market.live.watches import Watches
from tradeapi.market.providers.feed import Feed
from tradeapi.market.providers.securities import SECURITIES
from tradeapi.market.quotes import router as quotes_router
from tradeapi.market.store.bar_store import BarStore
from tradeapi.market.store.retention import Retention
from tradeapi.market.symbols import exchanges_router
from tradeapi.market.symbols import router as symbols_router
from tradeapi.market.symbols.catalogue import Catalogue
from tradeapi.market.symbols.directory import Directory
from tradeapi.ops import health
from tradeapi.ops.alone import alone, refuse_workers
from tradeapi.ops.exposition import metrics_router
from tradeapi.ops.readiness import Dependency, database_dependencies
from tradeapi.settings import Environment, Settings, load
from tradeapi.streams.hub import Hub
from tradeapi.streams.limits import Limits
from tradeapi.streams.router import router as streams_router
from tradeapi.web import docs
from tradeapi.web.cache import Cache
from tradeapi.web.cors import Cors
from tradeapi.web.envelope import Envelope
from tradeapi.web.guard import Guard
from tradeapi.web.openapi import Api
from tradeapi.web.problems import install_problems

DESCRIPTION = "Market data for charts and trading front ends: bars, history and live streams."
TAGS = [
    {"name": "symbols", "description": "What has bars: stocks, coins, indices and others."},
    {"name": "exchanges", "description": "Where symbols trade: calendars and currencies."},
    {"name": "bars", "description": "History: reading, exporting, posting, removing."},
    {"name": "ticks", "description": "Trades, which build bars."},
    {"name": "quotes", "description": "The newest prices."},
    {"name": "market", "description": "Which markets are open."},
    {"name": "operations", "description": "Health and metrics, for those who run this."},
]

API: tuple[APIRouter, ...] = (
    bars_router.router,
    symbols_router.router,
    exchanges_router.router,
    ticks_router.router,
    quotes_router.router,
)


class MarketState(TypedDict):
    calendars: Calendars
    directory: Directory
    catalogue: Catalogue
    store: BarStore
    bar_history: BarHistory
    bar_writer: BarWriter
    tick_writer: TickWriter
    feeds: Sequence[Dependency]


class State(MarketState):
    """What the lifespan opened; `request.state.database` and so on."""

    settings: Settings
    clock: Clock
    database: Database
    dependencies: Sequence[Dependency]
    hub: Hub


def create_app(settings: Settings | None = None, clock: Clock | None = None) -> FastAPI:
    """Without settings it is a process of its own: it reads them and takes over the logging."""
    if settings is None:
        settings = load()
        logging.configure(settings.log_level)
    refuse_workers(int(os.environ.get("WEB_CONCURRENCY", "1")))
    app = Api(
        title="tradeapi",
        version=__version__,
        description=DESCRIPTION,
        openapi_tags=TAGS,
        # The pages and the document are our own routes.
        openapi_url=None,
        redirect_slashes=False,
        generate_unique_id_function=_operation_id,
        lifespan=_lifespan(settings, clock or SystemClock()),
        middleware=_layers(settings),
    )
    install_problems(app)
    # Routes are tried one after the other: what is asked for most comes first.
    for router in API:
        app.include_router(router, prefix="/api/v1")
    for router in (
        docs.router,
        health.router,
        metrics_router(settings.metrics_path),
        streams_router,
    ):
        app.include_router(router)
    return app


def _operation_id(route: APIRoute) -> str:
    """Generated clients make a method of it: bars_get, symbols_list."""
    return "_".join([*map(str, route.tags[:1]), route.name])


def _lifespan(
    settings: Settings, clock: Clock
) -> Callable[[FastAPI], AbstractAsyncContextManager[State]]:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[State]:
        bus = MemoryBus()
        async with (
            Database(settings.database_url) as database,
            alone(settings.database_url),
            _market(settings, clock, database, bus) as market,
            _streams(settings, clock, database, bus, market) as hub,
            _settled(),
        ):
            yield {
                "settings": settings,
                "clock": clock,
                "database": database,
                "dependencies": [*database_dependencies(database), *market["feeds"]],
                "hub": hub,
                **market,
            }

    return lifespan


@asynccontextmanager
async def _settled() -> AsyncIterator[None]:
    """What is here by now stays, so the garbage collector need not look at it ever again: to look
    at all of it stops the process for 0.1 s, and a loaded one every other second."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@asynccontextmanager
async def _market(
    settings: Settings, clock: Clock, database: Database, bus: Bus
) -> AsyncIterator[MarketState]:
    lateness = settings.bar_lateness_seconds
    calendars = Calendars(database, clock)
    directory = Directory(database, calendars)
    newest = Newest(database, directory, clock)
    store = BarStore(database, bus, clock, lateness=lateness)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(newest.run)
        feeds = []
        if settings.demo:
            feed = Feed(SECURITIES, database, store, directory, calendars, clock)
            tasks.start_soon(feed.run)
            feeds.append(Dependency("demo", feed.probe, essential=False))
        if days := settings.minute_retention_days:
            tasks.start_soon(Retention(database, store, directory, clock, days=days).run)
        with bus.subscribe(CHANGES, newest.listen):
            yield {
                "calendars": calendars,
                "directory": directory,
                "catalogue": Catalogue(database),
                "store": store,
                "bar_history": BarHistory(database, directory, newest, clock, lateness=lateness),
                "bar_writer": BarWriter(database, directory, store, clock),
                "tick_writer": TickWriter(database, directory, store, clock),
                "feeds": feeds,
            }
        tasks.cancel_scope.cancel()


@asynccontextmanager
async def _streams(
    settings: Settings, clock: Clock, database: Database, bus: Bus, market: MarketState
) -> AsyncIterator[Hub]:
    lateness, stale_after = settings.bar_lateness_seconds, settings.quote_stale_seconds
    hub = Hub(Limits.of(settings), clock)
    async with (
        Watches(database, bus, market["directory"], clock) as watches,
        anyio.create_task_group() as tasks,
    ):
        hub.register("bars", BarsChannel(watches, market["bar_history"], clock, lateness=lateness))
        hub.register("quotes", QuotesChannel(watches, clock, stale_after=stale_after))
        tasks.start_soon(hub.run)
        yield hub
        tasks.cancel_scope.cancel()


def _layers(settings: Settings) -> list[Middleware]:
    """From the outermost in. What answers ahead of the router goes before the compression."""
    add_compress_type("text/csv")
    add_compress_type("application/x-ndjson")
    return [
        Middleware(Envelope),
        Middleware(
            Cors,
            origins=settings.cors_origins,
            this_machine=settings.environment is Environment.DEVELOPMENT,
        ),
        Middleware(
            Guard,
            bytes=settings.max_body_bytes,
            large_at=("/api/v1/bars", "/api/v1/ticks"),
            seconds=settings.request_timeout_seconds,
            debug=settings.debug,
        ),
        Middleware(Cache, prefix="/api/v1/bars/", bytes=settings.response_cache_bytes),
        # The fastest levels: on bars they come within a fifth of the best in a tenth of the time.
        Middleware(
            CompressMiddleware, minimum_size=500, zstd_level=1, brotli_quality=1, gzip_level=1
        ),
    ]
