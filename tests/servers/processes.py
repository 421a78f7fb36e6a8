"""PostgreSQL and Redis as processes of this one: loopback only, on free ports, in one folder."""

import ctypes
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tests.servers.programs import POSTGRES, REDIS, Missing, find, identity
from tests.servers.redis import call, join

PORT_ATTEMPTS = 3
HIGHEST_PORT = 65_535
# A node speaks with the others on a port so much higher than its own.
CLUSTER_BUS = 10_000
NODES = 3
START_SECONDS = 60.0
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)


class Servers:
    """The servers of one keeper, below one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: list[tuple[subprocess.Popen[bytes], signal.Signals]] = []

    def start(self, server: str) -> str:
        """Start "postgres", "redis" or "redis-cluster"; return its URL."""
        starts = {
            "postgres": self._start_postgres,
            "redis": self._start_redis,
            "redis-cluster": self._start_redis_cluster,
        }
        return starts[server]()

    def stop(self) -> None:
        """End every server at once: what it would save on the way is thrown away."""
        for process, ending in self._running:
            process.send_signal(ending)
        for process, _ in self._running:
            with suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()

    def _start_postgres(self) -> str:
        postgres = find(POSTGRES, self._folder)
        home = self._home("postgres")
        password = secrets.token_hex(16)
        (home / "password").write_text(password)
        initdb(postgres.with_name("initdb"), home)
        settings = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "max_connections": "200",
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
        }
        command = [str(postgres), "-D", str(home / "data")]
        command += [f"--{name}={value}" for name, value in settings.items()]
        state = home / "data" / "postmaster.pid"
        port = self._serve(
            lambda port: [*command, f"--port={port}"],
            home,
            lambda _: state.exists() and state.read_text().rstrip().endswith("ready"),
            signal.SIGQUIT,
        )
        return f"postgresql+asyncpg://postgres:{password}@127.0.0.1:{port}/postgres"

    def _start_redis(self) -> str:
        redis = find(REDIS, self._folder)
        home = self._home("redis")
        password = secrets.token_hex(16)
        settings = f'bind 127.0.0.1\ndatabases 256\nsave ""\nrequirepass {password}\n'
        (home / "redis.conf").write_text(settings)
        port = self._serve(
            lambda port: [str(redis), "redis.conf", "--port", str(port)],
            home,
            lambda port: _answers(f"redis://:{password}@127.0.0.1:{port}"),
            signal.SIGTERM,
        )
        return f"redis://:{password}@127.0.0.1:{port}/0"

    def _start_redis_cluster(self) -> str:
        redis = find(REDIS, self._folder)
        password = secrets.token_hex(16)
        nodes = []
        for number in range(NODES):
            home = self._home(f"redis-cluster-{number}")
            settings = f'bind 127.0.0.1\nsave ""\nrequirepass {password}\ncluster-enabled yes\n'
            (home / "redis.conf").write_text(settings)
            port = self._serve(
                lambda port: [str(redis), "redis.conf", "--port", str(port)],
                home,
                lambda port: _answers(f"redis://:{password}@127.0.0.1:{port}"),
                signal.SIGTERM,
                most=HIGHEST_PORT - CLUSTER_BUS,
            )
            nodes.append(f"redis://:{password}@127.0.0.1:{port}")
        join(nodes)
        return f"{nodes[0]}?cluster=true"

    def _home(self, name: str) -> Path:
        home = self._folder / name
        home.mkdir(mode=0o700)
        who = identity()
        if who:
            os.chown(home, who["user"], who["group"])
        return home

    def _serve(
        self,
        command: Callable[[int], list[str]],
        home: Path,
        is_ready: Callable[[int], bool],
        ending: signal.Signals,
        most: int = HIGHEST_PORT,
    ) -> int:
        """Start a server on a free port; return the port once the server answers."""
        log = home / "log"
        for _ in range(PORT_ATTEMPTS):  # somebody else may take the port before the server does
            port = free_port(most)
            with log.open("wb") as output:
                process = subprocess.Popen(
                    command(port),
                    cwd=home,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    preexec_fn=lambda: end_with_parent(ending),  # noqa: PLW1509 - one thread
                    **identity(),
                )
            self._running.append((process, ending))
            deadline = time.monotonic() + START_SECONDS
            while process.poll() is None and time.monotonic() < deadline:
                if is_ready(port):
                    return port
                time.sleep(0.01)
        raise Missing(f"{command(0)[0]} does not start:\n{log.read_text()[-2000:]}")


def initdb(program: Path, home: Path) -> None:
    # Most real servers sort text by a language's rules, not by its bytes: so does this one, if
    # its build can.
    language = ["--locale-provider=icu", "--icu-locale=en-US"]
    command = [str(program), "--no-sync", "--username=postgres", "--encoding=UTF8", "--locale=C"]
    command += ["--auth=password", "--pwfile=password", "--pgdata=data"]
    for arguments in ([*command, *language], command):
        answer = subprocess.run(
            arguments, check=False, cwd=home, capture_output=True, text=True, **identity()
        )
        if answer.returncode == 0:
            return
    raise Missing(f"{program} fails:\n{answer.stderr}")


def free_port(most: int = HIGHEST_PORT) -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        # The taken one is held, so that the next try gets another.
        return port if port <= most else free_port(most)


def _answers(redis: str) -> bool:
    try:
        return call(redis, "PING") == "PONG"
    except OSError:
        return False


def end_with_parent(ending: signal.Signals) -> None:
    """In the new server: have the kernel end it when the keeper dies, even by kill -9."""
    if sys.platform == "linux":
        LIBC.prctl(PR_SET_PDEATHSIG, ending)
