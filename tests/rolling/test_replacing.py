"""Processes that are replaced one after the other, under a load that notices nothing of it."""

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import anyio
import anyio.to_thread
import httpx2
import pytest

from tests.faults.starting import start, started
from tests.faults.trading import eventually, trading
from tests.hostile.serving import Server
from tests.rolling.balancer import Balancer
from tests.rolling.callers import calling
from tests.servers.processes import free_port
from tests.shell.conftest import clean_environment
from tests.shell.test_serving import gunicorn_command

pytestmark = pytest.mark.anyio

DRAIN_SECONDS = 3
RESTART = 1012
# So whoever is away for a minute finds all that has been said meanwhile.
PAUSE_SECONDS = 1


async def test_replacing_each_process_fails_nobody(
    postgres_url: str, redis_url: str, tmp_path: Path
) -> None:
    """No request fails, not those on connections that are kept either; every stream goes on where
    it was, and has what history says in the end."""
    servers = [_server(postgres_url, redis_url, tmp_path / name) for name in ("one", "two")]
    async with started(*servers), Balancer([server.url for server in servers]) as balancer:
        await eventually(lambda: all(balancer.is_ready(server.url) for server in servers))
        async with (
            calling(balancer.url) as callers,
            trading(balancer.url, crowd=10, pause=PAUSE_SECONDS) as trades,
        ):
            begun = trades.kinds["snapshot"]
            for server in servers:
                await _replace(server, balancer)
                await trades.go_on()
            assert callers.closed
            assert trades.closes.keys() == {RESTART}
            assert not trades.kinds["reset"]
            moved = [topic for one in trades.guests for topic in one.charts for _ in one.left]
            resumed = sum(topic.startswith("bars:") for topic in moved)
            assert trades.kinds["resumed"] == resumed
            # A quote has no past to go on from.
            assert trades.kinds["snapshot"] - begun == len(moved) - resumed
        assert not trades.trader.repeated
        assert await callers.volume() == callers.posted


async def test_gunicorn_replaces_its_workers_and_fails_nobody(
    postgres_url: str, redis_url: str, tmp_path: Path
) -> None:
    """SIGHUP starts others in their place, at the same address and with no balancer."""
    port, log = free_port(), tmp_path / "log"
    environment = clean_environment(
        DATABASE_URL=postgres_url,
        REDIS_URL=redis_url,
        PORT=str(port),
        WEB_CONCURRENCY="2",
        DEMO="false",
        DRAIN_SECONDS=str(DRAIN_SECONDS),
    )
    with log.open("w") as stdout, _running(gunicorn_command(), environment, stdout) as gunicorn:
        await eventually(lambda: log.read_text().count("Application startup complete.") == 2)
        async with calling(f"http://127.0.0.1:{port}") as callers:
            gunicorn.send_signal(signal.SIGHUP)
            await eventually(lambda: log.read_text().count("Finished server process") == 2)
            await eventually(lambda: log.read_text().count("Application startup complete.") == 4)
            assert callers.closed
        assert await callers.volume() == callers.posted
        gunicorn.terminate()
        assert await anyio.to_thread.run_sync(gunicorn.wait) == 0


async def test_a_process_lets_itself_be_missed(sqlite_url: str, tmp_path: Path) -> None:
    """It is not ready any more, but takes new callers, and closes their connections."""
    server = Server(sqlite_url, tmp_path, DRAIN_SECONDS="10")
    async with (
        started(server),
        httpx2.AsyncClient(base_url=server.url, trust_env=False) as http,
    ):
        assert (await http.get("/health/ready")).headers.get("connection") is None
        server.signal(signal.SIGTERM)
        while (ready := await http.get("/health/ready")).is_success:  # noqa: ASYNC110
            await anyio.sleep(0.05)
        assert (ready.status_code, ready.json()["code"]) == (503, "draining")
        assert ready.headers["retry-after"] == "1"
        assert ready.json()["dependencies"]["database"]["status"] == "up"
        answer = await http.get("/health")
        assert (answer.status_code, answer.headers["connection"]) == (200, "close")
        assert await anyio.to_thread.run_sync(server.wait) == 0


def _server(database: str, redis: str, folder: Path) -> Server:
    folder.mkdir()
    return Server(
        database,
        folder,
        REDIS_URL=redis,
        DRAIN_SECONDS=str(DRAIN_SECONDS),
        WEBSOCKET_CONNECTIONS_PER_USER="1000",
    )


@contextmanager
def _running(
    command: Sequence[str], environment: Mapping[str, str], log: IO[str]
) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, env=environment, stdout=log, start_new_session=True)
    try:
        yield process
    finally:
        # Its workers would outlive it.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


async def _replace(server: Server, balancer: Balancer) -> None:
    server.signal(signal.SIGTERM)
    assert await anyio.to_thread.run_sync(server.wait) == 0
    assert not balancer.is_ready(server.url)
    await start(server)
    await eventually(lambda: balancer.is_ready(server.url))
