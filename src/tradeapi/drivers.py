"""The two drivers without the ORM: one way to call either, and the connections that read."""

import asyncio
import re
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing, suppress
from functools import lru_cache, partial
from time import perf_counter
from typing import Any, Protocol

import aiosqlite
import asyncpg
import orjson
from anyio import CancelScope
from sqlalchemy.engine import URL

PATIENCE_SECONDS = 1  # with a busy or distant PostgreSQL
STATEMENT_TIMEOUT_SECONDS = 30
# PostgreSQL's answer to a write when it is not, or not any more, the primary.
READ_ONLY = "25006"
SQLITE_BUSY_MILLISECONDS = 5000
SQLITE_PRAGMAS = (
    f"busy_timeout={SQLITE_BUSY_MILLISECONDS}",
    "journal_mode=WAL",
    "synchronous=NORMAL",
    "foreign_keys=ON",
)

# In SQL, and its arguments.
Statement = tuple[str, *tuple[object, ...]]


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
        # One that does not answer is dropped.
        with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            await self._connection.close(timeout=PATIENCE_SECONDS)

    def abort(self) -> None:
        self._connection.terminate()

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

    def abort(self) -> None:
        self._connection.stop()

    async def fetch(self, sql: str, *arguments: object) -> Sequence[Sequence[Any]]:
        return list(await self._connection.execute_fetchall(_numbered(sql), arguments))

    async def execute(self, sql: str, *arguments: object) -> None:
        await (await self._connection.execute(_numbered(sql), arguments)).close()

    async def executemany(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        await (await self._connection.executemany(_numbered(sql), rows)).close()

    def one_of(self, placeholder: str, values: Sequence[int] | Sequence[str]) -> tuple[str, object]:
        condition = f"IN (SELECT value FROM json_each({placeholder}))"  # noqa: S608  `$1`, no data
        return condition, orjson.dumps(values).decode()


class SqliteWriter:
    """A connection that writes what is all known, each transaction in one way to a thread and back.

    In a session each statement is a way of its own, which takes longer than the statement does.
    """

    def __init__(self, url: URL) -> None:
        self._path = url.database or ""
        # Begun when it is first needed; whatever is under way ends before the next.
        self._thread = ThreadPoolExecutor(1, "sqlite-writer")
        self._connection: sqlite3.Connection | None = None

    async def write(self, statements: Sequence[Statement]) -> Sequence[Sequence[Any]] | None:
        """The rows of the last one; None: one of them has found nothing, and nothing is done."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._write, statements)

    async def close(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown()

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def _write(self, statements: Sequence[Statement]) -> Sequence[Sequence[Any]] | None:
        if self._connection is None:
            self._connection = self._connect()
        rows: Sequence[Sequence[Any]] = []
        with closing(self._connection.cursor()) as cursor:
            cursor.execute("BEGIN IMMEDIATE")
            try:
                for sql, *arguments in statements:
                    rows = cursor.execute(_numbered(sql), arguments).fetchall()
                    if not rows:
                        return None
                cursor.execute("COMMIT")
            finally:
                if self._connection.in_transaction:
                    cursor.execute("ROLLBACK")
        return rows

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, isolation_level=None)
        try:
            for pragma in SQLITE_PRAGMAS:
                connection.execute(f"PRAGMA {pragma}")
        except BaseException:
            connection.close()
            raise
        return connection


class Reader(Raw, Protocol):
    @property
    def is_lost(self) -> bool: ...

    async def close(self) -> None: ...

    def abort(self) -> None: ...


class Readers:
    """Connections that only read, each opened when it is wanted; the one used last is used next.

    Between two reads there is nothing to reset, so this does without asyncpg's pool, which takes
    longer to lend a connection than a small query takes.
    """

    def __init__(
        self, connect: Callable[[], Awaitable[Reader]], *, size: int, patience: float
    ) -> None:
        self._connect = connect
        self._patience = patience
        self._free: asyncio.LifoQueue[Reader | None] = asyncio.LifoQueue()
        self._open: set[Reader] = set()
        self._doubted: set[Reader] = set()
        self.waiting = 0
        # Told how long somebody has waited who found none free.
        self.waited: Callable[[float], object] = abs
        # The service starts without its database.
        for _ in range(size):
            self._free.put_nowait(None)
        self.limit = self._free.qsize()

    @asynccontextmanager
    async def one(self) -> AsyncIterator[Raw]:
        reader = await self._next()
        try:
            if reader is None or not await self._is_good(reader):
                reader = None
                reader = await self._connect()
                self._open.add(reader)
            yield reader
        except (asyncio.CancelledError, TimeoutError):
            if reader is not None:
                self._doubted.add(reader)
            raise
        except asyncpg.ReadOnlySQLTransactionError:
            # It answers well, but leads to where nobody may write.
            if reader is not None:
                self._open.discard(reader)
                reader.abort()
                reader = None
            raise
        finally:
            self._free.put_nowait(reader)

    @property
    def in_use(self) -> int:
        return self.limit - self._free.qsize()

    async def close(self) -> None:
        for reader in self._open:
            await reader.close()

    async def _is_good(self, reader: Reader) -> bool:
        if not reader.is_lost and reader not in self._doubted:
            return True
        self._doubted.discard(reader)
        try:
            # A read that was given up may still be under way, or the network is gone.
            async with asyncio.timeout(self._patience):
                await reader.fetch("SELECT 1")
        except Exception:  # noqa: BLE001  whatever it is, another connection will do
            self._open.discard(reader)
            reader.abort()
            return False
        return True

    async def _next(self) -> Reader | None:
        if not self._free.empty():
            return self._free.get_nowait()
        started = perf_counter()
        self.waiting += 1
        try:
            async with asyncio.timeout(self._patience):
                return await self._free.get()
        finally:
            self.waiting -= 1
            self.waited(perf_counter() - started)


async def _postgres_reader(url: URL, name: str, lock_timeout: str) -> Reader:
    connection = await asyncpg.connect(
        url.set(drivername="postgresql").render_as_string(hide_password=False),
        timeout=PATIENCE_SECONDS,
        command_timeout=STATEMENT_TIMEOUT_SECONDS,
        server_settings={
            "jit": "off",
            "application_name": name,
            "lock_timeout": lock_timeout,
        },
    )
    return PostgresRaw(connection)


async def _sqlite_reader(url: URL) -> Reader:
    # It is a thread, which would outlive us if we were cancelled.
    with CancelScope(shield=True):
        connection = await aiosqlite.connect(url.database or "", isolation_level=None)
        try:
            for pragma in (*SQLITE_PRAGMAS, "query_only=ON"):
                await (await connection.execute(f"PRAGMA {pragma}")).close()
        except BaseException:
            await connection.close()
            raise
    return SqliteRaw(connection)


def readers_of(url: URL, size: int, *, name: str = "tradeapi", lock_timeout: str = "0") -> Readers:
    """`size` is how many there are at the most, `name` is what PostgreSQL calls them."""
    if url.get_backend_name() == "sqlite":
        patience = SQLITE_BUSY_MILLISECONDS / 1000
        return Readers(partial(_sqlite_reader, url), size=size, patience=patience)
    connect = partial(_postgres_reader, url, name, lock_timeout)
    return Readers(connect, size=size, patience=PATIENCE_SECONDS)


@lru_cache(maxsize=256)
def _numbered(sql: str) -> str:
    return re.sub(r"\$(\d+)", r"?\1", sql)
