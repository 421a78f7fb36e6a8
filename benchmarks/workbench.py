"""What the benchmarks share, each thing made when it is first asked for."""

import asyncio
import shutil
import subprocess
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import raw_forms
from benchmarks.market import HOURS, MINUTES, ONLY_MINUTES, fill
from benchmarks.processes import MEASURING, on, python
from tests.servers.databases import PostgresDatabases, SqliteDatabases
from tests.servers.keeper import ask
from tests.servers.keeper import keeper as running
from tests.servers.redis import call, with_offset

STREAMS = Path(__file__).with_name("streams")


class Workbench:
    """Throw-away servers and files; `resources` ends them."""

    def __init__(self, resources: ExitStack) -> None:
        self._resources = resources
        self._redis_databases = 0

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
    def keeper(self) -> Path:
        # Not where the measured ones are.
        with on(MEASURING):
            return self._resources.enter_context(running())

    @cached_property
    def databases(self) -> PostgresDatabases:
        """Migrated, empty databases on a PostgreSQL of our own."""
        return self._resources.enter_context(PostgresDatabases(ask(self.keeper, "postgres")))

    @cached_property
    def redis(self) -> str:
        """The URL of a Redis of our own."""
        return ask(self.keeper, "redis")

    def redis_database(self) -> str:
        """The URL of an empty database there that nobody else uses; there are few."""
        self._redis_databases += 1
        url = with_offset(self.redis, self._redis_databases)
        call(url, "FLUSHDB")
        return url

    @cached_property
    def market(self) -> str:
        """The URL of a database with bars, ours and in the raw forms."""
        url = self.databases.clone()
        asyncio.run(fill(url, MINUTES, HOURS, ONLY_MINUTES))
        asyncio.run(raw_forms.prepare(url))
        return url

    @cached_property
    def clients(self) -> list[str]:
        """The command of many WebSocket clients."""
        compiler, program = shutil.which("cc"), str(self.folder / "clients")
        if compiler is None:
            print("Without cc the clients are in Python, and dearer than some of the servers.")
            return python("benchmarks.streams.clients")
        source = str(STREAMS / "clients.c")
        subprocess.run([compiler, "-std=c11", "-O2", "-o", program, source], check=True)
        return [program]

    @cached_property
    def ws(self) -> str | None:
        """Where npm's ws is, if it can be had."""
        npm, folder = shutil.which("npm"), self.folder / "node"
        if npm is None or shutil.which("node") is None:
            print("node ws is left out: there is no node with npm.")
            return None
        options = "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"
        command = [npm, "install", *options, "--fetch-retries=0", "--prefix", str(folder), "ws@8"]
        try:
            subprocess.run(command, capture_output=True, check=True, timeout=30)
        except subprocess.SubprocessError:
            print("node ws is left out: npm can't install it.")
            return None
        return str(folder / "node_modules" / "ws")
