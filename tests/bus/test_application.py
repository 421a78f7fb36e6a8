"""The bus of the whole application."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fastapi.testclient import TestClient
from prometheus_client import REGISTRY
from pydantic import SecretStr

from tests.caller import Caller
from tests.web.redis_process import redis_process
from tradeapi.app import create_app
from tradeapi.settings import Settings

DATABASE = {"database": "up", "migrations": "up"}


@contextmanager
def service(database_url: str, redis_url: str | None) -> Iterator[TestClient]:
    redis = None if redis_url is None else SecretStr(redis_url)
    chosen = Settings(database_url=database_url, redis_url=redis, demo=False)
    with Caller(create_app(chosen)) as client:
        yield client


def readiness(client: TestClient) -> tuple[str, dict[str, str]]:
    answer = client.get("/health/ready")
    assert answer.status_code == 200
    body = answer.json()
    return body["status"], {name: one["status"] for name, one in body["dependencies"].items()}


def test_without_redis_there_is_no_bus_to_be_ready(sqlite_url: str) -> None:
    """News travels inside the process, and comes whenever that is there."""
    with service(sqlite_url, None) as client:
        assert readiness(client) == ("ready", DATABASE)
        assert REGISTRY.get_sample_value("bus_live") == 1


def test_a_lost_bus_is_degraded(sqlite_url: str, tmp_path: Path) -> None:
    """It serves all the same."""
    with redis_process(tmp_path) as process, service(sqlite_url, process.url) as client:
        assert readiness(client) == ("ready", {**DATABASE, "redis": "up", "bus": "up"})
        process.kill()
        deadline = time.monotonic() + 10
        while readiness(client)[1]["bus"] == "up":
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert readiness(client) == ("degraded", {**DATABASE, "redis": "down", "bus": "down"})
        assert REGISTRY.get_sample_value("bus_live") == 0


def test_a_cluster_carries_news_and_counts_nothing(sqlite_url: str, redis_cluster_url: str) -> None:
    """Each process limits its callers by itself."""
    with service(sqlite_url, redis_cluster_url) as client:
        assert readiness(client) == ("ready", {**DATABASE, "bus": "up"})
