"""The way to the database: sessions that write or read, and raw reads where it is hot."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import lru_cache, partial
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
PATIENCE_SECONDS = 1  # with a busy or distant PostgreSQL
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

    @property
    def is_lost(self) -> bool:
        return bool(self._connection.is_closed())

    async def close(self) -> None:
        await self._connection.close()

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
    is_lost = False

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection

    async def close(self) -> None:
        await self._connection.close()

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
        self._readers = (
            _Readers(partial(_sqlite_reader, self.url), patience=SQLITE_BUSY_MILLISECONDS / 1000)
            if self.is_sqlite
            else _Readers(partial(_postgres_reader, self.url), patience=PATIENCE_SECONDS)
        )
        self._resources = AsyncExitStack()

    @property
    def is_sqlite(self) -> bool:
        return self.dialect == "sqlite"

    async def __aenter__(self) -> Self:
        self._resources.push_async_callback(self._engine.dispose)
        self._resources.push_async_callback(self._readers.close)
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

    def read(self) -> AbstractAsyncContextManager[Raw]:
        """A raw connection for hot reads; each statement is a transaction of its own."""
        return self._readers.one()

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


class _Reader(Raw, Protocol):
    @property
    def is_lost(self) -> bool: ...

    async def close(self) -> None: ...


class _Readers:
    """Connections that only read, each opened when it is wanted; the one used last is used next.

    Between two reads there is nothing to reset, so this does without asyncpg's pool, which takes
    longer to lend a connection than a small query takes.
    """

    def __init__(self, connect: Callable[[], Awaitable[_Reader]], *, patience: float) -> None:
        self._connect = connect
        self._patience = patience
        self._free: asyncio.LifoQueue[_Reader | None] = asyncio.LifoQueue()
        self._open: set[_Reader] = set()
        # The service starts without its database.
        for _ in range(READERS):
            self._free.put_nowait(None)

    @asynccontextmanager
    async def one(self) -> AsyncIterator[Raw]:
        reader = await self._next()
        try:
            if reader is None or reader.is_lost:
                self._open -= {reader}
                reader = None
                reader = await self._connect()
                self._open.add(reader)
            yield reader
        finally:
            self._free.put_nowait(reader)

    async def close(self) -> None:
        for reader in self._open:
            await reader.close()

    async def _next(self) -> _Reader | None:
        if not self._free.empty():
            return self._free.get_nowait()
        async with asyncio.timeout(self._patience):
            return await self._free.get()


async def _postgres_reader(url: URL) -> _Reader:
    connection = await asyncpg.connect(
        url.set(drivername="postgresql").render_as_string(hide_password=False),
        timeout=PATIENCE_SECONDS,
        command_timeout=STATEMENT_TIMEOUT_SECONDS,
        server_settings={"jit": "off", "application_name": "tradeapi"},
    )
    return PostgresRaw(connection)


async def _sqlite_reader(url: URL) -> _Reader:
    connection = await aiosqlite.connect(url.database or "", isolation_level=None)
    try:
        for pragma in (*_PRAGMAS, "query_only=ON"):
            await (await connection.execute(f"PRAGMA {pragma}")).close()
    except BaseException:
        # It is a thread, which would outlive us.
        await connection.close()
        raise
    return SqliteRaw(connection)


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


@lru_cache(maxsize=256)
def _numbered(sql: str) -> str:
    return re.sub(r"\$(\d+)", r"?\1", sql)
