"""Several who write to one chart at the same time, as on several processes."""

import asyncio
import sys
from pathlib import Path

import httpx2
import pytest

from tests.auth.people import at_once
from tests.charts.desks import FIRST, Desk, candles, dots, times
from tests.charts.point_process import SERIES, series_of
from tests.charts.test_series_model import new_chart
from tradeapi.auth.dev import ensure_dev_user
from tradeapi.charts.chunks import Window
from tradeapi.database import Database

ROOT = Path(__file__).parents[2]


async def start(url: str, chart: str, first: int) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.charts.point_process", url, chart, str(first),
        cwd=ROOT,
    )  # fmt: skip


async def test_two_processes_lose_no_point(database: Database, database_url: str) -> None:
    """One sends every other point, and the other the rest."""
    await ensure_dev_user(database)
    chart = await new_chart(database)
    writers = [await start(database_url, chart, first) for first in (0, 1)]
    assert [await writer.wait() for writer in writers] == [0, 0]
    page = await series_of(database).read(chart, SERIES, Window(10_000))
    assert page.points.time.tolist() == [*range(600)]
    assert page.state is not None
    assert (page.state.count, page.state.version) == (600, 600)


@pytest.mark.parametrize("count", [10, 5000])
def test_whoever_sets_all_points_at_once_wins_as_a_whole(desk: Desk, count: int) -> None:
    """Nothing of the others is left, and what the series says of itself is right."""
    numbers = iter(range(1, 100))
    bodies = [dots(count + one, first=one) for one in numbers if one < 5]
    at_once(4, lambda: desk.put(bodies.pop(), "line"))
    page = desk.read("?count=10000", "line")
    assert page["version"] == 4
    first = round((times(page["items"])[0] - FIRST) / 60)
    assert page["items"] == dots(count + first, first=first)
    assert page["count"] == len(page["items"])


def test_points_and_documents_change_at_the_same_time(desk: Desk) -> None:
    """The series stays, and nothing of either is lost."""
    numbers = iter(range(20))

    def change() -> httpx2.Response:
        return desk.post(candles(0)) if next(numbers) % 2 else desk.change(title="x")

    answers = at_once(20, change)
    assert {answer.status_code for answer in answers} == {200}
    chart = desk.chart()
    assert (chart["version"], chart["title"]) == (11, "x")
    assert desk.series("candlestick")["version"] == 10
