"""What a process makes of its settings, opens while it runs, and closes in the end."""

import gc
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from socket import socket
from typing import TYPE_CHECKING, Self

from fastapi import FastAPI

from tradeapi.alerts.service import alerts_of
from tradeapi.app.auth import AuthState, Credentials, open_auth
from tradeapi.app.charts import ChartsState, open_charts
from tradeapi.app.indices import IndicesState, open_indices
from tradeapi.app.layers import gate_of
from tradeapi.app.market import MarketState, open_market, open_streams
from tradeapi.app.notifications import open_notifications
from tradeapi.app.tracked import open_tracked
from tradeapi.app.watchlists import WatchlistsState, open_watchlists
from tradeapi.auth.export import List
from tradeapi.bus.port import Bus
from tradeapi.charts.service import charts_of
from tradeapi.clock import Clock
from tradeapi.database import Database
from tradeapi.jobs.opening import jobs_of
from tradeapi.jobs.port import Jobs
from tradeapi.leases.locks import open_locks
from tradeapi.notifications.parts import Telling
from tradeapi.notifications.preferences import preferences_of
from tradeapi.notifications.push.service import push_subscriptions_of
from tradeapi.notifications.service import notifications_of
from tradeapi.notifications.webhooks.service import webhooks_of
from tradeapi.ops.alone import admitted
from tradeapi.ops.bus import bus_dependencies, open_bus
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
from tradeapi.settings import Settings
from tradeapi.streams.hub import Hub
from tradeapi.tracked.service import tracked_jobs_of
from tradeapi.udf.layouts import layouts_of
from tradeapi.watchlists.favourites import favourites_of
from tradeapi.watchlists.searches import searches_of
from tradeapi.watchlists.service import watchlists_of
from tradeapi.web.drain import Drain
from tradeapi.web.gate import Gate
from tradeapi.web.large_reads import LargeReads

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

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
            outlook = Outlook(
                [
                    *database_dependencies(database),
                    *replica_dependencies(replica),
                    *([Dependency("redis", redis.ping, essential=False)] if redis else []),
                    *bus_dependencies(settings, bus),
                    *market["feeds"],
                ]
            )
            drain = Drain(settings.drain_seconds)
            answering = open_operations(self.operations, settings.metrics_path, outlook, drain)
            async with answering, _settled():
                yield {
                    "settings": settings,
                    "clock": clock,
                    "database": database,
                    "bus": bus,
                    "jobs": jobs,
                    "telling": telling,
                    "outlook": outlook,
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


def _redis(settings: Settings) -> Redis | None:
    """Where callers are counted: not in a Redis Cluster, whose nodes share no script."""
    url = settings.redis_url.get_secret_value() if settings.redis_url else None
    return Redis(url) if url and not without_cluster(url)[1] else None
