"""Which engine is whose."""

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from tradeapi.errors import NotStarted
from tradeapi.ops.backup.engine import Engine
from tradeapi.ops.backup.postgres import PostgresEngine
from tradeapi.ops.backup.sqlite import SqliteEngine


def engine_of(url: URL) -> Engine:
    return SqliteEngine() if kind_of(url) == "sqlite" else PostgresEngine()


def kind_of(url: URL) -> str:
    return url.get_backend_name()


def address(url: str) -> URL:
    """As hosting providers write it, too; raises NotStarted."""
    try:
        return make_url(url.replace("postgres://", "postgresql://", 1))
    except (ArgumentError, ValueError):
        # What it stumbles over may be part of the password.
        raise NotStarted("The address is none of a database: PROTOCOL://...") from None
