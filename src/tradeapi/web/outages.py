"""Which errors of the database mean: not now, try again."""

import socket
import sqlite3

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from tradeapi.errors import Unavailable

QUERY_CANCELED = "57014"
# Serialization failure, deadlock, lock not available; 53 is "insufficient resources".
CONTENTION = ("40001", "40P01", "55P03", "53")
# Connection exception; operator intervention, such as a shutdown.
CONNECTION = ("08", "57")
# Of asyncpg: the server has ended the connection, and the rest of its farewell is on the way.
ENDING = "another operation (2) is in progress"


def outage(error: Exception) -> Unavailable | None:
    """The answer to an error that a retry may cure; None when it would not.

    A pool without a free connection, a query that ran out of time and a connection that broke
    arrive as exceptions of three families, and asyncpg's own timeout as the bare builtin.
    """
    cause = error.orig if isinstance(error, DBAPIError) else error
    state = str(getattr(cause, "sqlstate", None) or "")
    if isinstance(error, PoolTimeoutError) or state.startswith(CONTENTION) or _is_locked(cause):
        return Unavailable("The database is busy.", code="database_busy")
    if isinstance(error, TimeoutError) or state == QUERY_CANCELED:
        return Unavailable("The database took too long.", code="database_timeout")
    if state.startswith(CONNECTION) or _is_disconnect(error):
        return Unavailable("The database can not be reached.", code="database_unavailable")
    return None


def _is_locked(cause: BaseException | None) -> bool:
    return isinstance(cause, sqlite3.OperationalError) and "is locked" in str(cause)


def _is_disconnect(error: Exception) -> bool:
    if isinstance(error, DBAPIError):
        return error.connection_invalidated
    if isinstance(error, asyncpg.InterfaceError):
        # The same class also says that we use the driver wrongly.
        return "closed" in str(error)
    if isinstance(error, asyncpg.InternalClientError):
        return ENDING in str(error)
    return isinstance(error, (ConnectionError, socket.gaierror))
