"""Backups and drills by the clock: each the command line's, in a process of its own.

They compute for minutes, which whoever answers callers must not do; and so they leave as little
behind when they are killed.
"""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from subprocess import DEVNULL, PIPE

import structlog

from tradeapi.jobs.port import Cron
from tradeapi.logging import without_credentials
from tradeapi.settings import Settings

# Less than a stopping process gives its jobs.
GRACE_SECONDS = 1.5

_log = structlog.get_logger("tradeapi.backup")


class RunFailed(Exception):
    """What it said at last."""


def crons(settings: Settings) -> Sequence[Cron]:
    found = []
    if settings.backup_schedule:
        work = _commands(settings, ("create",), ("prune",))
        found.append(Cron(name="backup.create", expression=settings.backup_schedule, work=work))
    if settings.backup_drill_schedule:
        work = _commands(settings, ("drill",))
        expression = settings.backup_drill_schedule
        found.append(Cron(name="backup.drill", expression=expression, work=work))
    return found


def _commands(settings: Settings, *commands: Sequence[str]) -> Callable[[], Awaitable[None]]:
    async def work() -> None:
        for arguments in commands:
            await _run(settings, arguments)

    return work


async def _run(settings: Settings, arguments: Sequence[str]) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tradeapi",
        "backup",
        *arguments,
        env={**os.environ, **variables(settings)},
        stdin=DEVNULL,
        stdout=DEVNULL,
        stderr=PIPE,
        # Ctrl-C in a terminal is for us, who then stop it.
        start_new_session=True,
    )
    try:
        _, said = await process.communicate()
    finally:
        await _end(process)
    if process.returncode != 0:
        lines = said.decode(errors="replace").strip().splitlines()
        raise RunFailed(without_credentials(lines[-1]) if lines else str(process.returncode))
    _log.info("backup.run", command=" ".join(arguments))


async def _end(process: asyncio.subprocess.Process) -> None:
    """In order if it can, so that it throws away what it has begun."""
    if process.returncode is not None:
        return
    process.terminate()
    with suppress(TimeoutError):
        async with asyncio.timeout(GRACE_SECONDS):
            await process.wait()
            return
    process.kill()
    await process.wait()


def variables(settings: Settings) -> dict[str, str]:
    """Ours, wherever we have them from."""
    identity, scratch = settings.backup_identity, settings.backup_scratch_url
    return {
        "ENVIRONMENT": settings.environment.value,
        "SECRET_KEY": settings.secret_key.get_secret_value(),
        "DATABASE_URL": settings.database_url,
        "BACKUP_LOCATION": settings.backup_location,
        "BACKUP_RECIPIENTS": ",".join(settings.backup_recipients),
        "BACKUP_IDENTITY": identity.get_secret_value() if identity else "",
        "BACKUP_SCRATCH_URL": scratch.get_secret_value() if scratch else "",
        "BACKUP_KEEP_DAILY": str(settings.backup_keep_daily),
        "BACKUP_KEEP_WEEKLY": str(settings.backup_keep_weekly),
        "BACKUP_KEEP_MONTHLY": str(settings.backup_keep_monthly),
        "LOG_LEVEL": settings.log_level,
    }
