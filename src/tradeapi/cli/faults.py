"""What the database has against a command, in a sentence instead of a traceback."""

import sqlite3

from sqlalchemy.exc import DBAPIError

from tradeapi.web.outages import outage

# No such database, no such role or another password.
REFUSED = ("3D", "28")
UNDEFINED_TABLE = "42P01"


def told(error: Exception) -> str | None:
    """None: it is something else, and its traceback is of use."""
    while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
        (error,) = error.exceptions
    cause = error.orig if isinstance(error, DBAPIError) else error
    state = str(getattr(cause, "sqlstate", None) or "")
    if state == UNDEFINED_TABLE or _lacks_a_table(cause):
        return "The database lacks what this version needs: run `tradeapi migrate`."
    if state.startswith(REFUSED):
        return f"DATABASE_URL: {_first_line(cause)}"
    if (passing := outage(error)) is not None:
        return f"{passing} ({_first_line(cause)})"
    return None


def _lacks_a_table(cause: BaseException | None) -> bool:
    return isinstance(cause, sqlite3.OperationalError) and "no such table" in str(cause)


def _first_line(cause: BaseException | None) -> str:
    return str(cause).partition("\n")[0] or type(cause).__name__
