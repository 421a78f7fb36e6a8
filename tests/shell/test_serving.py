"""`tradeapi serve` and gunicorn, as processes."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from tests.servers.processes import free_port
from tests.shell.conftest import Process, clean_environment
from tradeapi.cli.environment import example

Start = Callable[..., Process]


def events(process: Process) -> list[dict[str, Any]]:
    return [json.loads(line) for line in process.log.read_text().splitlines()]


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tradeapi", *arguments],
        env=clean_environment(**environment),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_it_migrates_and_serves(tradeapi: Start, tmp_path: Path) -> None:
    """One command in an empty folder."""
    process = tradeapi(DATABASE_URL=f"sqlite:///{tmp_path}/made/for/it.db")
    assert httpx2.get(f"{process.address}/health/ready").json()["status"] == "ready"


def test_ctrl_c_ends_it_within_two_seconds(tradeapi: Start) -> None:
    """With an idle connection and a request of which only half has come."""
    process = tradeapi()
    url = urlsplit(process.address)
    address = (url.hostname, url.port)
    with socket.create_connection(address) as idle, socket.create_connection(address) as half:
        idle.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        assert idle.recv(4096).startswith(b"HTTP/1.1 200")
        half.sendall(b"POST /health HTTP/1.1\r\nHost: x\r\nContent-Le")
        started = time.monotonic()
        process.process.send_signal(signal.SIGINT)
        assert process.process.wait(timeout=10) == 0
    assert time.monotonic() - started < 2
    assert process.process.stderr is not None
    assert process.process.stderr.read() == ""


@pytest.mark.parametrize("drain", [0, 2])
def test_sigterm_ends_it_with_a_stream_open(tradeapi: Start, drain: int) -> None:
    """Who follows by server-sent events hears of it, and holds nobody up."""
    process = tradeapi(DRAIN_SECONDS=str(drain))
    url = f"{process.address}/api/v1/stream?topics=quotes:SIM:NOPE"
    with httpx2.stream("GET", url) as stream:
        lines = stream.iter_lines()
        assert any('"ack"' in line for line in lines)
        process.process.send_signal(signal.SIGTERM)
        assert any('"reason":"restart"' in line for line in lines)
        assert [line.partition(":")[0] for line in lines] == ["retry", ""]
        assert process.process.wait(timeout=10) == 0
    # Such as uvicorn's, that it had to cut something off.
    assert not [event for event in events(process) if event["level"] == "error"]


def test_an_address_in_use_is_said(tradeapi: Start) -> None:
    """Not only in the log."""
    port = urlsplit(tradeapi().address).port
    second = run("serve", "--port", str(port), DATABASE_URL="sqlite:///other.db")
    assert second.returncode != 0
    assert f"can't serve at 127.0.0.1:{port}" in second.stderr


def test_the_address_alone_leads_to_the_documentation(tradeapi: Start) -> None:
    """It is what `make run` prints."""
    answer = httpx2.get(tradeapi().address, follow_redirects=True)
    assert (answer.status_code, answer.url.path) == (200, "/docs")


def test_the_log_is_json(tradeapi: Start) -> None:
    """Each line of standard output, those of uvicorn and alembic too."""
    process = tradeapi()
    httpx2.get(f"{process.address}/health", headers={"x-request-id": "front-end-0001"})
    process.process.send_signal(signal.SIGINT)
    process.process.wait(timeout=10)
    logged = events(process)
    assert all({"event", "level", "timestamp"} <= event.keys() for event in logged)
    assert {"uvicorn.error", "alembic.runtime.migration"} <= {e.get("logger") for e in logged}
    (access,) = [event for event in logged if event["event"] == "request"]
    access.pop("timestamp")
    assert access.pop("duration_ms") > 0
    assert access == {
        "event": "request",
        "level": "info",
        "request_id": "front-end-0001",
        "method": "GET",
        "route": "/health",
        "status": 200,
        "bytes": 38,
        "client": "127.0.0.1",
    }


def test_secrets_are_not_logged(tradeapi: Start) -> None:
    """Neither from headers and queries nor from the settings, at any level."""
    process = tradeapi(SECRET_KEY="swordfish-of-at-least-thirty-two-bytes", LOG_LEVEL="debug")
    headers = {
        "authorization": "Bearer swordfish",
        "cookie": "a=swordfish",
        "x-api-key": "swordfish",
    }
    for path in ("health", "health/ready", "nowhere/swordfish"):
        httpx2.get(f"{process.address}/{path}?token=swordfish", headers=headers)
    process.process.send_signal(signal.SIGINT)
    process.process.wait(timeout=10)
    assert "request" in {event["event"] for event in events(process)}
    assert "swordfish" not in process.log.read_text()


def test_the_log_level_is_a_setting(tradeapi: Start) -> None:
    """At warning a quiet day leaves no line."""
    process = tradeapi(LOG_LEVEL="warning")
    httpx2.get(f"{process.address}/health")
    process.process.send_signal(signal.SIGINT)
    process.process.wait(timeout=10)
    assert events(process) == []


def test_a_second_process_is_refused(tradeapi: Start, sqlite_url: str) -> None:
    """Clients of one would not see the ticks of the other."""
    tradeapi()
    second = run("serve", "--port", "0", DATABASE_URL=sqlite_url)
    assert second.returncode == 2
    assert second.stderr.startswith("More than one tradeapi process")


def test_a_second_process_is_refused_on_postgresql(tradeapi: Start, postgres_url: str) -> None:
    """Wherever it runs; and the next one may come when the first has gone."""
    first = tradeapi(DATABASE_URL=postgres_url)
    second = run("serve", "--port", "0", DATABASE_URL=postgres_url)
    assert second.returncode == 2
    assert second.stderr.startswith("More than one tradeapi process")
    first.process.kill()
    tradeapi(DATABASE_URL=postgres_url)


def test_many_workers_are_refused(sqlite_url: str) -> None:
    """WEB_CONCURRENCY is how hosting providers ask for them."""
    refused = run("serve", DATABASE_URL=sqlite_url, WEB_CONCURRENCY="2")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith("More than one tradeapi process")


def test_unsafe_production_is_refused() -> None:
    """One message, no traceback."""
    refused = run("serve", ENVIRONMENT="production", SECRET_KEY="short", CORS_ORIGINS="*")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "Traceback" not in refused.stderr
    assert re.findall(r"^  ([A-Z_]+):", refused.stderr, re.MULTILINE) == [
        "SECRET_KEY",
        "DATABASE_URL",
        "CORS_ORIGINS",
    ]


def test_migrate_goes_up_and_down(tmp_path: Path) -> None:
    """And says where the database is."""
    url = f"sqlite:///{tmp_path}/a.db"
    assert run("migrate", DATABASE_URL=url).stdout.startswith("The database is at ")
    assert run("migrate", "--down", "base", DATABASE_URL=url).stdout.endswith("back at base.\n")


def test_settings_are_listed() -> None:
    """In the form of a .env file."""
    assert run("settings").stdout == example()


class TestGunicorn:
    """The production server."""

    @pytest.fixture
    def environment(self, postgres_url: str, tmp_path: Path) -> dict[str, str]:
        return clean_environment(
            ENVIRONMENT="production",
            DATABASE_URL=postgres_url,
            SECRET_KEY="0123456789abcdef0123456789abcdef",
            PROMETHEUS_MULTIPROC_DIR=str(tmp_path),
            PORT=str(free_port()),
            DRAIN_SECONDS="1",
        )

    @pytest.fixture
    def gunicorn(
        self, environment: dict[str, str], tmp_path: Path
    ) -> Iterator[subprocess.Popen[str]]:
        (tmp_path / "counter_1.db").write_bytes(b"left by an earlier run")
        process = subprocess.Popen(
            gunicorn_command(),
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            start_new_session=True,
        )
        yield process
        # Its worker would outlive it.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()

    def test_it_serves(self, gunicorn: subprocess.Popen[str], environment: dict[str, str]) -> None:
        """With our log, our headers and metrics that count."""
        address = f"http://127.0.0.1:{environment['PORT']}"
        wait_for(f"{address}/health/ready")
        assert httpx2.get(f"{address}/metrics").status_code == 401
        response = httpx2.get(f"{address}/metrics", headers=logged_in(address))
        assert "server" not in response.headers
        assert (
            'http_requests_total{method="GET",route="/health/ready",status="200"}' in response.text
        )
        gunicorn.send_signal(signal.SIGTERM)
        output, _ = gunicorn.communicate(timeout=20)
        assert gunicorn.returncode == 0
        logged = [json.loads(line) for line in output.splitlines()]
        assert {"gunicorn.error", "uvicorn.error"} <= {event.get("logger") for event in logged}

    @pytest.fixture
    def shared(self, environment: dict[str, str], redis_url: str) -> None:
        environment |= {"REDIS_URL": redis_url, "WEB_CONCURRENCY": "2"}

    @pytest.mark.usefixtures("shared")
    def test_with_redis_there_may_be_two_workers(
        self, gunicorn: subprocess.Popen[str], environment: dict[str, str]
    ) -> None:
        """Both serve, and both do jobs."""
        wait_for(f"http://127.0.0.1:{environment['PORT']}/health/ready")
        assert gunicorn.stdout is not None
        started, ready = 0, 0
        while started < 2 or ready < 2:
            event = json.loads(gunicorn.stdout.readline())
            started += event["event"] == "Application startup complete."
            ready += event["event"] == "jobs.ready"
        gunicorn.send_signal(signal.SIGTERM)
        output, _ = gunicorn.communicate(timeout=20)
        assert gunicorn.returncode == 0
        assert "More than one tradeapi process" not in output

    def test_it_says_goodbye_to_streams(
        self, gunicorn: subprocess.Popen[str], environment: dict[str, str]
    ) -> None:
        """Those of server-sent events, too, and then it ends."""
        address = f"http://127.0.0.1:{environment['PORT']}"
        wait_for(f"{address}/health/ready")
        url = f"{address}/api/v1/stream?topics=quotes:SIM:NOPE"
        with httpx2.stream("GET", url, headers=logged_in(address)) as stream:
            lines = stream.iter_lines()
            assert any('"ack"' in line for line in lines)
            gunicorn.send_signal(signal.SIGTERM)
            assert any('"reason":"restart"' in line for line in lines)
        gunicorn.communicate(timeout=20)
        assert gunicorn.returncode == 0

    def test_two_workers_are_refused(self, environment: dict[str, str], tmp_path: Path) -> None:
        """Before any of them serves."""
        said = refused_gunicorn(environment, tmp_path, "--workers", "2")
        assert "More than one tradeapi process" in said


def logged_in(address: str) -> dict[str, str]:
    """The headers of somebody with an account."""
    person = {"email": "ada@example.com", "password": "a sentence nobody guesses"}
    httpx2.post(f"{address}/api/v1/auth/register", json=person).raise_for_status()
    form = {"username": person["email"], "password": person["password"]}
    answer = httpx2.post(f"{address}/api/v1/auth/token", data=form).raise_for_status()
    return {"authorization": f"Bearer {answer.json()['access_token']}"}


def refused_gunicorn(environment: dict[str, str], folder: Path, *options: str) -> str:
    """What it says that does not start."""
    refused = subprocess.run(
        [*gunicorn_command(), *options],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert refused.returncode != 0
    return refused.stdout + refused.stderr


def gunicorn_command() -> list[str]:
    configuration = ["-c", "python:tradeapi.gunicorn_conf"]
    return [sys.executable, "-m", "gunicorn", *configuration, "tradeapi.app:create_app()"]


def wait_for(address: str) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            if httpx2.get(address).status_code == 200:
                return
        except httpx2.TransportError:
            time.sleep(0.1)
    raise TimeoutError(address)
