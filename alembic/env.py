"""Runs the migrations, one process at a time."""

import asyncio
from pathlib import Path

import stamina
from alembic import context
from sqlalchemy import Connection, Engine, NullPool, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

import tradeapi.alerts.models
import tradeapi.auth.models
import tradeapi.charts.models
import tradeapi.indices.models
import tradeapi.jobs.models
import tradeapi.leases.models
import tradeapi.market.models
import tradeapi.notifications.models
import tradeapi.notifications.push.models
import tradeapi.notifications.webhooks.models
import tradeapi.ops.backup.models
import tradeapi.tracked.models
import tradeapi.udf.models
import tradeapi.watchlists.models
import tradeapi.web.models  # noqa: F401  the tables register themselves
from tradeapi.database import Base
from tradeapi.settings import load

# Any number will do that no other program takes on the same database.
LOCK = 7_236_401_855_501
WAIT_SECONDS = 60
# Who waits for a lock on a table has all others wait behind it who read that, so we give way. A
# caller is answered later by so much at the most.
LOCK_SECONDS = 2
PAUSE_SECONDS = 3
ATTEMPTS = 20
LOCKED = "55P03"


def url() -> URL:
    return make_url(context.config.attributes.get("url") or load().database_url)


def migrate(connection: Connection) -> None:
    context.configure(
        connection,
        target_metadata=Base.metadata,
        # SQLite alters a table by copying it.
        render_as_batch=connection.dialect.name == "sqlite",
        # Alembic takes SQLite for a database that can not roll a table back, but it can.
        transactional_ddl=True,
        # No lock is held for longer than its own migration takes, and none is done twice.
        transaction_per_migration=connection.dialect.name == "postgresql",
        include_name=is_ours,
    )
    with context.begin_transaction():
        context.run_migrations()


def is_ours(name: str | None, kind: str, _: object) -> bool:
    """Partitions come and go with the data; no migration knows them, and no model the queue."""
    foreign = ("bar_blocks_", "tradeapi_pgqueuer", "jobs")
    return not (kind == "table" and name is not None and name.startswith(foreign))


def migrate_sqlite(url: URL) -> None:
    if url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        url.set(drivername="sqlite"), poolclass=NullPool, connect_args={"timeout": WAIT_SECONDS}
    )
    lock_on_begin(engine)
    with engine.connect() as connection:
        migrate(connection)


def lock_on_begin(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def connect(connection: object, _: object) -> None:
        connection.isolation_level = None  # type: ignore[attr-defined]
        # The mode of the file, not of the connection; nobody can change it while others work.
        connection.execute("PRAGMA journal_mode=WAL").close()  # type: ignore[attr-defined]

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # sqlite3 would begin with the first INSERT only, and after the DDL.
        connection.exec_driver_sql("BEGIN IMMEDIATE")


async def migrate_postgresql(url: URL) -> None:
    engine = create_async_engine(url.set(drivername="postgresql+asyncpg"), poolclass=NullPool)
    async with engine.connect() as connection:
        # The session's lock: a migration may commit half-way, to build an index concurrently.
        await connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": LOCK})
        await connection.execute(text(f"SET lock_timeout = '{LOCK_SECONDS}s'"))
        await connection.commit()
        await migrate_patiently(connection)


async def migrate_patiently(connection: AsyncConnection) -> None:
    """What is locked by others is tried again, with time for them between."""
    async for attempt in stamina.retry_context(
        is_locked,
        attempts=ATTEMPTS,
        timeout=None,
        wait_initial=PAUSE_SECONDS,
        wait_max=PAUSE_SECONDS,
        wait_jitter=0,
    ):
        with attempt:
            try:
                await connection.run_sync(migrate)
            except DBAPIError:
                await connection.rollback()
                raise


def is_locked(error: Exception) -> bool:
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) == LOCKED


if url().get_backend_name() == "sqlite":
    migrate_sqlite(url())
else:
    asyncio.run(migrate_postgresql(url()))
