"""A Redis of one test's own, which may be killed, stopped in its tracks and started again."""

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.processes import START_SECONDS, end_with_parent, free_port
from tests.servers.programs import REDIS, Missing, find, identity
from tests.servers.redis import call


class RedisProcess:
    """On one port; it keeps nothing, or if it has a home, everything."""

    def __init__(self, scratch: Path, home: Path | None = None) -> None:
        self._program = find(REDIS, scratch)
        self._port = free_port()
        self.url = f"redis://127.0.0.1:{self._port}/0"
        self._home = home
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [str(self._program), "--bind", "127.0.0.1", "--port", str(self._port)]
        command += ["--save", ""]
        if self._home is not None:
            command += ["--appendonly", "yes", "--appendfsync", "always"]
        self._process = subprocess.Popen(
            command,
            cwd=self._home or "/",
            stdout=subprocess.DEVNULL,
            preexec_fn=lambda: end_with_parent(signal.SIGKILL),  # noqa: PLW1509 - one thread
            **identity(),
        )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            try:
                call(self.url, "PING")
            except OSError:
                time.sleep(0.01)
            else:
                return
        raise Missing(f"Redis does not start on {self._port}.")

    def hang(self) -> None:
        """It takes connections and questions, and does not answer."""
        self._send(signal.SIGSTOP)

    def go_on(self) -> None:
        self._send(signal.SIGCONT)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def forget(self) -> None:
        """While it does not run: what it has kept."""
        assert self._home is not None
        for file in self._home.iterdir():
            file.unlink()

    def _send(self, what: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(what)


@contextmanager
def redis_process(scratch: Path, home: Path | None = None) -> Iterator[RedisProcess]:
    process = RedisProcess(scratch, home)
    process.start()
    try:
        yield process
    finally:
        process.kill()


@contextmanager
def home() -> Iterator[Path]:
    """A folder in which the server may write."""
    with tempfile.TemporaryDirectory(prefix="tradeapi-redis-", dir=Path("/tmp")) as name:  # noqa: S108
        if who := identity():
            os.chown(name, who["user"], who["group"])
        yield Path(name)
