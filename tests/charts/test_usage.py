"""How many points all charts of one user have together, whoever changes them and however."""

import asyncio
import random
from collections.abc import Callable
from contextlib import AsyncExitStack

import httpx2
import orjson
import pytest

from tests.auth.people import PASSWORD, Service, at_once, code, sql
from tests.charts.desks import Desk, dots, panes
from tests.charts.point_process import SERIES, writer_of
from tests.charts.test_expiry import TTL, expire, make
from tests.charts.test_series_model import new_chart
from tradeapi.auth.dev import ensure_dev_user
from tradeapi.charts.tasks import GRACE_SECONDS
from tradeapi.clock import FixedClock
from tradeapi.database import Database
from tradeapi.errors import Forbidden
from tradeapi.migrations import downgrade, upgrade
from tradeapi.web.preconditions import Precondition

COUNTED = "SELECT COALESCE(SUM(points), 0) FROM chart_usage"
THERE = "SELECT COALESCE(SUM(count), 0) FROM chart_series"


def counted(url: str) -> int:
    """As often as there are; the same as counting all."""
    [(points,)], [(there,)] = sql(url, COUNTED), sql(url, THERE)
    assert points == there
    return int(points)


def refused(answer: httpx2.Response) -> bool:
    if answer.is_success:
        return False
    assert (answer.status_code, code(answer)) == (403, "quota_all_points")
    return True


def test_a_user_has_so_many_points_and_no_more(serve: Callable[..., Service]) -> None:
    """In all series of all charts; another user has as many."""
    service = serve(points_per_user=10)
    person = service.person()
    one, two = Desk.of(person), Desk.of(person)
    assert one.put(dots(6), "line").is_success
    assert two.put(dots(3), "area").is_success
    assert refused(two.post(dots(2, first=3), "area"))
    assert refused(one.put(dots(8), "line"))
    assert refused(one.post(dots(2, first=-2), "line", amend=True))
    assert two.post(dots(1, first=3), "area").is_success
    # The newest may still be replaced.
    assert one.post(dots(1, first=5), "line").is_success
    assert refused(one.post(dots(1, first=6), "line"))
    assert (one.items(series="line"), two.items(series="area")) == (dots(6), dots(4))
    assert Desk.of(service.person()).put(dots(10), "line").is_success
    assert counted(service.url) == 20


def test_what_goes_makes_room(serve: Callable[..., Service]) -> None:
    """Points that are replaced, series that are left out, and whole charts."""
    service = serve(points_per_user=10)
    person = service.person()
    one, two = Desk.of(person), Desk.of(person)
    assert one.put(dots(10), "line").is_success
    assert refused(two.put(dots(1), "line"))
    assert one.put(dots(4), "line").is_success
    assert two.put(dots(6), "line").is_success
    assert refused(two.put(dots(7), "line"))
    assert one.change(panes=panes("area")).is_success
    assert two.put(dots(10), "line").is_success
    assert person.call("DELETE", two.path).status_code == 204
    assert counted(service.url) == 0
    assert one.put(dots(10), "area").is_success


def test_a_copy_needs_room_for_all_its_points(serve: Callable[..., Service]) -> None:
    """Or there is none."""
    service = serve(points_per_user=10)
    desk = Desk.of(service.person())
    assert desk.put(dots(5), "line").is_success
    copy = desk.person.call("POST", f"{desk.path}/duplicate", {})
    assert copy.status_code == 201
    assert counted(service.url) == 10
    assert refused(desk.person.call("POST", f"{desk.path}/duplicate", {}))
    assert counted(service.url) == 10
    assert len(desk.person.get("/charts")["items"]) == 2


def test_front_ends_of_lightweight_charts_pro_have_no_more(serve: Callable[..., Service]) -> None:
    """And are told in their words."""
    person = serve(points_per_user=3).person()

    def push(count: int, method: str = "POST") -> httpx2.Response:
        body = {"paneId": 0, "seriesType": "line", "data": dots(count)}
        path = "/api/charts/desk/data/line"
        return person.client.request(method, path, json=body, headers=person.headers)

    assert push(3).is_success
    answer = push(4)
    assert (answer.status_code, answer.json()["errorCode"]) == (403, "QUOTA_ALL_POINTS")
    assert push(1).is_success
    assert push(4, "PATCH").status_code == 403


async def test_charts_that_expire_make_room(serve: Callable[..., Service]) -> None:
    """As if they had been removed."""
    service = serve(auth_required=False)
    id = make(service)
    service.client.put(f"/api/v1/charts/{id}/series/line/points", json=dots(5))
    clock = FixedClock(service.clock.time + TTL + GRACE_SECONDS + 1)
    assert await expire(service.url, clock) == 1
    assert await asyncio.to_thread(counted, service.url) == 0


def test_whose_account_goes_is_counted_no_more(serve: Callable[..., Service]) -> None:
    """With all charts."""
    service = serve()
    desk = Desk.of(service.person())
    desk.put(dots(5), "line")
    body = {"password": PASSWORD}
    assert desk.person.call("DELETE", "/auth/me", body).status_code == 204
    assert counted(service.url) == 0
    assert sql(service.url, "SELECT * FROM chart_usage") == []


def test_points_of_an_older_release_are_counted(serve: Callable[..., Service]) -> None:
    """Once its database is migrated."""
    service = serve()
    desk = Desk.of(service.person())
    desk.put(dots(5), "line")
    desk.put(dots(2), "area")
    downgrade(service.url, "0009")
    upgrade(service.url)
    assert counted(service.url) == 7
    assert desk.put(dots(1), "area").is_success
    assert counted(service.url) == 6


def test_the_count_is_right_after_whatever_was_done(serve: Callable[..., Service]) -> None:
    """By chance."""
    service = serve(points_per_user=60)
    person, chance = service.person(), random.Random(7)
    desks = [Desk.of(person) for _ in range(3)]
    for _ in range(60):
        desk = chance.choice(desks)
        series, count = chance.choice(["line", "area"]), chance.randrange(12)
        match chance.randrange(6):
            case 0 | 1:
                desk.put(dots(count), series)
            case 2 | 3:
                desk.post(dots(count, first=chance.randrange(30)), series, amend=True)
            case 4:
                desk.change(panes=panes(chance.choice(["line", "area"])))
                desk.change(panes=panes("line", "area"))
            case _:
                person.call("DELETE", desk.path)
                desks[desks.index(desk)] = Desk.of(person)
        assert counted(service.url) <= 60


@pytest.mark.parametrize("size", [1, 3, 15])
def test_at_once_no_more_get_in_than_there_is_room_for(
    serve: Callable[..., Service], size: int
) -> None:
    """To charts of their own, so that nothing else makes them wait for each other."""
    service = serve(points_per_user=20)
    person = service.person()
    free = [Desk.of(person) for _ in range(12)]
    answers = at_once(12, lambda: free.pop().put(dots(size), "line"))
    taken = sum(answer.is_success for answer in answers)
    assert all(answer.is_success or refused(answer) for answer in answers)
    assert taken == min(12, 20 // size)
    assert counted(service.url) == taken * size


async def test_processes_do_not_fill_it_twice(database: Database, database_url: str) -> None:
    """Each has connections of its own to the same database."""
    await ensure_dev_user(database)
    charts = [await new_chart(database) for _ in range(6)]
    most, refusals = 100, list[str]()

    async def fill(chart: str, process: Database) -> None:
        writer = writer_of(process, most_in_all=most)
        for number in range(most + 1):
            body = [orjson.dumps({"time": number, "value": 1})]

            async def read(body: list[bytes] = body) -> list[bytes]:
                return body

            try:
                await writer.append(chart, SERIES, read, Precondition(None), amend=False)
            except Forbidden as error:
                refusals.append(error.code)
                return

    async with AsyncExitStack() as stack:
        processes = [await stack.enter_async_context(Database(database_url)) for _ in range(3)]
        both = zip(charts, processes * 2, strict=True)
        await asyncio.gather(*(fill(chart, process) for chart, process in both))
    assert refusals == ["quota_all_points"] * len(charts)
    assert await asyncio.to_thread(counted, database_url) == most
