"""The servers the tests run against: recent enough, and gone when the tests are."""

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import psutil
import pytest
from sqlalchemy import make_url

from tests.servers import keeper
from tests.servers.redis import call

# A test run in small: it asks for both servers, and then hangs.
TESTS = """
import time
from tests.servers import keeper
with keeper.keeper() as address:
    print(address, keeper.ask(address, "postgres"), keeper.ask(address, "redis"), flush=True)
    time.sleep(600)
"""


@contextmanager
def running_tests() -> Iterator[tuple[psutil.Process, Path, list[str]]]:
    """The process of a test run, its keeper's folder and the URLs of its servers."""
    with subprocess.Popen(
        [sys.executable, "-c", TESTS], cwd=keeper.ROOT, stdout=subprocess.PIPE, text=True
    ) as tests:
        assert tests.stdout is not None
        address, *urls = tests.stdout.readline().split()
        try:
            yield psutil.Process(tests.pid), Path(address).parent, urls
        finally:
            tests.kill()


def answers(url: str) -> bool:
    """Tell whether anything listens where the URL points."""
    parts = urlsplit(url)
    with suppress(OSError), socket.create_connection((parts.hostname, parts.port or 0), 1):
        return True
    return False


def becomes_true(condition: Callable[[], bool]) -> bool:
    """Wait for something that has to happen soon; tell whether it did."""
    deadline = time.monotonic() + 15
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


async def test_postgres_is_recent_enough(postgres_server: str) -> None:
    """The tests run on PostgreSQL 15 or newer, also when they are given a server."""
    dsn = make_url(postgres_server).set(drivername="postgresql")
    connection = await asyncpg.connect(dsn.render_as_string(hide_password=False))
    try:
        assert connection.get_server_version() >= (15,)
    finally:
        await connection.close()


def test_redis_is_recent_enough(redis_url: str) -> None:
    """The tests run on Redis 6.2 or newer, also when they are given a server."""
    assert call(redis_url, "PING") == "PONG"
    version = re.search(r"redis_version:(\d+)\.(\d+)", call(redis_url, "INFO", "server"))
    assert version is not None
    assert tuple(map(int, version.groups())) >= (6, 2)


def test_servers_and_files_go_with_killed_tests() -> None:
    """After kill -9 of the tests nothing of their servers remains."""
    with running_tests() as (tests, folder, urls):
        assert all(map(answers, urls))
        tests.kill()
        assert becomes_true(lambda: not any(map(answers, urls)))
        assert becomes_true(lambda: not folder.exists())


def test_servers_go_with_a_killed_keeper() -> None:
    """After kill -9 of the keeper itself its servers end; its files wait for the next keeper."""
    with running_tests() as (tests, folder, urls):
        (child,) = tests.children()
        child.kill()
        assert becomes_true(lambda: not any(map(answers, urls)))
        shutil.rmtree(folder, ignore_errors=True)


def test_a_keeper_removes_what_a_killed_one_left() -> None:
    """Files of a keeper that no longer lives do not pile up."""
    home = "/tmp" if os.geteuid() == 0 else tempfile.gettempdir()  # noqa: S108
    left = Path(tempfile.mkdtemp(prefix=keeper.PREFIX, dir=home))
    an_hour_ago = time.time() - 3600
    os.utime(left, (an_hour_ago, an_hour_ago))
    with keeper.keeper() as address:
        assert address.parent.exists()
        assert not left.exists()
    assert not address.parent.exists()


@pytest.mark.parametrize("server", ["postgres", "redis", "redis-cluster"])
def test_servers_listen_on_loopback_only(server: str) -> None:
    """Nobody on the network can reach a throw-away server."""
    with keeper.keeper() as address:
        url = urlsplit(keeper.ask(address, server))
        listening = {
            connection.laddr.ip
            for connection in psutil.net_connections("inet")
            if connection.laddr and connection.laddr.port == url.port
            if connection.status == psutil.CONN_LISTEN
        }
    assert listening == {"127.0.0.1"}
