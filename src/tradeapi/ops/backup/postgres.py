"""PostgreSQL: pg_dump and pg_restore, around one snapshot that is both dumped and counted."""

import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from threading import Event
from typing import IO, Any

from sqlalchemy.engine import URL

from tradeapi.logging import without_credentials
from tradeapi.ops.backup.faults import BackupFault, Damaged, Unreachable
from tradeapi.ops.backup.manifest import Contents, Origin, Table
from tradeapi.ops.backup.programs import environment, program
from tradeapi.ops.backup.replacing import PostgresTarget, target
from tradeapi.ops.backup.server import connected, major, scratch
from tradeapi.ops.backup.streaming import CHUNK_BYTES, Chunks, Writer, chunks_of


class PostgresEngine:
    suffix = ".dump"

    @asynccontextmanager
    async def source(self, url: URL) -> AsyncIterator["PostgresSource"]:
        async with (
            connected(url) as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            snapshot = await connection.fetchval("SELECT pg_export_snapshot()")
            yield PostgresSource(
                origin=Origin(
                    kind="postgresql",
                    version=await connection.fetchval("SHOW server_version"),
                    bytes=await connection.fetchval("SELECT pg_database_size(current_database())"),
                ),
                connection=connection,
                dump=Program("pg_dump", major(connection), url),
                snapshot=snapshot,
            )

    def scratch(self, url: URL) -> AbstractAsyncContextManager[URL]:
        return scratch(url)

    async def sink(self, url: URL) -> "PostgresSink":
        async with connected(url) as connection:
            return PostgresSink(Program("pg_restore", major(connection), url), url.database)

    async def contents(self, url: URL) -> Contents:
        async with connected(url) as connection:
            return await contents_of(connection)

    def target(self, url: URL, *, replace: bool) -> AbstractAsyncContextManager[PostgresTarget]:
        return target(url, replace=replace)


class Program:
    """`pg_dump` or `pg_restore` of a database: a process that does not outlive its use."""

    def __init__(self, name: str, server: int, url: URL) -> None:
        self._name = name
        self._server = server
        self._url = url
        self._process: subprocess.Popen[bytes] | None = None

    @contextmanager
    def running(
        self,
        *arguments: str,
        fault: type[BackupFault],
        stdin: int = subprocess.DEVNULL,
        stdout: int = subprocess.DEVNULL,
    ) -> Iterator[subprocess.Popen[bytes]]:
        """It ends with the context; raises `fault`, with what it says, where it did not do it."""
        with tempfile.TemporaryFile() as errors:
            self._process = process = subprocess.Popen(  # noqa: S603  no word is a caller's
                [program(self._name, self._server), "--no-password", *arguments],
                env=environment(self._url),
                stdin=stdin,
                stdout=stdout,
                stderr=errors,
                bufsize=CHUNK_BYTES,
            )
            try:
                yield process
                if process.wait() != 0:
                    raise fault(f"{self._name}: {_said(errors)}")
            finally:
                process.kill()
                process.wait()
                for pipe in (process.stdin, process.stdout):
                    if pipe is not None:
                        with suppress(BrokenPipeError):
                            pipe.close()

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()


class PostgresSource:
    def __init__(self, origin: Origin, connection: Any, dump: Program, snapshot: str) -> None:  # noqa: ANN401
        self.origin = origin
        self._connection = connection
        self._dump = dump
        self._snapshot = snapshot

    async def contents(self) -> Contents:
        return await contents_of(self._connection)

    def send(self, take: Callable[[Chunks], None], stop: Event) -> None:
        with self._dump.running(
            "--format=custom",
            # More takes four times as long, for a twentieth less.
            "--compress=1",
            f"--snapshot={self._snapshot}",
            "--lock-wait-timeout=60s",
            fault=Unreachable,
            stdout=subprocess.PIPE,
        ) as process:
            take(Chunks(chunks_of(process.stdout), stop))  # type: ignore[arg-type]

    def abort(self) -> None:
        self._dump.kill()


class Pipe:
    """The way into a program, which may hang up."""

    def __init__(self, pipe: IO[bytes] | None) -> None:
        assert pipe is not None  # noqa: S101  we have asked for it
        self._pipe = pipe
        self.is_broken = False

    def write(self, chunk: bytes) -> int:
        with self._noticed():
            return self._pipe.write(chunk)

    def flush(self) -> None:
        """At the end is soon enough."""

    def close(self) -> None:
        with self._noticed():
            self._pipe.close()

    @contextmanager
    def _noticed(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError:
            self.is_broken = True
            raise


class PostgresSink:
    def __init__(self, restore: Program, database: str | None) -> None:
        self._restore = restore
        self._database = database

    def receive(self, give: Callable[[Writer], None]) -> None:
        with self._restore.running(
            "--no-owner",
            "--no-privileges",
            "--exit-on-error",
            "--single-transaction",
            f"--dbname={self._database}",
            fault=Damaged,
            stdin=subprocess.PIPE,
        ) as process:
            pipe = Pipe(process.stdin)
            try:
                give(pipe)
                pipe.close()
            except (BrokenPipeError, Damaged):
                # Where it hangs up it says why.
                if not pipe.is_broken:
                    raise

    def abort(self) -> None:
        self._restore.kill()


async def contents_of(connection: Any) -> Contents:  # noqa: ANN401
    names = [row["name"] for row in await connection.fetch(_TABLES)]
    tables = {}
    for name in names:
        rows, digest = await connection.fetchrow(_CONTENT.format(name))
        tables[name.removeprefix("public.")] = Table(rows=rows, hash=digest)
    is_migrated = "alembic_version" in tables
    found = await connection.fetchval(_MIGRATION) if is_migrated else None
    return Contents(migration=found, tables=tables)


def _said(errors: IO[bytes]) -> str:
    """The first line is what it stumbled over."""
    errors.seek(0)
    lines = errors.read().decode(errors="replace").strip().splitlines()
    return without_credentials(lines[0].partition("error: ")[2] or lines[0]) if lines else "killed"


# Partitions are counted with their table: they come and go.
_TABLES = """
SELECT format('%I.%I', n.nspname, c.relname) AS name
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't'
  AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
ORDER BY 1
"""
# A column may have any name, so the row has one that none has.
_CONTENT = """
SELECT count(*), COALESCE(sum(hashtextextended(tradeapi_row::text, 0)), 0)::text
FROM {} AS tradeapi_row
"""
_MIGRATION = "SELECT version_num FROM public.alembic_version"
