"""The way to the database: sessions that write or read, and raw reads where it is hot."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from copy import copy
from pathlib import Path
from time import perf_counter
from typing import Any, Protocol, Self, TypeVar

import aiosqlite
import asyncpg
from anyio import CancelScope
from sqlalchemy import Connection, MetaData, Table, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import (
    AsyncConnection,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.pool import AsyncAdaptedQueuePool, ConnectionPoolEntry

from tradeapi.connections import MOST, Connections
from tradeapi.drivers import (
    READ_ONLY,
    SQLITE_PRAGMAS,
    STATEMENT_TIMEOUT_SECONDS,
    PostgresRaw,
    Raw,
    SqliteRaw,
    SqliteWriter,
    Statement,
    readers_of,
)
from tradeapi.metrics import CONNECTION_WAIT

# How long that waits for a lock.
AT_ONCE = "20ms"
MOST_PARAMETERS = 1000

Value = TypeVar("Value")


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class Pool(Protocol):
    """Whose connections are `in_use`, and who is `waiting` for one."""

    waited: Callable[[float], object]

    @property
    def in_use(self) -> int: ...

    @property
    def waiting(self) -> int: ...

    @property
    def limit(self) -> int: ...


class Writers(AsyncAdaptedQueuePool):
    """SQLAlchemy's pool, which tells nobody that it has run out."""

    waiting = 0
    waited: Callable[[float], object] = abs

    @property
    def in_use(self) -> int:
        return self.checkedout()

    @property
    def limit(self) -> int:
        return self.size() + self._max_overflow

    def _do_get(self) -> ConnectionPoolEntry:
        if self.checkedin() or self.in_use < self.limit:
            return super()._do_get()
        started = perf_counter()
        self.waiting += 1
        try:
            return super()._do_get()
        finally:
            self.waiting -= 1
            self.waited(perf_counter() - started)


class Database:
    """Connections to one database, SQLite or PostgreSQL; use as `async with Database(url)`.

    They are at most so many `connections`, on PostgreSQL.
    """

    def __init__(self, url: str | URL, connections: int = MOST) -> None:
        self.url = make_url(url)
        self.dialect = self.url.get_backend_name()
        shares = Connections.of(connections)
        if self.is_sqlite:
            self._engine = _sqlite_engine(self.url)
        else:
            self._engine = _postgres_engine(self.url, shares.writers)
        self._sessions = async_sessionmaker(self._engine, expire_on_commit=False)
        self._readers = readers_of(self.url, shares.readers)
        # Nobody who reads can use these up.
        self._singles = readers_of(self.url, shares.singles, lock_timeout=AT_ONCE)
        self._writer = SqliteWriter(self.url)
        writers: Writers = self._engine.pool
        self.pools: Mapping[str, Pool] = {
            "writers": writers,
            "readers": self._readers,
            "singles": self._singles,
        }
        for name, pool in self.pools.items():
            pool.waited = CONNECTION_WAIT.labels(name).observe
        self._resources = AsyncExitStack()
        self.guard: Callable[[AsyncSession], Awaitable[None]] | None = None

    @property
    def is_sqlite(self) -> bool:
        return self.dialect == "sqlite"

    async def __aenter__(self) -> Self:
        self._resources.push_async_callback(self._engine.dispose)
        self._resources.push_async_callback(self._readers.close)
        self._resources.push_async_callback(self._singles.close)
        if self.is_sqlite:
            self._resources.push_async_callback(self._writer.close)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._resources.aclose()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """A session that writes: commit, or roll back on any error; then what waited for it."""
        with self._whole():
            async with self._sessions.begin() as session:
                connection = await session.connection(execution_options={"write": True})
                async with _unless_read_only(connection):
                    if self.guard is not None:
                        await self.guard(session)
                    yield session
        for call in session.info.pop("after_commit", ()):
            await call()

    def guarded(self, guard: Callable[[AsyncSession], Awaitable[None]]) -> Self:
        """The same, where each `transaction` begins with `guard`; what that raises ends it."""
        same = copy(self)
        same.guard = guard
        return same

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """A session that only reads; on SQLite it takes no writer's lock."""
        with self._whole():
            async with self._sessions() as session:
                yield session

    def read(self) -> AbstractAsyncContextManager[Raw]:
        """A raw connection for hot reads; each statement is a transaction of its own."""
        return self._readers.one()

    def at_once(self) -> AbstractAsyncContextManager[Raw]:
        """A raw connection to PostgreSQL whose statements are a transaction each, and may write.

        They hardly wait for a lock: then they fail.
        """
        return self._singles.one()

    async def together(self, *statements: Statement) -> Sequence[Sequence[Any]] | None:
        """A transaction of these on SQLite, each an SQL statement and its arguments.

        The rows of the last one; None: one of them has found nothing, and nothing is done.
        """
        return await self._writer.write(statements)

    async def autocommit(self, *statements: str) -> None:
        """Run statements outside of any transaction under way here; for partitions."""
        async with self._engine.connect() as connection:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            for statement in statements:
                await connection.exec_driver_sql(statement)

    def _whole(self) -> CancelScope:
        # Work is cancelled at any time, and SQLite's thread would go on by itself, to find nobody
        # whom it could tell that it is done.
        return CancelScope(shield=self.is_sqlite)

    async def ping(self) -> None:
        async with self.read() as raw:
            await raw.fetch("SELECT 1")


def parts(values: Sequence[Value]) -> Iterator[Sequence[Value]]:
    """As many as one statement takes as parameters."""
    for start in range(0, len(values), MOST_PARAMETERS):
        yield values[start : start + MOST_PARAMETERS]


def after_commit(session: AsyncSession, call: Callable[[], Awaitable[None]]) -> None:
    """Have `call` awaited once the session's transaction has committed, and never otherwise."""
    session.info.setdefault("after_commit", []).append(call)


def insert(session: AsyncSession, table: Table) -> sqlite.Insert | postgresql.Insert:
    """One that can say what is done on a conflict."""
    if session.get_bind().dialect.name == "sqlite":
        return sqlite.insert(table)
    return postgresql.insert(table)


async def raw(session: AsyncSession) -> Raw:
    """The driver's own connection inside the session's transaction."""
    connection = await session.connection()
    driver = (await connection.get_raw_connection()).driver_connection
    if isinstance(driver, aiosqlite.Connection):
        return SqliteRaw(driver)
    assert isinstance(driver, asyncpg.Connection)  # noqa: S101  there are two drivers
    if not driver.is_in_transaction():
        # SQLAlchemy begins on asyncpg with its own first statement, not with the session.
        await connection.exec_driver_sql("SELECT 1")
    return PostgresRaw(driver)


@asynccontextmanager
async def _unless_read_only(connection: AsyncConnection) -> AsyncIterator[None]:
    """Use it no more when it leads to what was the primary, and is a replica now."""
    try:
        yield
    except (DBAPIError, asyncpg.ReadOnlySQLTransactionError) as error:
        if getattr(getattr(error, "orig", error), "sqlstate", None) == READ_ONLY:
            await connection.invalidate()
        raise


def _sqlite_engine(url: URL) -> Any:  # noqa: ANN401
    if url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_async_engine(
        url.set(drivername="sqlite+aiosqlite"), poolclass=Writers, hide_parameters=True
    )
    # Where SQLAlchemy terminates a connection and is cancelled meanwhile, it waits for ever for a
    # thread that has ended, and the process with it. Closed, the connection is gone as well.
    engine.dialect.do_terminate = engine.dialect.do_close  # type: ignore[method-assign]

    @event.listens_for(engine.sync_engine, "connect")
    def connect(connection: Any, _: ConnectionPoolEntry) -> None:  # noqa: ANN401
        # sqlite3 delays BEGIN until the first write, which breaks isolation and loses updates.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in SQLITE_PRAGMAS:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Connection) -> None:
        # A deferred transaction that reads first and writes later fails with "database is locked".
        write = connection.get_execution_options().get("write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine


def _postgres_engine(url: URL, writers: int) -> Any:  # noqa: ANN401
    return create_async_engine(
        url.set(drivername="postgresql+asyncpg"),
        # What is stored of passwords and tokens is for no log.
        hide_parameters=True,
        poolclass=Writers,
        pool_size=writers,
        max_overflow=0,
        pool_timeout=2,
        connect_args={
            "timeout": 3,
            # PostgreSQL gives up first, if it can still be heard.
            "command_timeout": STATEMENT_TIMEOUT_SECONDS + 5,
            "server_settings": {
                "jit": "off",
                "application_name": "tradeapi",
                "lock_timeout": "5s",
                "statement_timeout": f"{STATEMENT_TIMEOUT_SECONDS}s",
                "idle_in_transaction_session_timeout": "60s",
            },
        },
    )
