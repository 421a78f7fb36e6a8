"""Databases of a PostgreSQL server, made and thrown away."""

import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import asyncpg
import structlog
from sqlalchemy.engine import URL

from tradeapi.errors import Conflict, NotStarted
from tradeapi.logging import without_credentials
from tradeapi.ops.backup.faults import Unreachable

CONNECT_SECONDS = 10
CLOSE_SECONDS = 1
# Where to ask about databases that nobody may be connected to.
MAINTENANCE = "postgres"
SCRATCH = "tradeapi_scratch_"
# One that was just made may have no connection yet.
YOUNG_SECONDS = 60
LONGEST_NAME = 63
# What a row looks like as text must not depend on the server, or on whose role asks.
SETTINGS = {
    "application_name": "tradeapi backup",
    "jit": "off",
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "lock_timeout": "60s",
    "search_path": "pg_catalog",
    "TimeZone": "UTC",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "bytea_output": "hex",
    "extra_float_digits": "1",
}

_log = structlog.get_logger("tradeapi.backup")


@asynccontextmanager
async def connected(url: URL) -> AsyncIterator[Any]:
    """Raises Unreachable, also where that which is asked for fails."""
    address = url.set(drivername="postgresql").render_as_string(hide_password=False)
    try:
        connection = await asyncpg.connect(
            address, timeout=CONNECT_SECONDS, server_settings=SETTINGS
        )
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise _unreachable(url, error) from error
    try:
        yield connection
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        # It was shut down meanwhile, or is being migrated.
        raise _unreachable(url, error) from error
    finally:
        try:
            await connection.close(timeout=CLOSE_SECONDS)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            connection.terminate()


def _unreachable(url: URL, error: Exception) -> Unreachable:
    said = without_credentials(str(error) or type(error).__name__)
    return Unreachable(f"The database {url.database} at {url.host}: {said}")


def major(connection: Any) -> int:  # noqa: ANN401  asyncpg ships no types
    return int(connection.get_server_version().major)


@asynccontextmanager
async def scratch(url: URL) -> AsyncIterator[URL]:
    """An empty database, gone afterwards; and those of runs that were killed are gone before."""
    name = f"{SCRATCH}{time.time():.0f}_{secrets.token_hex(4)}"
    async with made(url, name) as new, connected(new):
        # With that connection whoever sweeps sees that it is in use.
        await _sweep(url)
        yield new


@asynccontextmanager
async def made(url: URL, name: str, like: str | None = None) -> AsyncIterator[URL]:
    """A new database, dropped at the end if it still has that name; `like`: sorts as that does."""
    try:
        async with connected(url) as connection:
            await _create(connection, name, like)
        yield url.set(database=name)
    finally:
        async with connected(url) as connection:
            await connection.execute(f"DROP DATABASE IF EXISTS {quoted(name)} WITH (FORCE)")


async def _create(connection: Any, name: str, like: str | None) -> None:  # noqa: ANN401
    options = ""
    if like is not None:
        options = await connection.fetchval(_LOCALE, like)
    try:
        await connection.execute(f"CREATE DATABASE {quoted(name)} TEMPLATE template0 {options}")
    except asyncpg.InsufficientPrivilegeError as error:
        raise NotStarted(
            "The role may not create databases. Let it (ALTER ROLE ... CREATEDB), or name another "
            "server with BACKUP_SCRATCH_URL."
        ) from error


async def _sweep(url: URL) -> None:
    async with connected(url) as connection:
        for row in await connection.fetch(_SCRATCHES, f"^{SCRATCH}[0-9]+_[0-9a-f]{{8}}$"):
            name = row["datname"]
            made_at = int(name.removeprefix(SCRATCH).partition("_")[0])
            if time.time() - made_at < YOUNG_SECONDS:
                continue
            # Somebody is connected, or it belongs to another role.
            with suppress(asyncpg.PostgresError):
                await connection.execute(f"DROP DATABASE {quoted(name)}")
                _log.info("backup.scratch_swept", database=name)


async def refuse_users(connection: Any, name: str) -> None:  # noqa: ANN401
    users = await connection.fetch(_USERS, name)
    if users:
        said = ", ".join(f"{row['who']} ({row['connections']})" for row in users)
        raise Conflict(f"The database {name} is in use, by {said}. Stop what works on it first.")


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


_SCRATCHES = "SELECT datname FROM pg_database WHERE datname ~ $1"
_USERS = """
SELECT COALESCE(NULLIF(application_name, ''), usename, 'the server') AS who, count(*) AS connections
FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid() GROUP BY 1 ORDER BY 1
"""
# The column of ICU's locale has another name since PostgreSQL 17.
_LOCALE = """
SELECT format('ENCODING %L LC_COLLATE %L LC_CTYPE %L', pg_encoding_to_char(encoding), datcollate,
    datctype)
  || CASE datlocprovider WHEN 'i' THEN format(' LOCALE_PROVIDER icu ICU_LOCALE %L',
    COALESCE(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale')) ELSE '' END
FROM pg_database d WHERE datname = $1
"""
