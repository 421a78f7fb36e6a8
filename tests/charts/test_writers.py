"""Several who write to one chart at the same time, as on several processes."""

import asyncio
import sys
from pathlib import Path

import anyio
import httpx2
import pytest

from tests.auth.people import at_once
from tests.charts.desks import FIRST, Desk, candles, dots, times
from tests.charts.point_process import SERIES, reader_of, writer_of
from tests.charts.test_series_model import ANYWAY, Item, body, new_chart
from tradeapi.auth.dev import ensure_dev_user
from tradeapi.charts.chunks import Window
from tradeapi.charts.targets import State
from tradeapi.database import Database

ROOT = Path(__file__).parents[2]


async def start(
    url: str, chart: str, first: int, *, step: int = 1, count: int = 300
) -> asyncio.subprocess.Process:
    command = sys.executable, "-m", "tests.charts.point_process"
    numbers = map(str, (first, step, count))
    return await asyncio.create_subprocess_exec(
        *command, url, chart, *numbers, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )


def dot(time: int) -> Item:
    return {"time": time, "value": 1}


async def revision(database: Database) -> int:
    """That of the only chart."""
    async with database.read() as raw:
        [(number,)] = await raw.fetch("SELECT revision FROM charts")
    return int(number)


async def test_two_processes_lose_no_point(database: Database, database_url: str) -> None:
    """One sends every other point, and the other the rest."""
    await ensure_dev_user(database)
    chart = await new_chart(database)
    writers = [await start(database_url, chart, first, step=2) for first in (0, 1)]
    await asyncio.gather(*[writer.communicate() for writer in writers])
    assert [writer.returncode for writer in writers] == [0, 0]
    page = await reader_of(database).read(chart, SERIES, Window(10_000))
    assert page.points.time.tolist() == [*range(600)]
    assert page.state is not None
    assert (page.state.count, page.state.version) == (600, 600)
    assert await revision(database) == 600


@pytest.mark.parametrize("told", [1, 30, 77])
async def test_a_writer_that_is_killed_has_lost_nothing_it_has_told(
    database: Database, database_url: str, told: int
) -> None:
    """At the most there is one point more; whoever comes next goes on where it is."""
    await ensure_dev_user(database)
    chart = await new_chart(database)
    writer = await start(database_url, chart, 0, count=100_000)
    assert writer.stdout is not None
    for _ in range(told):
        await writer.stdout.readline()
    writer.kill()
    rest, _ = await writer.communicate()
    told += rest.count(b"\n")
    page = await reader_of(database).read(chart, SERIES, Window(10_000))
    count = len(page.points)
    assert count in {told, told + 1}
    assert page.points.time.tolist() == [*range(count)]
    assert page.state == State(count, 0, count - 1, count)
    assert await revision(database) == count
    _, state = await writer_of(database).append(
        chart, SERIES, body([dot(count)]), ANYWAY, amend=False
    )
    assert state == State(count + 1, 0, count, count + 1)


async def test_tasks_of_one_process_lose_no_point(database: Database) -> None:
    """Each sends its own to the same series, some of them the last one again."""
    await ensure_dev_user(database)
    chart = await new_chart(database)
    writer = writer_of(database)
    times = iter(range(200))

    async def write() -> None:
        for time in times:
            for _ in range(2):
                await writer.append(chart, SERIES, body([dot(time)]), ANYWAY, amend=True)

    async with anyio.create_task_group() as tasks:
        for _ in range(4):
            tasks.start_soon(write)
    page = await reader_of(database).read(chart, SERIES, Window(10_000))
    assert page.points.time.tolist() == [*range(200)]
    assert page.state == State(200, 0, 199, 400)
    assert await revision(database) == 400


async def test_readers_see_whole_updates(database: Database) -> None:
    """What a series says of itself is of the points that come with it, while others are added."""
    await ensure_dev_user(database)
    chart = await new_chart(database)
    reader, writer = reader_of(database), writer_of(database)
    seen = set()

    async def look() -> None:
        while True:
            page = await reader.read(chart, SERIES, Window(10_000))
            assert page.state is not None
            assert page.points.time.tolist() == [*range(page.state.count)]
            assert page.state.version == page.state.count
            seen.add(page.state.count)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(look)
        for time in range(150):
            await writer.append(chart, SERIES, body([dot(time)]), ANYWAY, amend=False)
        tasks.cancel_scope.cancel()
    assert len(seen) > 1


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
