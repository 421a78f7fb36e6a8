"""A PostgreSQL of one test's own, which may be killed and started again."""

import os
import secrets
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import asyncpg
import psutil

from tests.conftest import KEEPER
from tests.servers.processes import START_SECONDS, end_with_parent, free_port, initdb
from tests.servers.programs import POSTGRES, Missing, find, identity

# What is acknowledged outlives the process; the machine it runs on need not fail here.
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "50",
    "fsync": "off",
    "synchronous_commit": "on",
    # A standby that was away finds what it has missed.
    "wal_keep_size": "256MB",
}


class Postgres:
    """On one port and one folder; a standby where there is a primary, which has to run."""

    password: str

    def __init__(self, folder: Path, primary: "Postgres | None" = None) -> None:
        self._home = folder / "postgres"
        self._home.mkdir()
        who = identity()
        if who:
            os.chown(self._home, who["user"], who["group"])
        self._program = find(POSTGRES, folder)
        self.password = secrets.token_hex(16) if primary is None else primary.password
        if primary is None:
            (self._home / "password").write_text(self.password)
            initdb(self._program.with_name("initdb"), self._home)
        else:
            self._copy(primary)
        self._port = free_port()
        self.url = f"postgresql://postgres:{self.password}@127.0.0.1:{self._port}/postgres"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            # The processes of one that was killed may not all have noticed yet.
            if self._starts():
                return
            time.sleep(0.1)
        raise Missing((self._home / "log").read_text()[-2000:])

    def kill(self) -> None:
        """Without any warning, and without its own processes' doing."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def process(self) -> psutil.Process:
        assert self._process is not None
        return psutil.Process(self._process.pid)

    def hang(self) -> None:
        """It takes connections and questions, and does not answer."""
        self._send(signal.SIGSTOP)

    def go_on(self) -> None:
        self._send(signal.SIGCONT)

    def _send(self, what: signal.Signals) -> None:
        assert self._process is not None
        server = psutil.Process(self._process.pid)
        for process in (server, *server.children(recursive=True)):
            # One of a connection may just have ended.
            with suppress(psutil.NoSuchProcess):
                process.send_signal(what)

    async def create(self, name: str, template: str = "template1") -> str:
        """The URL of a further database, an empty one."""
        connection = await asyncpg.connect(self.url)
        try:
            await connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        finally:
            await connection.close()
        return f"{self.url.rpartition('/')[0]}/{name}"

    def _copy(self, primary: "Postgres") -> None:
        program = self._program.with_name("pg_basebackup")
        subprocess.run(
            [program, f"--dbname={primary.url}", "--pgdata=data", "-R", "-c", "fast", "--no-sync"],
            cwd=self._home,
            check=True,
            capture_output=True,
            **identity(),
        )

    def _starts(self) -> bool:
        settings = [f"--{name}={value}" for name, value in SETTINGS.items()]
        state = self._home / "data" / "postmaster.pid"
        with (self._home / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._program, "-D", self._home / "data", *settings, f"--port={self._port}"],
                cwd=self._home,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                preexec_fn=lambda: end_with_parent(signal.SIGQUIT),  # noqa: PLW1509  one thread
                **identity(),
            )
        own = f"{self._process.pid}\n"
        while self._process.poll() is None:
            text = state.read_text() if state.exists() else ""
            if text.startswith(own) and text.rstrip().endswith("ready"):
                return True
            time.sleep(0.01)
        return False


@contextmanager
def postgres(primary: Postgres | None = None) -> Iterator[Postgres]:
    # The keeper's folder is open to whom it runs as, and goes when the tests do.
    folder = Path(os.environ[KEEPER]).with_name(secrets.token_hex(4))
    folder.mkdir(mode=0o755)
    server = Postgres(folder, primary)
    try:
        server.start()
        yield server
    finally:
        server.kill()
