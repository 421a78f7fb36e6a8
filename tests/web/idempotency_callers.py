"""Callers of the probes that send keys, and what the database has of it afterwards."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from sqlalchemy import TextClause
from starlette.testclient import TestClient

from tests.shell.conftest import clean_environment
from tests.web.idempotency_probe import Stage, application
from tradeapi.clock import FixedClock
from tradeapi.database import Database
from tradeapi.settings import Settings

ROOT = Path(__file__).parents[2]
KEYS = "/api/v1/auth/api-keys"
EXCHANGE = "/probe/exchanges/a"
BODY = b'{"name": "feed"}'
LOGIN = "a long sentence is a good one"
NOW = 1_800_000_000.0
REPLAYED = "idempotency-replayed"
CHEAP = {"argon2_memory_kib": 64, "argon2_time_cost": 1, "auth_required": True, "demo": False}


@dataclass(frozen=True, slots=True)
class Caller:
    """`headers` say who it is."""

    client: httpx2.Client
    headers: dict[str, str]

    def post(
        self,
        path: str = EXCHANGE,
        *,
        key: str | bytes | None = "a-key",
        body: bytes = BODY,
        fault: str = "",
    ) -> httpx2.Response:
        headers: dict[str, Any] = {**self.headers, "content-type": "application/json"}
        if key is not None:
            headers["idempotency-key"] = key
        if fault:
            headers["x-fault"] = fault
        return self.client.post(path, content=body, headers=headers)


def log_in(client: httpx2.Client, email: str = "ada@example.com") -> Caller:
    client.post("/api/v1/auth/register", json={"email": email, "password": LOGIN})
    form = {"username": email, "password": LOGIN}
    token = client.post("/api/v1/auth/token", data=form).json()["access_token"]
    return Caller(client, {"authorization": f"Bearer {token}"})


def with_api_key(owner: Caller, *scopes: str) -> Caller:
    wanted = {"name": "program", "scopes": scopes}
    made = owner.client.post(KEYS, json=wanted, headers=owner.headers)
    return Caller(owner.client, {"x-api-key": made.json()["key"]})


def outcome(response: httpx2.Response) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


@contextmanager
def served(
    url: str, clock: FixedClock | None = None, stage: Stage | None = None, **settings: object
) -> Iterator[Caller]:
    """Somebody who is logged in to the application with the probes."""
    chosen = Settings.model_validate({"database_url": url, **CHEAP, **settings})
    app = application(chosen, stage or Stage(), clock or FixedClock(NOW))
    with TestClient(app) as client:
        yield log_in(client)


@contextmanager
def process(url: str, folder: Path) -> Iterator[httpx2.Client]:
    """The same as a process of its own, which dies when it is told to."""
    environment = clean_environment(
        DATABASE_URL=url,
        PORT="0",
        PYTHONPATH=f"{ROOT}:{ROOT / 'src'}",
        **{name.upper(): str(value) for name, value in CHEAP.items()},
    )
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.web.idempotency_probe"],
        env=environment,
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert server.stderr is not None
    with server.stderr:
        try:
            with httpx2.Client(base_url=server.stderr.readline().strip()) as client:
                yield client
        finally:
            server.kill()
            server.wait()


def rows(url: str, sql: str) -> Sequence[Sequence[Any]]:
    async def fetch() -> Sequence[Sequence[Any]]:
        async with Database(url) as database, database.read() as raw:
            return [tuple(row) for row in await raw.fetch(sql)]

    return asyncio.run(fetch())


def count(url: str, table: str) -> int:
    return int(rows(url, f"SELECT count(*) FROM {table}")[0][0])  # noqa: S608  our own tables


def change(url: str, statement: TextClause, values: Sequence[dict[str, object]]) -> None:
    async def execute() -> None:
        async with Database(url) as database, database.transaction() as session:
            await session.execute(statement, values)

    asyncio.run(execute())
