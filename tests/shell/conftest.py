"""The application on a real uvicorn, where a test client in the same task would hide faults."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

import httpx2
import pytest
import structlog
from fastapi import APIRouter

from tests.conftest import UNLIMITED
from tests.servers.databases import SqliteDatabases
from tests.shell.probes import probes
from tradeapi.app import create_app
from tradeapi.settings import Settings
from tradeapi.web.server import Server


@pytest.fixture(scope="session", autouse=True)
def plain_log() -> None:
    """By default structlog draws pictures of tracebacks, which takes seconds."""
    structlog.configure(processors=[structlog.processors.JSONRenderer(default=str)])


@contextmanager
def live(settings: Settings, *routers: APIRouter) -> Iterator[httpx2.Client]:
    """A client of the application, served from a thread, with further routes."""
    app = create_app(settings)
    for router in routers:
        app.include_router(router)
    address: Future[str] = Future()
    server = Server(app, settings, announce=address.set_result)
    thread = Thread(target=server.run)
    thread.start()
    try:
        with httpx2.Client(base_url=address.result(timeout=20)) as client:
            yield client
    finally:
        server.should_exit = True
        thread.join(timeout=20)


@pytest.fixture(scope="module")
def client(
    sqlite_databases: SqliteDatabases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[httpx2.Client]:
    """The application with its defaults, and with routes that do what goes wrong elsewhere."""
    url = sqlite_databases.copy(tmp_path_factory.mktemp("shell"))
    with live(Settings(database_url=url, port=0, demo=False), probes()) as client:
        yield client


@pytest.fixture
def serve_app(sqlite_url: str) -> Iterator[Callable[..., httpx2.Client]]:
    """The same with other settings: `serve_app(debug=True)`."""
    with ExitStack() as servers:

        def serve(**settings: object) -> httpx2.Client:
            settings = {"database_url": sqlite_url, "port": 0, "demo": False, **settings}
            return servers.enter_context(live(Settings.model_validate(settings), probes()))

        yield serve


@dataclass
class Process:
    """`tradeapi serve` as a user runs it."""

    process: subprocess.Popen[str]
    address: str
    log: Path


@pytest.fixture
def tradeapi(sqlite_url: str, tmp_path: Path) -> Iterator[Callable[..., Process]]:
    with ExitStack() as processes:

        def start(**environment: str) -> Process:
            log = tmp_path / "stdout.log"
            with log.open("w") as stdout:
                process = subprocess.Popen(
                    [sys.executable, "-m", "tradeapi", "serve", "--port", "0"],
                    env=clean_environment(
                        **{"DATABASE_URL": sqlite_url, "DEMO": "false", **environment}
                    ),
                    cwd=tmp_path,
                    stdout=stdout,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            processes.callback(_end, process)
            assert process.stderr is not None
            words = process.stderr.readline().split()
            assert words[:2] == ["tradeapi", "serves"], log.read_text()
            return Process(process, words[2], log)

        yield start


def clean_environment(**variables: str) -> dict[str, str]:
    """No settings but these; the tests must not depend on who runs them."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**kept, **UNLIMITED, **variables}


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    if process.stderr is not None:
        process.stderr.close()
