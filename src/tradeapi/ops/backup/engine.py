"""What a kind of database has to be able to do for backups of it, and which do."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from threading import Event
from typing import Protocol

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from tradeapi.errors import NotStarted
from tradeapi.ops.backup.manifest import Contents, Origin
from tradeapi.ops.backup.postgres import PostgresEngine
from tradeapi.ops.backup.sqlite import SqliteEngine
from tradeapi.ops.backup.streaming import Chunks, Writer


class Source(Protocol):
    """A database at one instant, whatever is written to it meanwhile."""

    origin: Origin

    async def contents(self) -> Contents: ...

    def send(self, take: Callable[[Chunks], None], stop: Event) -> None:
        """Hand all of it to `take`; blocks, and raises where it is not all."""
        ...

    def abort(self) -> None:
        """Have `send` end early, from another thread."""
        ...


class Sink(Protocol):
    """An empty database that is being filled."""

    def receive(self, give: Callable[[Writer], None]) -> None:
        """Take all that `give` writes; blocks, and raises Damaged where that makes no database."""
        ...

    def abort(self) -> None: ...


class Engine(Protocol):
    # What the names of its files end with.
    suffix: str

    def source(self, url: URL) -> AbstractAsyncContextManager[Source]: ...

    def scratch(self, url: URL) -> AbstractAsyncContextManager[URL]:
        """An empty database on that server, gone afterwards."""
        ...

    async def sink(self, url: URL) -> Sink: ...

    async def contents(self, url: URL) -> Contents: ...

    def target(self, url: URL, *, replace: bool) -> AbstractAsyncContextManager["Target"]:
        """Where to restore to; raises Conflict where something is there, unless it is replaced."""
        ...


class Target(Protocol):
    """`url` is to be filled. `settle` puts it in place; until then nothing has changed there."""

    url: URL

    async def settle(self) -> str | None:
        """Where that is which was there before, if something was."""
        ...


def engine_of(url: URL) -> Engine:
    return SqliteEngine() if url.get_backend_name() == "sqlite" else PostgresEngine()


def address(url: str) -> URL:
    """As hosting providers write it, too; raises NotStarted."""
    try:
        return make_url(url.replace("postgres://", "postgresql://", 1))
    except (ArgumentError, ValueError):
        # What it stumbles over may be part of the password.
        raise NotStarted("The address is none of a database: PROTOCOL://...") from None
