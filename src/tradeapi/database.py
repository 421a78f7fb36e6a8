"""The way to the database: sessions that write or read, and raw reads where it is hot."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol, Self

import aiosqlite
import asyncpg
import orjson
from sqlalchemy import Connection, MetaData, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.pool import ConnectionPoolEntry

READERS = 8
STATEMENT_TIMEOUT_SECONDS = 30
SQLITE_BUSY_MILLISECONDS = 5000


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


class Raw(Protocol):
    """A driver's connection without the ORM; placeholders are `$1`, `$2` ... on every database."""

    dialect: str

    async def fetch(self, sql: str, *arguments: object) -> Sequence[Sequence[Any]]: ...

    async def execute(self, sql: str, *arguments: object) -> None: ...

    async def executemany(self, sql: str, rows: Iterable[Sequence[object]]) -> None: ...

    def one_of(self, placeholder: str, values: Sequence[int] | Sequence[str]) -> tuple[str, object]:
        """An SQL condition "is one of the values", and the argument for its placeholder."""
        ...


class PostgresRaw:
    dialect = "postgresql"

    def __init__(self, connection: Any) -> None:  # noqa: ANN401  asyncpg ships no types
        self._connection = connection

    async def fetch(self, sql: str, *arguments: object) -> Sequence[Sequence[Any]]:
        rows: Sequence[Sequence[Any]] = await self._connection.fetch(sql, *arguments)
        return rows

    async def execute(self, sql: str, *arguments: object) -> None:
        await self._connection.execute(sql, *arguments)

    async def executemany(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        await self._connection.executemany(sql, rows)

    def one_of(self, placeholder: str, values: Sequence[int] | Sequence[str]) -> tuple[str, object]:
        kind = "text" if values and isinstance(values[0], str) else "bigint"
        return f"= ANY({placeholder}::{kind}[])", list(values)


class SqliteRaw:
    dialect = "sqlite"

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection

    async def fetch(self, sql: str, *arguments: object) -> Sequence[Sequence[Any]]:
        return list(await self._connection.execute_fetchall(_numbered(sql), arguments))

    async def execute(self, sql: str, *arguments: object) -> None:
        await (await self._connection.execute(_numbered(sql), arguments)).close()

    async def executemany(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        await (await self._connection.executemany(_numbered(sql), rows)).close()

    def one_of(self, placeholder: str, values: Sequence[int] | Sequence[str]) -> tuple[str, object]:
        condition = f"IN (SELECT value FROM json_each({placeholder}))"  # noqa: S608  `$1`, no data
        return condition, orjson.dumps(values).decode()


class Database:
    """Connections to one database, SQLite or PostgreSQL; use as `async with Database(url)`."""

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        self.dialect = self.url.get_backend_name()
        self._engine = _sqlite_engine(self.url) if self.is_sqlite else _postgres_engine(self.url)
        self._sessions = async_sessionmaker(self._engine, expire_on_commit=False)
        self._readers: _Readers = (
            _SqliteReaders(self.url) if self.is_sqlite else _PostgresReaders(self.url)
        )
        self._resources = AsyncExitStack()

    @property
    def is_sqlite(self) -> bool:
        return self.dialect == "sqlite"

    async def __aenter__(self) -> Self:
        self._resources.push_async_callback(self._engine.dispose)
        await self._resources.enter_async_context(self._readers)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._resources.aclose()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """A session that writes: commit, or roll back on any error; then what waited for it."""
        async with self._sessions.begin() as session:
            await session.connection(execution_options={"write": True})
            yield session
        for call in session.info.pop("after_commit", ()):
            await call()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """A session that only reads; on SQLite it takes no writer's lock."""
        async with self._sessions() as session:
            yield session

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Raw]:
        """A raw connection for hot reads; each statement is a transaction of its own."""
        async with self._readers.connection() as raw:
            yield raw

    async def autocommit(self, *statements: str) -> None:
        """Run statements outside of any transaction under way here; for partitions."""
        async with self._engine.connect() as connection:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            for statement in statements:
                await connection.exec_driver_sql(statement)

    async def ping(self) -> None:
        async with self.read() as raw:
            await raw.fetch("SELECT 1")


def after_commit(session: AsyncSession, call: Callable[[], Awaitable[None]]) -> None:
    """Have `call` awaited once the session's transaction has committed, and never otherwise."""
    session.info.setdefault("after_commit", []).append(call)


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


class _Readers(Protocol):
    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *_: object) -> None: ...

    @asynccontextmanager
    def connection(self) -> AsyncIterator[Raw]: ...


class _PostgresReaders:
    def __init__(self, url: URL) -> None:
        self._dsn = url.set(drivername="postgresql").render_as_string(hide_password=False)

    async def __aenter__(self) -> Self:
        self._pool = asyncpg.create_pool(
            self._dsn,
            min_size=0,
            max_size=READERS,
            command_timeout=STATEMENT_TIMEOUT_SECONDS,
            server_settings={"jit": "off", "application_name": "tradeapi"},
            # Reads leave nothing behind, so nothing needs to be reset between them.
            reset=_nothing_to_reset,
        )
        # The pool opens a connection when one is wanted: the service starts without its database.
        await self._pool
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._pool.close()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Raw]:
        async with self._pool.acquire(timeout=1) as connection:
            yield PostgresRaw(connection)


class _SqliteReaders:
    def __init__(self, url: URL) -> None:
        self._path = url.database or ""
        self._free: asyncio.LifoQueue[aiosqlite.Connection | None] = asyncio.LifoQueue()
        self._open: list[aiosqlite.Connection] = []

    async def __aenter__(self) -> Self:
        for _ in range(READERS):
            self._free.put_nowait(None)
        return self

    async def __aexit__(self, *_: object) -> None:
        for connection in self._open:
            await connection.close()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Raw]:
        async with asyncio.timeout(SQLITE_BUSY_MILLISECONDS / 1000):
            connection = await self._free.get()
        try:
            if connection is None:
                connection = await aiosqlite.connect(self._path, isolation_level=None)
                self._open.append(connection)
                for pragma in (*_PRAGMAS, "query_only=ON"):
                    await (await connection.execute(f"PRAGMA {pragma}")).close()
            yield SqliteRaw(connection)
        finally:
            self._free.put_nowait(connection)


_PRAGMAS = (
    f"busy_timeout={SQLITE_BUSY_MILLISECONDS}",
    "journal_mode=WAL",
    "synchronous=NORMAL",
    "foreign_keys=ON",
)


def _sqlite_engine(url: URL) -> Any:  # noqa: ANN401
    if url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_async_engine(url.set(drivername="sqlite+aiosqlite"))

    @event.listens_for(engine.sync_engine, "connect")
    def connect(connection: Any, _: ConnectionPoolEntry) -> None:  # noqa: ANN401
        # sqlite3 delays BEGIN until the first write, which breaks isolation and loses updates.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in _PRAGMAS:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Connection) -> None:
        # A deferred transaction that reads first and writes later fails with "database is locked".
        write = connection.get_execution_options().get("write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine


def _postgres_engine(url: URL) -> Any:  # noqa: ANN401
    return create_async_engine(
        url.set(drivername="postgresql+asyncpg"),
        pool_size=10,
        max_overflow=5,
        pool_timeout=2,
        connect_args={
            "timeout": 3,
            "server_settings": {
                "jit": "off",
                "application_name": "tradeapi",
                "lock_timeout": "5s",
                "statement_timeout": f"{STATEMENT_TIMEOUT_SECONDS}s",
                "idle_in_transaction_session_timeout": "60s",
            },
        },
    )


async def _nothing_to_reset(_: Any) -> None:  # noqa: ANN401
    pass


@lru_cache(maxsize=256)
def _numbered(sql: str) -> str:
    return re.sub(r"\$(\d+)", r"?\1", sql)
