"""Whether this process can serve: the state of each thing it depends on."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import asyncpg
import structlog

from tradeapi import migrations
from tradeapi.database import Database
from tradeapi.replica import Replica

SECONDS = 1.0

_log = structlog.get_logger("tradeapi.readiness")


@dataclass(frozen=True, slots=True)
class Dependency:
    """`probe` raises, or takes too long, when the dependency is not there.

    Without an essential one we can not serve; without another one we serve less.
    """

    name: str
    probe: Callable[[], Awaitable[None]]
    essential: bool = True


class NotReady(Exception):
    """What a probe knows to be missing, in words an operator may read."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """`state` is ready, degraded or unavailable; `dependencies` is None where one is there."""

    state: str
    dependencies: dict[str, str | None]


async def readiness(dependencies: Sequence[Dependency]) -> Readiness:
    faults = await asyncio.gather(*(_fault(dependency) for dependency in dependencies))
    down = [dependency for dependency, fault in zip(dependencies, faults, strict=True) if fault]
    if any(dependency.essential for dependency in down):
        state = "unavailable"
    else:
        state = "degraded" if down else "ready"
    names = (dependency.name for dependency in dependencies)
    return Readiness(state, dict(zip(names, faults, strict=True)))


class Outlook:
    """Who asks while somebody looks is told what that one finds.

    Else a crowd that asks would have the looks wait for each other until they take too long, and so
    could have us taken out of service.
    """

    def __init__(self, dependencies: Sequence[Dependency]) -> None:
        self._dependencies = dependencies
        self._look: asyncio.Task[Readiness] | None = None

    async def readiness(self) -> Readiness:
        if self._look is None or self._look.done():
            self._look = asyncio.create_task(readiness(self._dependencies))
        # Who leaves does not end it for the others.
        return await asyncio.shield(self._look)


def database_dependencies(database: Database) -> tuple[Dependency, ...]:
    return (
        Dependency("database", database.ping),
        Dependency("migrations", lambda: _migrated(database)),
    )


def replica_dependencies(replica: Replica | None) -> Sequence[Dependency]:
    """Without it the database answers for it, so that we only have less to give."""
    if replica is None:
        return []

    async def probe() -> None:
        if not replica.is_good:
            raise NotReady(replica.fault or "Nobody has looked at it for a while.")

    return [Dependency("replica", probe, essential=False)]


async def _migrated(database: Database) -> None:
    async with database.read() as raw:
        try:
            rows = await raw.fetch("SELECT version_num FROM alembic_version")
        except (asyncpg.UndefinedTableError, sqlite3.OperationalError) as error:
            raise NotReady("Nothing has migrated this database yet.") from error
    current = str(rows[0][0]) if rows else None
    # The first time it reads the scripts.
    if await asyncio.to_thread(migrations.is_missing, current):
        raise NotReady(f"The database is at {current}, the code needs {migrations.head()}.")


async def _fault(dependency: Dependency) -> str | None:
    try:
        async with asyncio.timeout(SECONDS):
            await dependency.probe()
    except NotReady as error:
        return str(error)
    except Exception as error:  # noqa: BLE001  whatever it raises, it is not there
        # The caller learns that it is away; why, with addresses and names, is for the log.
        _log.warning("dependency.away", dependency=dependency.name, error=repr(error))
        return "It does not answer."
    return None
