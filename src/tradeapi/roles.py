"""What a process does beside answering callers: its roles, each under the lease of that name."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

import anyio

from tradeapi.auth.upkeep import Expiry
from tradeapi.charts.tasks import ChartExpiry
from tradeapi.clock import Clock
from tradeapi.database import Database
from tradeapi.leases.lease import Lease, Work
from tradeapi.leases.locks import Locks
from tradeapi.market.parts import Parts
from tradeapi.market.providers.feed import Feed
from tradeapi.market.providers.securities import SECURITIES
from tradeapi.market.store.retention import Retention
from tradeapi.notifications.webhooks.tasks import DeliveryExpiry
from tradeapi.settings import Role, Settings


@asynccontextmanager
async def play(
    settings: Settings, clock: Clock, database: Database, locks: Locks, parts: Parts
) -> AsyncIterator[None]:
    """Do the work of each of our roles whenever no other process does."""
    async with anyio.create_task_group() as tasks:
        for role in settings.roles:
            lease = Lease(role, locks, database)
            jobs = _jobs[role](settings, clock, lease.database, parts)
            if jobs:
                tasks.start_soon(lease.run, partial(_side_by_side, jobs))
        yield
        tasks.cancel_scope.cancel()


async def _side_by_side(jobs: Sequence[Work]) -> None:
    async with anyio.create_task_group() as tasks:
        for job in jobs:
            tasks.start_soon(job)


def _feed(settings: Settings, clock: Clock, database: Database, parts: Parts) -> Sequence[Work]:
    if not settings.demo:
        return []
    store, directory, calendars = parts["store"], parts["directory"], parts["calendars"]
    return [Feed(SECURITIES, database, store, directory, calendars, clock).run]


def _upkeep(settings: Settings, clock: Clock, database: Database, parts: Parts) -> Sequence[Work]:
    ttl, interval = settings.chart_ttl_hours, settings.cleanup_interval_minutes
    jobs: list[Work] = [
        Expiry(database, clock).run,
        ChartExpiry(database, clock, ttl_hours=ttl, every_minutes=interval).run,
        DeliveryExpiry(database, clock).run,
    ]
    if days := settings.minute_retention_days:
        retention = Retention(database, parts["store"], parts["directory"], clock, days=days)
        jobs.append(retention.run)
    return jobs


_jobs = {Role.FEED: _feed, Role.UPKEEP: _upkeep}
