"""Which errors of the database mean: not now, try again."""

import socket
import sqlite3
from collections.abc import Collection

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from tradeapi.drivers import READ_ONLY
from tradeapi.errors import Unavailable

QUERY_CANCELED = "57014"
DISK_FULL = "53100"
# Serialization failure, deadlock, lock not available; 53 is "insufficient resources".
CONTENTION = ("40001", "40P01", "55P03", "53")
# Connection exception; operator intervention, such as a shutdown; not the primary any more.
CONNECTION = ("08", "57", READ_ONLY)
# The same of SQLite: the file is on a disk that fails, or was made read-only, or is gone.
SQLITE_CONTENTION = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
SQLITE_CONNECTION = {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}
# Somebody has to make room.
FULL_SECONDS = 30
# Of asyncpg: the server has ended the connection, and the rest of its farewell is on the way.
ENDING = "another operation (2) is in progress"


def outage(error: Exception) -> Unavailable | None:
    """The answer to an error that a retry may cure; None when it would not.

    A pool without a free connection, a query that ran out of time and a connection that broke
    arrive as exceptions of three families, and asyncpg's own timeout as the bare builtin.
    """
    cause = error.orig if isinstance(error, DBAPIError) else error
    state = str(getattr(cause, "sqlstate", None) or "")
    if state == DISK_FULL or _is_sqlite(cause, {sqlite3.SQLITE_FULL}):
        detail = "The disk of the database is full."
        return Unavailable(detail, code="database_full", retry_after=FULL_SECONDS)
    is_contention = state.startswith(CONTENTION) or _is_sqlite(cause, SQLITE_CONTENTION)
    if isinstance(error, PoolTimeoutError) or is_contention:
        return Unavailable("The database is busy.", code="database_busy")
    if isinstance(error, TimeoutError) or state == QUERY_CANCELED:
        return Unavailable("The database took too long.", code="database_timeout")
    is_connection = state.startswith(CONNECTION) or _is_sqlite(cause, SQLITE_CONNECTION)
    if is_connection or _is_disconnect(error):
        return Unavailable("The database can not be reached.", code="database_unavailable")
    return None


def _is_sqlite(cause: BaseException | None, codes: Collection[int]) -> bool:
    if not isinstance(cause, sqlite3.OperationalError):
        return False
    # The upper bits tell of which kind it is. What Python raises itself has none.
    return getattr(cause, "sqlite_errorcode", 0) & 0xFF in codes


def _is_disconnect(error: Exception) -> bool:
    if isinstance(error, DBAPIError):
        return error.connection_invalidated
    if isinstance(error, asyncpg.InterfaceError):
        # The same class also says that we use the driver wrongly.
        return "closed" in str(error)
    if isinstance(error, asyncpg.InternalClientError):
        return ENDING in str(error)
    return isinstance(error, (ConnectionError, socket.gaierror))
