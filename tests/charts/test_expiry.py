"""Charts without an account behind them, which are removed when nobody asks for them."""

from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import func, select

from tests.auth.people import Service, eventually, serving, sql
from tests.charts.desks import Desk, candles, panes
from tradeapi.charts.accesses import Accesses
from tradeapi.charts.models import Chart, ChartShare, Chunk, Series
from tradeapi.charts.tasks import GRACE_SECONDS, HOUR, ChartExpiry
from tradeapi.clock import FixedClock
from tradeapi.database import Database
from tradeapi.metrics import CHARTS_EXPIRED

TTL = 24 * HOUR
TABLES = (Chart, Series, Chunk, ChartShare)


@pytest.fixture
def open_service(serve: Callable[..., Service]) -> Service:
    """One where nobody has to say who they are."""
    return serve(auth_required=False)


def make(service: Service, **fields: object) -> str:
    document = {"panes": panes("line"), **fields}
    answer = service.client.post("/api/v1/charts", json=document)
    assert answer.status_code == 201, answer.text
    id: str = answer.json()["id"]
    return id


async def expire(url: str, clock: FixedClock) -> int:
    async with Database(url) as database:
        return await ChartExpiry(database, clock, ttl_hours=24).once()


async def counts(url: str) -> list[int]:
    async with Database(url) as database, database.reading() as session:
        return [await session.scalar(select(func.count()).select_from(one)) or 0 for one in TABLES]


async def test_an_anonymous_chart_goes_when_its_time_is_over(open_service: Service) -> None:
    """With all that belongs to it; the metric counts it."""
    service, client = open_service, open_service.client
    id = make(service, name="desk")
    client.put("/api/v1/charts/desk/series/line/points", json={"time": 1, "value": 2})
    client.post("/api/v1/charts/desk/shares", json={})
    chart = client.get("/api/v1/charts/desk").json()
    assert chart["expires_at"] == service.clock.time + TTL
    # By a clock of its own, for the service's own upkeep has nothing to do with it.
    clock = FixedClock(service.clock.time + TTL + GRACE_SECONDS)
    assert await expire(service.url, clock) == 0
    clock.time += 1
    before = CHARTS_EXPIRED._value.get()  # noqa: SLF001
    assert await expire(service.url, clock) == 1
    assert CHARTS_EXPIRED._value.get() == before + 1  # noqa: SLF001
    assert (await counts(service.url))[:3] == [0, 0, 0]
    assert client.get(f"/api/v1/charts/{id}").status_code == 404


@pytest.mark.parametrize("way", ["read", "points", "push", "change"])
async def test_whoever_asks_for_it_keeps_it(open_service: Service, way: str) -> None:
    """By reading it or its points, or by changing these; a look at the list is nothing."""
    service, client = open_service, open_service.client
    path = f"/api/v1/charts/{make(service)}"
    made_at = service.clock.time
    service.clock.time += TTL / 2
    asked: dict[str, Callable[[], httpx2.Response]] = {
        "read": lambda: client.get(path),
        "points": lambda: client.get(f"{path}/series/line/points"),
        "push": lambda: client.post(f"{path}/series/line/points", json={"time": 1, "value": 1}),
        "change": lambda: client.patch(path, json={"title": "x"}),
    }
    assert asked[way]().is_success
    client.get("/api/v1/charts")
    accesses: Accesses = client.app_state["chart_accesses"]
    assert client.portal is not None
    client.portal.call(accesses.write)
    listed = client.get("/api/v1/charts").json()["items"][0]["expires_at"]
    assert listed == made_at + 1.5 * TTL
    assert await expire(service.url, FixedClock(made_at + 1.4 * TTL)) == 0
    assert await expire(service.url, FixedClock(made_at + 1.6 * TTL)) == 1


async def test_charts_of_accounts_stay(open_service: Service) -> None:
    """Also where nobody would have to say who they are; many others go at once."""
    service = open_service
    desk = Desk.of(service.person())
    desk.put(candles(1))
    for _ in range(12):
        make(service)
    assert desk.chart()["expires_at"] is None
    assert await expire(service.url, FixedClock(service.clock.time + 1000 * TTL)) == 12
    assert desk.items() == candles(1)


def test_the_service_removes_them_by_itself(database_url: str, tmp_path: Path) -> None:
    """Where it plays the role jobs, which it does unless it is told otherwise."""
    with serving(database_url, tmp_path, auth_required=False) as service:
        make(service, title="old")
    sql(database_url, "UPDATE charts SET accessed_at = accessed_at - 1000000")
    with serving(database_url, tmp_path, auth_required=False) as service:
        make(service, title="new")
        service.clock.time += HOUR
        for _ in eventually():
            charts = service.client.get("/api/v1/charts").json()["items"]
            if [chart["title"] for chart in charts] == ["new"]:
                break


def test_what_is_noted_of_a_chart_that_is_gone_does_no_harm(open_service: Service) -> None:
    """Nor does a database that is away: then it is written later."""
    service, client = open_service, open_service.client
    id = make(service)
    client.get(f"/api/v1/charts/{id}")
    sql(service.url, "DELETE FROM charts")
    accesses: Accesses = client.app_state["chart_accesses"]
    assert client.portal is not None
    client.portal.call(accesses.write)
    assert client.get("/api/v1/charts").json()["items"] == []
