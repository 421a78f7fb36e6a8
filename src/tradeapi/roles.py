"""What a process does beside answering callers: its roles, and the jobs that there are.

The feed, the watching of alerts and the levels of indices are each under a lease, since only one
process at a time may do it. Jobs are for all who play that role: whoever is free takes the next.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import anyio

from tradeapi.alerts.engine.engine import AlertEngine
from tradeapi.alerts.tasks import AlertExpiry
from tradeapi.auth.upkeep import Expiry
from tradeapi.bus.port import Bus
from tradeapi.charts.tasks import ChartExpiry
from tradeapi.clock import Clock
from tradeapi.database import Database
from tradeapi.indices.building import requests as indices
from tradeapi.indices.building.build import Builder
from tradeapi.indices.intraday.engine import LevelEngine
from tradeapi.indices.tasks import DailyBuilds
from tradeapi.jobs.crons import every
from tradeapi.jobs.port import Cron, Handler, Jobs
from tradeapi.jobs.runner import Runner
from tradeapi.leases.lease import Lease
from tradeapi.leases.locks import Locks
from tradeapi.market.parts import Followed, Parts
from tradeapi.market.providers.feed import Feed
from tradeapi.market.providers.securities import SECURITIES
from tradeapi.market.quotes.feed_age import FeedAge
from tradeapi.market.store.retention import Retention
from tradeapi.notifications.outgoing import open_outgoing
from tradeapi.notifications.parts import Telling
from tradeapi.notifications.webhooks.tasks import DeliveryExpiry
from tradeapi.ops.backup import schedule as backups
from tradeapi.ops.backup.gauges import BackupGauges
from tradeapi.ops.backup.place import kind_of
from tradeapi.ops.readiness import Dependency, NotReady
from tradeapi.settings import Role, Settings
from tradeapi.tracked.tasks import TrackedJobExpiry
from tradeapi.tracked.working import Tracking

# How long a lease may not be asked for until something hangs: longer than the database may take.
LONGEST_SILENCE_SECONDS = 30


@asynccontextmanager
async def play(  # noqa: PLR0913, PLR0917  they are what it has
    settings: Settings,
    clock: Clock,
    database: Database,
    bus: Bus,
    locks: Locks,
    market: Followed,
    jobs: Jobs,
    telling: Telling,
) -> AsyncIterator[Sequence[Dependency]]:
    """Play each of our roles; what tells whether it is played."""
    leases: list[Lease] = []
    runners: list[Runner] = []
    async with anyio.create_task_group() as tasks, AsyncExitStack() as roles:
        roles.callback(tasks.cancel_scope.cancel)
        if Role.FEED in settings.roles and settings.demo:
            lease = Lease(Role.FEED, locks, database)
            leases.append(lease)
            tasks.start_soon(lease.run, _feed(clock, lease.database, market).run)
        if Role.ALERTS in settings.roles:
            lease = Lease(Role.ALERTS, locks, database)
            leases.append(lease)
            engine = AlertEngine(
                lease.database,
                bus,
                market["watches"],
                market["bar_history"],
                telling.notifier,
                clock,
                lateness=settings.bar_lateness_seconds,
            )
            tasks.start_soon(lease.run, engine.run)
        if Role.INDICES in settings.roles:
            lease = Lease(Role.INDICES, locks, database)
            leases.append(lease)
            levels = LevelEngine(
                lease.database,
                bus,
                market["watches"],
                market["store"],
                market["calendars"],
                clock,
                lateness=settings.bar_lateness_seconds,
            )
            tasks.start_soon(lease.run, levels.run)
        if Role.JOBS in settings.roles:
            outgoing = open_outgoing(settings, clock, database, telling.notifier)
            handlers = {
                **telling.handlers,
                **await roles.enter_async_context(outgoing),
                **_tracked(clock, database, bus, market, telling),
            }
            daily = DailyBuilds(database, jobs, bus, market["calendars"], clock)
            crons = [
                *_crons(settings, clock, database, market),
                *telling.crons,
                *backups.crons(settings),
                Cron(name="indices.daily", expression=every(5), work=daily.once),
            ]
            gauges = BackupGauges(database, clock, store=kind_of(settings.backup_location))
            tasks.start_soon(gauges.run)
            runner = Runner(jobs, handlers, crons, database, clock)
            await roles.enter_async_context(runner.running())
            runners.append(runner)
            tasks.start_soon(FeedAge(database, market["calendars"], clock).run)
        yield [*map(_asked_for, leases), *map(_at_work, runners)]


def _asked_for(lease: Lease) -> Dependency:
    async def probe() -> None:
        if (silence := lease.silence) > LONGEST_SILENCE_SECONDS:
            raise NotReady(f"Its lease was last asked for {silence:.0f} seconds ago.")

    return Dependency(Role(lease.name).value, probe)


def _at_work(runner: Runner) -> Dependency:
    async def probe() -> None:
        if not runner.is_at_work:
            raise NotReady("It can't take any jobs.")

    return Dependency(Role.JOBS.value, probe)


def _feed(clock: Clock, database: Database, parts: Parts) -> Feed:
    store, directory, calendars = parts["store"], parts["directory"], parts["calendars"]
    return Feed(SECURITIES, database, store, directory, calendars, clock)


def _tracked(
    clock: Clock, database: Database, bus: Bus, parts: Parts, telling: Telling
) -> Mapping[str, Handler]:
    """The jobs that can be watched."""
    tracking = Tracking(database, bus, clock)
    builder = Builder(database, bus, parts["store"], parts["calendars"], telling.notifier, clock)
    return {indices.NAME: tracking.handler(builder.work)}


def _crons(settings: Settings, clock: Clock, database: Database, parts: Parts) -> Sequence[Cron]:
    charts = ChartExpiry(database, clock, ttl_hours=settings.chart_ttl_hours)
    crons = [
        Cron(name="auth.expiry", expression=every(1), work=Expiry(database, clock).once),
        Cron(name="alerts.expiry", expression=every(1), work=AlertExpiry(database, clock).once),
        Cron(
            name="charts.expiry",
            expression=every(settings.cleanup_interval_minutes),
            work=charts.once,
        ),
        Cron(
            name="webhooks.expiry",
            expression=every(15),
            work=DeliveryExpiry(database, clock).once,
        ),
        Cron(
            name="jobs.expiry",
            expression=every(60),
            work=TrackedJobExpiry(database, clock).once,
        ),
    ]
    if days := settings.minute_retention_days:
        retention = Retention(database, parts["store"], parts["directory"], clock, days=days)
        crons.append(Cron(name="bars.retention", expression=every(360), work=retention.apply))
    return crons
