"""METRICS_PORT: metrics and health of a process, for its operators."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack, suppress
from pathlib import Path

import httpx2
import pytest

from tests.hostile.postgres import Postgres, postgres
from tests.processes.conftest import Process, Start
from tests.processes.waiting import eventually
from tests.servers.processes import free_port
from tests.shell.conftest import clean_environment
from tests.shell.test_serving import gunicorn_command, refused_gunicorn, run, wait_for
from tradeapi.ops import master
from tradeapi.ops.operations import listen, open_operations
from tradeapi.ops.readiness import Outlook
from tradeapi.settings import SettingsError, load
from tradeapi.web import http_protocol
from tradeapi.web.http_protocol import MOST_HEAD_BYTES

SECRET = "for-these-tests-only-and-long-enough-for-it"  # noqa: S105


def operations(process: Process) -> str:
    """Where it answers its operators, once it does."""
    eventually(lambda: process.has_logged("operations.listening"))
    (port,) = (one["port"] for one in process.events if one["event"] == "operations.listening")
    wait_for(f"http://127.0.0.1:{port}/health")
    return f"http://127.0.0.1:{port}"


def test_a_service_answers_without_a_key(tradeapi: Start, sqlite_url: str) -> None:
    """Its metrics and health, and nothing else; the port for callers is as it was."""
    serving = tradeapi(
        "serve",
        "--port=0",
        METRICS_PORT="0",
        AUTH_REQUIRED="true",
        DATABASE_URL=sqlite_url,
        DEMO="false",
    )
    address, own = serving.address(), operations(serving)
    assert httpx2.get(f"{address}/metrics").status_code == 401
    assert httpx2.get(f"{address}/health").json() == httpx2.get(f"{own}/health").json()
    ready = httpx2.get(f"{own}/health/ready")
    assert (ready.status_code, ready.json()) == (200, httpx2.get(f"{address}/health/ready").json())
    assert "http_requests_total" in httpx2.get(f"{own}/metrics").text
    assert httpx2.get(f"{own}/api/v1/symbols").status_code == 404
    serving.process.send_signal(signal.SIGTERM)
    assert serving.process.wait(timeout=20) in {0, -signal.SIGTERM}


def test_a_worker_tells_of_its_roles(tradeapi: Start, sqlite_url: str) -> None:
    """With what they need."""
    worker = tradeapi("worker", METRICS_PORT="0", DATABASE_URL=sqlite_url, DEMO="false")
    own = operations(worker)
    wait_for(f"{own}/health/ready")
    ready = httpx2.get(f"{own}/health/ready").json()
    assert ready["dependencies"].keys() == {"database", "migrations", "alerts", "indices", "jobs"}
    assert "jobs_done_total" in httpx2.get(f"{own}/metrics").text


def test_it_stops_while_somebody_is_connected(tradeapi: Start, sqlite_url: str) -> None:
    """Who asks for half of something, and for nothing at all."""
    worker = tradeapi("worker", METRICS_PORT="0", DATABASE_URL=sqlite_url, DEMO="false")
    port = int(operations(worker).rpartition(":")[2])
    with (
        socket.create_connection(("127.0.0.1", port)) as half,
        socket.create_connection(("127.0.0.1", port)),
    ):
        half.sendall(b"GET /metrics HTTP/1.1\r\n")
        worker.process.send_signal(signal.SIGTERM)
        assert worker.process.wait(timeout=20) == 0
    assert worker.events[-1]["event"] == "worker.stopped"


async def test_who_never_ends_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A head without an end takes no memory, and a connection without one goes."""
    monkeypatch.setattr(http_protocol, "PATIENCE_SECONDS", 0.2)
    async with AsyncExitStack() as stack:
        listener = stack.enter_context(listen("127.0.0.1", 0))
        await stack.enter_async_context(open_operations(listener, "/metrics", Outlook([])))
        for sent, status in ((b"x" * MOST_HEAD_BYTES, b"431"), (b"", b"408")):
            reader, writer = await asyncio.open_connection(*listener.getsockname())
            writer.write(b"GET /health HTTP/1.1\r\nhost: here\r\nx: " + sent)
            assert (await reader.read()).startswith(b"HTTP/1.1 " + status)
            writer.close()
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        assert await reader.read() == b""
        writer.close()


@pytest.fixture
def database() -> Iterator[Postgres]:
    with postgres() as database:
        yield database


def test_a_worker_without_its_database_is_alive_and_not_ready(
    tradeapi: Start, database: Postgres
) -> None:
    """It says what is missing, and is ready when that is back."""
    worker = tradeapi(
        "worker", "--roles=jobs", METRICS_PORT="0", DATABASE_URL=database.url, DEMO="false"
    )
    own = operations(worker)
    wait_for(f"{own}/health/ready")
    database.kill()
    eventually(lambda: httpx2.get(f"{own}/health/ready").status_code == 503)
    problem = httpx2.get(f"{own}/health/ready").json()
    assert problem["code"] == "not_ready"
    assert problem["dependencies"]["database"] == {
        "status": "down",
        "detail": "It does not answer.",
    }
    assert httpx2.get(f"{own}/health").status_code == 200
    database.start()
    wait_for(f"{own}/health/ready")


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_a_port_that_is_taken_is_named(command: str, sqlite_url: str) -> None:
    """Instead of a start without it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        refused = run(command, METRICS_PORT=port, DATABASE_URL=sqlite_url)
    assert refused.returncode == 2
    assert f"METRICS_PORT: nothing can listen at 127.0.0.1:{port}" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_it_is_not_the_port_for_callers() -> None:
    """The settings say so."""
    with pytest.raises(SettingsError, match="METRICS_PORT: is PORT"):
        load(port=8123, metrics_port=8123)


class TestGunicorn:
    @pytest.fixture
    def environment(self, tmp_path: Path, sqlite_url: str) -> dict[str, str]:
        folder = tmp_path / "metrics"
        folder.mkdir()
        return clean_environment(
            DATABASE_URL=sqlite_url,
            DEMO="false",
            PORT=str(free_port()),
            METRICS_PORT=str(free_port()),
            PROMETHEUS_MULTIPROC_DIR=str(folder),
            SECRET_KEY=SECRET,
            DRAIN_SECONDS="0",
        )

    def test_its_master_answers(self, environment: dict[str, str], tmp_path: Path) -> None:
        """What its workers count, also when one was killed; and it stops."""
        process = subprocess.Popen(
            gunicorn_command(),
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            start_new_session=True,
        )
        try:
            address = f"http://127.0.0.1:{environment['PORT']}"
            own = f"http://127.0.0.1:{environment['METRICS_PORT']}"
            wait_for(f"{address}/health/ready")
            wait_for(f"{own}/health")
            assert httpx2.get(f"{own}/health/ready").status_code == 404
            text = httpx2.get(f"{own}/metrics").text
            asked = 'http_requests_total{method="GET",route="/health/ready",status="200"}'
            assert asked in text
            (worker,) = _children(process.pid)
            os.kill(worker, signal.SIGKILL)
            eventually(lambda: [*_children(process.pid)] not in ([worker], []))
            wait_for(f"{address}/health/ready")
            assert asked in httpx2.get(f"{own}/metrics").text
            process.send_signal(signal.SIGTERM)
            output, _ = process.communicate(timeout=30)
            assert process.returncode == 0
            assert "operations.listening" in {
                json.loads(one)["event"] for one in output.split("\n")[:-1]
            }
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()

    def test_its_master_waits_for_nobody_for_long(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        """Who sends byte after byte is cut off, however many they are; others are answered."""
        monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
        monkeypatch.setattr(master, "SECONDS", 1)
        monkeypatch.setattr(master, "MOST", 3)
        with ExitStack() as stack:
            server = stack.enter_context(master.answer("127.0.0.1", 0, "/metrics"))
            stack.callback(server.shutdown)
            address = server.socket.getsockname()
            slow = [
                stack.enter_context(socket.create_connection(address, timeout=20)) for _ in range(5)
            ]
            while slow:
                slow = [one for one in slow if _is_heard(one)]
                time.sleep(0.1)
            wait_for(f"http://127.0.0.1:{address[1]}/health")

    @pytest.mark.parametrize("missing", ["folder", "port"])
    def test_it_says_what_it_lacks(
        self, environment: dict[str, str], tmp_path: Path, missing: str
    ) -> None:
        """The folder that its workers count in, or the port."""
        with socket.create_server(("127.0.0.1", 0)) as taken:
            if missing == "folder":
                del environment["PROMETHEUS_MULTIPROC_DIR"]
            else:
                environment["METRICS_PORT"] = str(taken.getsockname()[1])
            assert "METRICS_PORT: " in refused_gunicorn(environment, tmp_path)


def _is_heard(client: socket.socket) -> bool:
    """Another byte of a head that never ends."""
    try:
        client.sendall(b"x")
    except OSError:
        return False
    return True


def _children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
