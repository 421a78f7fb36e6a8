"""SQLite: a copy by its backup API, checked, and compressed on its way."""

import asyncio
import marshal
import os
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from hashlib import sha256
from pathlib import Path
from threading import Event

import zstandard
from sqlalchemy.engine import URL

from tradeapi.errors import Conflict, NotFound
from tradeapi.ops.backup.faults import Damaged, Unreachable
from tradeapi.ops.backup.manifest import Contents, Origin, Table
from tradeapi.ops.backup.scratch import scratch_folder
from tradeapi.ops.backup.streaming import Chunks, Stopped, Writer, chunks_of, in_thread

LEVEL = 3
# The same bytes for the same values, whatever the version of Python: without references.
MARSHAL = 2
BUSY_SECONDS = 10.0
# Somebody may just be leaving.
ALONE_SECONDS = 2.0
BESIDE = "-wal", "-shm"


class SqliteEngine:
    suffix = ".db.zst"

    @asynccontextmanager
    async def source(self, url: URL) -> AsyncIterator["SqliteSource"]:
        path = _path(url)
        if not path.exists():
            raise NotFound(f"There is no database {path}.")
        with scratch_folder() as folder:
            copy = folder / "copy.db"
            await in_thread(lambda: _copy(path, copy))
            yield SqliteSource(copy)

    @asynccontextmanager
    async def scratch(self, url: URL) -> AsyncIterator[URL]:
        with scratch_folder() as folder:
            yield url.set(database=str(folder / "scratch.db"))

    async def sink(self, url: URL) -> "SqliteSink":
        return SqliteSink(_path(url))

    async def contents(self, url: URL) -> Contents:
        stop = Event()
        return await in_thread(lambda: _contents(_path(url), stop), stop.set)

    @asynccontextmanager
    async def target(self, url: URL, *, replace: bool) -> AsyncIterator["SqliteTarget"]:
        path = _path(url)
        is_there = path.exists() and not await asyncio.to_thread(_is_empty, path)
        if is_there and not replace:
            raise Conflict(
                f"{path} is not empty. Name a new file, or say --replace: then it is kept under "
                "another name."
            )
        new = path.with_name(f"{path.name}.restoring")
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove(new)
        try:
            yield SqliteTarget(url.set(database=str(new)), path)
        finally:
            _remove(new)


class SqliteTarget:
    """`url` is of a file beside the wanted one."""

    def __init__(self, url: URL, wanted: Path) -> None:
        self.url = url
        self._wanted = wanted

    async def settle(self) -> str | None:
        return await asyncio.to_thread(self._settle)

    def _settle(self) -> str | None:
        new = _path(self.url)
        _close_whole(new)
        before = None
        if self._wanted.exists():
            with _alone(self._wanted):
                stamp = time.strftime("before_%Y%m%dT%H%M%SZ", time.gmtime())
                before = self._wanted.with_name(f"{self._wanted.name}.{stamp}")
                self._wanted.rename(before)
                _remove(self._wanted)
        new.rename(self._wanted)
        return None if before is None else str(before)


class SqliteSource:
    def __init__(self, copy: Path) -> None:
        self.origin = Origin(
            kind="sqlite", version=sqlite3.sqlite_version, bytes=copy.stat().st_size
        )
        self._copy = copy
        self._stop = Event()

    async def contents(self) -> Contents:
        return await in_thread(lambda: _contents(self._copy, self._stop), self._stop.set)

    def send(self, take: Callable[[Chunks], None], stop: Event) -> None:
        compressor = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True)
        with self._copy.open("rb") as file, compressor.stream_reader(file) as compressed:
            take(Chunks(chunks_of(compressed), stop))

    def abort(self) -> None:
        self._stop.set()


class SqliteSink:
    def __init__(self, path: Path) -> None:
        self._path = path

    def receive(self, give: Callable[[Writer], None]) -> None:
        with self._path.open("wb") as file:
            try:
                with zstandard.ZstdDecompressor().stream_writer(file, closefd=False) as writer:
                    give(writer)
            except zstandard.ZstdError as error:
                raise Damaged(f"It can't be decompressed: {error}.") from error
            file.flush()
            os.fsync(file.fileno())
        try:
            _check(self._path)
        except sqlite3.DatabaseError as error:
            raise Damaged(f"It is no database: {error}.") from error

    def abort(self) -> None:
        """Whoever gives has been told already."""


def _path(url: URL) -> Path:
    return Path(url.database or "")


def _copy(path: Path, copy: Path) -> None:
    """In one step: in several it would begin anew whenever somebody writes meanwhile."""
    try:
        with closing(_open(path)) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)
            # One file, without another one beside it.
            target.execute("PRAGMA journal_mode=DELETE")
        _check(copy)
    except sqlite3.Error as error:
        raise Unreachable(f"{path}: {error}") from error


def _check(path: Path) -> None:
    with closing(_open(path)) as connection:
        (said,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if said != "ok":
        raise Damaged(f"SQLite finds it damaged: {said}.")


def _contents(path: Path, stop: Event) -> Contents:
    with closing(_open(path)) as connection:
        names = connection.execute(_TABLES).fetchall()
        tables = {name: _table(connection, quoted, stop) for name, quoted in names}
        is_migrated = "alembic_version" in tables
        found = connection.execute(_MIGRATION).fetchone() if is_migrated else None
    return Contents(migration=found and found[0], tables=tables)


def _table(connection: sqlite3.Connection, quoted: str, stop: Event) -> Table:
    """The copy has its rows in the same order."""
    digest, count = sha256(), 0
    for row in connection.execute(f"SELECT * FROM {quoted}"):  # noqa: S608  its own name
        if stop.is_set():
            raise Stopped
        digest.update(marshal.dumps(row, MARSHAL))
        count += 1
    return Table(rows=count, hash=digest.hexdigest())


def _is_empty(path: Path) -> bool:
    try:
        with closing(_open(path)) as connection:
            return connection.execute(_TABLES).fetchone() is None
    except sqlite3.DatabaseError as error:
        raise Conflict(f"{path} is no database: {error}.") from error


def _close_whole(path: Path) -> None:
    """Migrated or not, it is one file."""
    with closing(_open(path)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Raises Conflict while a process works on it; whole, in one file, when nobody does."""
    try:
        with closing(sqlite3.connect(path, timeout=ALONE_SECONDS)) as connection:
            connection.isolation_level = None
            # It is refused as long as anybody else has the file open.
            (mode,) = connection.execute("PRAGMA journal_mode=DELETE").fetchone()
            is_alone = mode == "delete"
            if is_alone:
                connection.execute("BEGIN EXCLUSIVE")
                yield
    except sqlite3.OperationalError:
        is_alone = False
    if not is_alone:
        raise Conflict(f"{path} is in use. Stop what works on it first.")


def _remove(path: Path) -> None:
    for name in ("", *BESIDE):
        Path(f"{path}{name}").unlink(missing_ok=True)


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)


_TABLES = """
SELECT name, printf('"%w"', name) FROM sqlite_master WHERE type = 'table' ORDER BY name
"""
_MIGRATION = "SELECT version_num FROM alembic_version"
