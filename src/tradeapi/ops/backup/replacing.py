"""Where a backup is restored to on PostgreSQL: what is there is never written over."""

import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from sqlalchemy.engine import URL

from tradeapi.errors import Conflict
from tradeapi.ops.backup.server import (
    LONGEST_NAME,
    MAINTENANCE,
    connected,
    made,
    quoted,
    refuse_users,
)


class PostgresTarget:
    """`url` is where to restore to: the wanted database, or one that will take its name."""

    def __init__(self, url: URL, wanted: URL, *, is_there: bool) -> None:
        self.url = url
        self._wanted = wanted
        self._is_there = is_there

    async def settle(self) -> str | None:
        if self.url == self._wanted:
            return None
        name, new = str(self._wanted.database), str(self.url.database)
        before = _named(name, time.strftime("before_%Y%m%dT%H%M%SZ", time.gmtime()))
        async with connected(self._wanted.set(database=MAINTENANCE)) as connection:
            await refuse_users(connection, name)
            async with connection.transaction():
                if self._is_there:
                    await _rename(connection, name, before)
                await _rename(connection, new, name)
        return before if self._is_there else None


@asynccontextmanager
async def target(url: URL, *, replace: bool) -> AsyncIterator[PostgresTarget]:
    name = str(url.database)
    async with connected(url.set(database=MAINTENANCE)) as connection:
        is_there = bool(await connection.fetchval(_EXISTS, name))
        if is_there and replace:
            await refuse_users(connection, name)
    if is_there and await _is_empty(url):
        # It may have settings of its own, and need not be ours.
        yield PostgresTarget(url, url, is_there=True)
    elif is_there and not replace:
        raise Conflict(
            f"The database {name} is not empty. Name a new one, or say --replace: then it is kept "
            "under another name."
        )
    else:
        new = _named(name, f"restoring_{secrets.token_hex(4)}")
        like = name if is_there else None
        async with made(url.set(database=MAINTENANCE), new, like) as restoring:
            yield PostgresTarget(restoring, url, is_there=is_there)


async def _is_empty(url: URL) -> bool:
    async with connected(url) as connection:
        return not await connection.fetchval(_HAS_SOMETHING)


async def _rename(connection: Any, old: str, new: str) -> None:  # noqa: ANN401  asyncpg has no types
    try:
        await connection.execute(f"ALTER DATABASE {quoted(old)} RENAME TO {quoted(new)}")
    except asyncpg.ObjectInUseError as error:
        raise Conflict(f"The database {old} is in use; nothing has changed.") from error


def _named(name: str, suffix: str) -> str:
    # PostgreSQL counts bytes.
    beginning = name.encode()[: LONGEST_NAME - len(suffix) - 1].decode(errors="ignore")
    return f"{beginning}_{suffix}"


_EXISTS = "SELECT 1 FROM pg_database WHERE datname = $1"
_HAS_SOMETHING = """
SELECT EXISTS (
  SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
    AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
    AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
)
"""
