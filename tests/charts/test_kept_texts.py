"""The JSON of chunks, kept in one process while others write."""

import anyio
import numpy as np
import orjson
from prometheus_client import Counter

from tests.charts.point_process import SERIES, reader_of, writer_of
from tests.charts.test_series_model import ANYWAY, new_chart
from tests.charts.test_writers import start
from tradeapi.auth.dev import ensure_dev_user
from tradeapi.charts.chunks import POINTS_PER_CHUNK, Window
from tradeapi.charts.cuts import Cut
from tradeapi.charts.kept_texts import KeptTexts
from tradeapi.charts.pages import Page
from tradeapi.charts.points import Points, SeriesType, encode, rows
from tradeapi.charts.targets import Target
from tradeapi.database import Database
from tradeapi.metrics import CACHE_HITS, CACHE_MISSES

POINTS = 300


def line(values: list[float]) -> Points:
    return Points(
        np.arange(len(values), dtype=np.float64),
        np.array(values).reshape(-1, 1),
        np.full(len(values), None, np.object_),
    )


def page(points: Points, key: str = "a series") -> Page:
    """All of a series that is one chunk."""
    target = Target("line", "a chart", key, SeriesType.LINE, None)
    cut = Cut(0.0, len(points), encode(points), 0, len(points))
    return Page(target, points, has_more_before=False, has_more_after=False, cuts=[cut])


def expected(points: Points) -> bytes:
    return orjson.dumps(rows(points, ("value",)))


def hits() -> float:
    return counted(CACHE_HITS)


def misses() -> float:
    return counted(CACHE_MISSES)


def counted(counter: Counter) -> float:
    [metric] = counter.collect()
    return sum(one.value for one in metric.samples if one.labels == {"cache": "points"})


async def test_what_another_process_amends_is_never_shown_as_it_was(
    database: Database, database_url: str
) -> None:
    """Each version has just the points that were amended up to it."""
    await ensure_dev_user(database)
    chart = await new_chart(database)
    reader, texts = reader_of(database), KeptTexts(10_000_000)
    await writer_of(database).put(chart, SERIES, line([0.0] * 2 * POINTS_PER_CHUNK), ANYWAY)
    writer = await start(database_url, chart, 0, step=2, count=POINTS)
    amended = 0
    while amended < POINTS:
        found = await reader.read(chart, SERIES, Window(10_000))
        assert found.state is not None
        items = orjson.loads(await texts.in_json(found, found.points))
        amended = sum(item["value"] == 1 for item in items)
        assert amended == found.state.version - 1
    assert await writer.wait() == 0


async def test_a_chunk_is_written_once_while_it_is_the_same() -> None:
    """One number makes another of it, and another series has its own."""
    texts = KeptTexts(1_000_000)
    first, second = line([1.0] * 100), line([1.0] * 99 + [2.0])
    found = []
    for shown in (page(first), page(first), page(second), page(second), page(first, "another")):
        before = hits()
        assert await texts.in_json(shown, shown.points) == expected(shown.points)
        found.append(hits() - before)
    assert found == [0, 1, 0, 1, 0]


async def test_those_asked_for_last_stay() -> None:
    """Of many as many as there is memory for."""
    texts = KeptTexts(40_000)
    points = line([1.0] * 100)
    names = [str(number) for number in range(100)]
    for name in names:
        await texts.in_json(page(points, name), points)
    found = []
    for name in reversed(names):
        before = hits()
        await texts.in_json(page(points, name), points)
        found.append(hits() - before)
    # With its chunk and its JSON each takes more than 2,000 and less than 8,000.
    kept = int(sum(found))
    assert 5 <= kept <= 20
    assert found == [1] * kept + [0] * (100 - kept)


async def test_of_many_who_ask_at_the_same_time_one_writes() -> None:
    """Where it takes a thread, so that others may come meanwhile."""
    texts, before = KeptTexts(10_000_000), misses()
    points = line([0.5] * 3 * POINTS_PER_CHUNK)
    whole = page(points)
    found = []

    async def read() -> None:
        found.append(await texts.in_json(whole, points))

    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(read)
    assert found == [expected(points)] * 5
    assert misses() == before + 1


async def test_points_that_are_shown_in_their_place_are_not_taken_for_them() -> None:
    """As thinned ones are."""
    texts = KeptTexts(1_000_000)
    points, thinned = line([1.0, 2.0, 3.0]), line([1.0, 3.0])
    whole = page(points)
    assert await texts.in_json(whole, thinned) == expected(thinned)
    assert await texts.in_json(whole, points) == expected(points)
    assert await texts.in_json(whole, thinned) == expected(thinned)
