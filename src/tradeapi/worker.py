"""A process that plays its roles, and answers nobody but its operators."""

import asyncio
import signal
from socket import socket

import anyio
import structlog

from tradeapi import migrations
from tradeapi.clock import SystemClock
from tradeapi.database import Database
from tradeapi.jobs.opening import jobs_of
from tradeapi.leases.locks import open_locks
from tradeapi.mail import configured
from tradeapi.market.parts import open_parts
from tradeapi.notifications.parts import telling_of
from tradeapi.ops.alone import admitted
from tradeapi.ops.bus import bus_dependencies, open_bus
from tradeapi.ops.operations import listening, open_operations
from tradeapi.ops.pulse import measured
from tradeapi.ops.readiness import Outlook, database_dependencies
from tradeapi.ops.tracing import provider_of, tracing
from tradeapi.roles import play
from tradeapi.settings import Environment, Settings
from tradeapi.web.outages import outage

RETRY_SECONDS = 2.0

_log = structlog.get_logger("tradeapi.worker")


def run(settings: Settings) -> None:
    """Until SIGTERM or Ctrl-C; raises NotStarted."""
    with listening(settings) as operations:
        anyio.run(_run, settings, operations, backend_options={"use_uvloop": True})


async def _run(settings: Settings, operations: socket | None) -> None:
    stop = anyio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    clock, mailer = SystemClock(), configured(settings)
    async with (
        tracing(provider_of(settings)),
        Database(settings.database_url, settings.database_connections) as database,
        open_bus(settings) as bus,
        open_locks(settings.database_url) as locks,
        admitted(settings, locks),
    ):
        if settings.environment is Environment.DEVELOPMENT:
            await _migrate(settings.database_url, stop)
        jobs = jobs_of(database, clock)
        telling = telling_of(settings, clock, database, bus, jobs, mailer)
        async with (
            measured(database),
            open_parts(settings, clock, database, bus) as market,
            play(settings, clock, database, bus, locks, market, jobs, telling) as roles,
            open_operations(
                operations,
                settings.metrics_path,
                Outlook(
                    [*database_dependencies(database), *bus_dependencies(settings, bus), *roles]
                ),
            ),
        ):
            _log.info("worker.started", roles=settings.roles)
            await stop.wait()
    _log.info("worker.stopped")


async def _migrate(url: str, stop: anyio.Event) -> None:
    """Nobody waits for us, and so we wait for the database."""
    while not stop.is_set():
        try:
            await anyio.to_thread.run_sync(migrations.upgrade, url)
        except Exception as error:
            if outage(error) is None:
                raise
            _log.warning("database.away", error=repr(error))
            with anyio.move_on_after(RETRY_SECONDS):
                await stop.wait()
        else:
            return
