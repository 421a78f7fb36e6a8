"""What the benchmarks share, each thing made when it is first asked for."""

import asyncio
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import raw_forms
from benchmarks.market import HOURS, MINUTES, ONLY_MINUTES, fill
from benchmarks.processes import MEASURING, on
from tests.servers.databases import PostgresDatabases, SqliteDatabases
from tests.servers.keeper import ask, keeper


class Workbench:
    """Throw-away servers and files; `resources` ends them."""

    def __init__(self, resources: ExitStack) -> None:
        self._resources = resources

    @cached_property
    def folder(self) -> Path:
        return Path(self._resources.enter_context(TemporaryDirectory(prefix="tradeapi-bench-")))

    @cached_property
    def _files(self) -> SqliteDatabases:
        return SqliteDatabases(self.folder)

    def sqlite(self, name: str) -> str:
        """A migrated, empty database in a file."""
        folder = self.folder / name
        folder.mkdir()
        return self._files.copy(folder)

    @cached_property
    def _keeper(self) -> Path:
        # Not where the measured ones are.
        with on(MEASURING):
            return self._resources.enter_context(keeper())

    @cached_property
    def databases(self) -> PostgresDatabases:
        """Migrated, empty databases on a PostgreSQL of our own."""
        return self._resources.enter_context(PostgresDatabases(ask(self._keeper, "postgres")))

    @cached_property
    def redis(self) -> str:
        """The URL of a Redis of our own."""
        return ask(self._keeper, "redis")

    @cached_property
    def market(self) -> str:
        """The URL of a database with bars, ours and in the raw forms."""
        url = self.databases.clone()
        asyncio.run(fill(url, MINUTES, HOURS, ONLY_MINUTES))
        asyncio.run(raw_forms.prepare(url))
        return url
