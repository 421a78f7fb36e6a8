"""Names that a process holds on a database: PostgreSQL's advisory locks, or files beside SQLite."""

import asyncio
import fcntl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import IO, Any, Protocol

import anyio
import asyncpg
from sqlalchemy.engine import URL, make_url

AWAY = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
PATIENCE_SECONDS = 2
# Longer than whoever holds a name needs to notice that PostgreSQL has not answered.
SILENCE_SECONDS = 6
_TAKE = "SELECT pg_try_advisory_lock($1)"
_SHARE = "SELECT pg_try_advisory_lock_shared($1)"
_RELEASE = "SELECT pg_advisory_unlock($1)"


class Locks(Protocol):
    """What it asks of a database that is away raises one of AWAY."""

    async def take(self, name: str, *, shared: bool = False) -> bool:
        """Whether the name is ours now: for us alone, or together with all who share it."""
        ...

    async def holds(self, name: str) -> bool:
        """Whether it still is; ask every second, for who is silent loses it."""
        ...

    async def release(self, name: str) -> None:
        """Give back what was not shared."""
        ...

    async def close(self) -> None: ...


class PostgresLocks:
    """All on one connection. PostgreSQL gives them to others when it is gone, or silent: when we
    were killed, cut off, or paused.
    """

    def __init__(self, address: URL) -> None:
        self._dsn = address.set(drivername="postgresql").render_as_string(hide_password=False)
        self._connection: Any = None
        self._held: set[str] = set()
        self._turn = asyncio.Lock()

    async def take(self, name: str, *, shared: bool = False) -> bool:
        if await self._ask(_SHARE if shared else _TAKE, _number(name)):
            self._held.add(name)
        return name in self._held

    async def holds(self, name: str) -> bool:
        if name in self._held:
            with suppress(*AWAY):
                await self._ask("SELECT 1")
        return name in self._held

    async def release(self, name: str) -> None:
        if name in self._held:
            self._held.discard(name)
            with suppress(*AWAY):
                await self._ask(_RELEASE, _number(name))

    async def close(self) -> None:
        if self._connection is not None:
            with suppress(*AWAY):
                await self._connection.close(timeout=1)

    async def _ask(self, query: str, *arguments: object) -> object:
        # One that is left in the middle would leave open what we hold.
        with anyio.CancelScope(shield=True):
            answer = await self._ask_in_turn(query, *arguments)
        return answer  # noqa: RET504  to mypy a scope may swallow what comes before

    async def _ask_in_turn(self, query: str, *arguments: object) -> object:
        async with self._turn:
            try:
                connection = await self._connected()
                return await connection.fetchval(query, *arguments, timeout=PATIENCE_SECONDS)
            except AWAY:
                self._drop()
                raise

    async def _connected(self) -> Any:  # noqa: ANN401  asyncpg ships no types
        if self._connection is None or self._connection.is_closed():
            self._held.clear()
            self._connection = await asyncpg.connect(
                self._dsn,
                timeout=PATIENCE_SECONDS,
                server_settings={
                    "application_name": "tradeapi locks",
                    "idle_session_timeout": f"{SILENCE_SECONDS}s",
                },
            )
        return self._connection

    def _drop(self) -> None:
        self._held.clear()
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None


class SqliteLocks:
    """A file for each. The system gives them to others when this process ends, and not before."""

    def __init__(self, address: URL) -> None:
        self._database = address.database
        self._files: dict[str, IO[str]] = {}

    async def take(self, name: str, *, shared: bool = False) -> bool:
        file = self._open(name)
        try:
            fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        self._files[name] = file
        return True

    async def holds(self, name: str) -> bool:
        return name in self._files

    async def release(self, name: str) -> None:
        if name in self._files:
            self._files.pop(name).close()

    async def close(self) -> None:
        for name in tuple(self._files):
            await self.release(name)

    def _open(self, name: str) -> IO[str]:
        # Not the database's file: closing that would drop SQLite's own locks on it.
        path = Path(f"{self._database}.{name}.lock")
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("w")


@asynccontextmanager
async def open_locks(url: str | URL) -> AsyncIterator[Locks]:
    """It opens no connection yet: we start without the database, too."""
    address = make_url(url)
    is_sqlite = address.get_backend_name() == "sqlite"
    locks: Locks = SqliteLocks(address) if is_sqlite else PostgresLocks(address)
    try:
        yield locks
    finally:
        await locks.close()


def _number(name: str) -> int:
    """PostgreSQL's locks have numbers; this one no other program takes on the same database."""
    return int.from_bytes(sha256(f"tradeapi {name}".encode()).digest()[:8], signed=True)
