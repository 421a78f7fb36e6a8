"""Every route has a limit, and processes share it."""

from collections import Counter
from collections.abc import Callable
from itertools import cycle
from pathlib import Path

import httpx2
import pytest
from starlette.testclient import WebSocketDenialResponse

from tests.auth.people import Service
from tests.auth.routes import operations
from tests.hostile.serving import serve as serve_process
from tests.servers.databases import SqliteDatabases

# Probes ask as often as their operators want.
EXEMPT = {"GET /health", "GET /health/ready"}
# Those that answer bars or points.
HISTORY = {
    "GET /api/v1/bars/{symbol}",
    "GET /udf/history",
    "GET /api/v1/indices/{code}/export",
    "GET /api/v1/charts/{id}/series/{series}/points",
    "GET /api/charts/{chart}",
    "GET /api/charts/{chart}/data/{pane}/{series}",
    "GET /api/charts/{chart}/history/{pane}/{series}",
    "POST /api/charts/{chart}/history",
}
# Those that programs send to all the time.
INGEST = {
    "POST /api/v1/bars",
    "POST /api/v1/ticks",
    "POST /api/v1/charts/{id}/series/{series}/points",
    "PATCH /api/charts/{chart}/data/{series}",
}


def test_every_route_has_a_limit(serve: Callable[..., Service]) -> None:
    """Who is over it is refused everywhere, also where there is nothing and where all may go."""
    service = serve(rate_limit_per_minute=1)
    for _ in range(2):
        service.client.get("/health", headers={"x-forwarded-for": "203.0.113.9"})
        service.client.get("/nowhere", headers={"x-forwarded-for": "203.0.113.9"})
    for route in operations(service.app):
        if route.method == "ANY":
            continue
        answer = route.ask(service.client, {"x-forwarded-for": "203.0.113.9"}, junk=False)
        if route.name in EXEMPT:
            assert answer.status_code != 429, route.name
            assert "ratelimit" not in answer.headers, route.name
        else:
            assert answer.status_code == 429, route.name
            form = "application/" + ("json" if route.path.startswith("/udf") else "problem+json")
            assert answer.headers["content-type"] == form or route.method == "HEAD"
            assert 0 < int(answer.headers["retry-after"]) <= 60
            assert "r=0;t=" in answer.headers["ratelimit"], route.name
    with (
        pytest.raises(WebSocketDenialResponse) as refusal,
        service.client.websocket_connect("/ws", headers={"x-forwarded-for": "203.0.113.9"}),
    ):
        pass
    assert refusal.value.status_code == 429


def test_reading_history_counts_more_where_nobody_is_known(serve: Callable[..., Service]) -> None:
    """Bars and points alike, and nothing else; whoever is known has one limit for all."""
    service = serve()
    key = {"x-api-key": service.person().key(scopes=["read", "write"])["key"]}
    assert counted(service, {}, "history") == HISTORY
    assert counted(service, key, "history") == set()


def test_pushing_counts_apart_for_those_who_may_ingest(serve: Callable[..., Service]) -> None:
    """Bars, ticks and points that are appended, and nothing else; for all others it is a request
    as any.
    """
    service = serve()
    admin = service.admin()
    feed = {"x-api-key": admin.key(scopes=["read", "write", "ingest"])["key"]}
    plain = {"x-api-key": admin.key(scopes=["read", "write"])["key"]}
    assert counted(service, feed, "ingest") == INGEST
    assert counted(service, plain, "ingest") == counted(service, {}, "ingest") == set()


def counted(service: Service, headers: dict[str, str], policy: str) -> set[str]:
    """The routes whose requests count against it."""
    answers = {
        route.name: route.ask(service.client, headers, junk=False)
        for route in operations(service.app)
        if route.method != "ANY" and route.path != "/api/v1/stream"
    }
    return {
        name
        for name, answer in answers.items()
        if f'"{policy}"' in answer.headers.get("ratelimit-policy", "")
    }


def test_a_user_is_limited_everywhere_together(serve: Callable[..., Service]) -> None:
    """From whatever address; others are not held up by it."""
    service = serve(rate_limit_user_per_minute=5)
    person, other = service.person(), service.person()
    statuses = [
        service.client.get(
            "/api/v1/auth/me",
            headers={**person.headers, "x-forwarded-for": f"198.51.100.{number}"},
        ).status_code
        for number in range(7)
    ]
    # One more gets in where a minute ends just now.
    assert statuses[:5] == [200] * 5
    assert statuses[-1] == 429
    assert other.get("/auth/me")["email"] == other.address


def test_two_processes_share_a_limit(
    sqlite_databases: SqliteDatabases, redis_url: str, tmp_path: Path
) -> None:
    """On one Redis; what one has counted the other knows."""
    shared = {"REDIS_URL": redis_url, "RATE_LIMIT_PER_MINUTE": "20", "AUTH_REQUIRED": "true"}
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
    with (
        serve_process(sqlite_databases.copy(folders[0]), folders[0], **shared) as one,
        serve_process(sqlite_databases.copy(folders[1]), folders[1], **shared) as two,
    ):
        servers: cycle[httpx2.Client] = cycle([one.client, two.client])
        asked = Counter(next(servers).get("/api/v1/symbols").status_code for _ in range(40))
        assert asked == {401: 20, 429: 20}
