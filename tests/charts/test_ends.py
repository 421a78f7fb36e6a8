"""The ends of series that are at hand, and what others have changed meanwhile."""

import sqlite3

import anyio
import numpy as np
import pytest

from tests.charts.live import ANYWAY, Writer
from tests.charts.point_process import SERIES
from tests.charts.test_series_model import new_chart
from tradeapi.auth.dev import DEV_USER, ensure_dev_user
from tradeapi.bus.memory import MemoryBus
from tradeapi.charts import ends
from tradeapi.charts.ends import End, Ends, Place, find_end
from tradeapi.charts.points import Points, encode
from tradeapi.charts.usage import MUCH_ROOM
from tradeapi.database import Database
from tradeapi.errors import Invalid, NotFound
from tradeapi.metrics import CACHE_HITS, CACHE_MISSES
from tradeapi.web.preconditions import Precondition

MOST = 100
PANES = [{"series": [{"id": SERIES, "type": "line"}]}]
CANDLES = [{"series": [{"id": SERIES, "type": "candlestick"}]}]
CANDLE = {"open": 1, "high": 1, "low": 1, "close": 1}


def points(*times: float) -> Points:
    return Points(np.array(times), np.ones((len(times), 1)), np.full(len(times), None, np.object_))


def ends_of(database: Database) -> Ends:
    """With room."""
    return Ends(database, most_in_all=2 * MUCH_ROOM)


async def read(database: Database, place: Place) -> End:
    async with database.read() as raw:
        _, _, end = await find_end(raw, *place)
    assert end is not None
    return end


@pytest.fixture
async def writers(database: Database) -> tuple[Writer, Writer]:
    """Two processes."""
    await ensure_dev_user(database)
    return Writer(database, MemoryBus()), Writer(database, MemoryBus())


@pytest.fixture
async def place(writers: tuple[Writer, Writer]) -> Place:
    """A series with one point."""
    chart = await writers[0].create(PANES)
    await writers[0].post(chart, SERIES, [{"time": 1, "value": 1}])
    return DEV_USER, chart, SERIES


async def test_what_is_at_hand_is_what_there_is(database: Database, place: Place) -> None:
    """Of the points that were added and of the last one, replaced."""
    here = ends_of(database)
    end = await read(database, place)
    for new in (points(2), points(2), points(3, 4, 5)):
        found = await here.extend(place, end, new, ANYWAY, most=MOST)
        assert found is not None
        taken = here.take(place)
        assert taken is not None
        kept = await read(database, place)
        assert (taken.target, taken.state) == (kept.target, kept.state)
        assert encode(taken.tail) == encode(kept.tail)
        assert found == (kept.state.version, taken)
        end = taken
    assert here.take(place) is None


async def test_of_two_who_know_the_same_one_is_too_late(database: Database, place: Place) -> None:
    """Nothing of what comes too late is done."""
    end = await read(database, place)
    first, second = ends_of(database), ends_of(database)
    assert await first.extend(place, end, points(2), ANYWAY, most=MOST) is not None
    assert await second.extend(place, end, points(3), ANYWAY, most=MOST) is None
    kept = await read(database, place)
    assert kept.tail.time.tolist() == [1, 2]
    async with database.read() as raw:
        assert [tuple(row) for row in await raw.fetch("SELECT revision FROM charts")] == [(2,)]


async def test_of_many_who_know_the_same_one_is_in_time(database: Database, place: Place) -> None:
    """However they wait for one another."""
    end = await read(database, place)
    found = []

    async def extend(time: float) -> None:
        found.append(await ends_of(database).extend(place, end, points(time), ANYWAY, most=MOST))

    async with anyio.create_task_group() as tasks:
        for time in range(2, 8):
            tasks.start_soon(extend, time)
    [one] = [each for each in found if each is not None]
    kept = await read(database, place)
    assert kept.state == one[1].state
    assert one[0] == 2


@pytest.mark.parametrize(
    "new", [points(), points(0.5), points(*range(1, 60))], ids=["none", "older", "too many"]
)
async def test_some_points_take_a_transaction(
    database: Database, place: Place, new: Points
) -> None:
    """Those that do not just come at the end, or are more than its chunk has room for."""
    end = await read(database, place)
    assert await ends_of(database).extend(place, end, new, ANYWAY, most=MOST) is None


async def test_what_may_have_to_be_refused_takes_a_transaction(
    database: Database, place: Place
) -> None:
    """More than there may be, in the series or in all, and what `If-Match` names no more."""
    here, end = ends_of(database), await read(database, place)
    full = Ends(database, most_in_all=MUCH_ROOM)
    assert await full.extend(place, end, points(2), ANYWAY, most=MOST) is None
    assert await here.extend(place, end, points(2), ANYWAY, most=1) is None
    assert await here.extend(place, end, points(2), Precondition('"x"'), most=MOST) is None
    assert await here.extend(place, end, points(1), ANYWAY, most=1) is not None


async def test_those_written_last_are_at_hand(
    database: Database, writers: tuple[Writer, Writer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No more of them than there is room for."""
    monkeypatch.setattr(ends, "MOST_KEPT", 2)
    here = ends_of(database)
    places = [(DEV_USER, await new_chart(database), SERIES) for _ in range(3)]
    for one in places:
        await writers[0].post(one[1], SERIES, [{"time": 1, "value": 1}])
        await here.extend(one, await read(database, one), points(2), ANYWAY, most=MOST)
    assert [here.take(one) is not None for one in places] == [False, True, True]


async def test_it_is_counted_how_often_an_end_is_at_hand(
    writers: tuple[Writer, Writer], place: Place
) -> None:
    """One that somebody else has written beyond has to be read, like one that is not there."""
    here, there = writers
    before = counted()
    for time, writer in enumerate((here, here, there, here), 2):
        await writer.post(place[1], SERIES, [{"time": time, "value": 1}])
    assert [now - then for now, then in zip(counted(), before, strict=True)] == [1, 3]


def counted() -> list[float]:
    """Hits and misses."""
    found = (metric.collect() for metric in (CACHE_HITS, CACHE_MISSES))
    return [
        sum(one.value for one in metric.samples if one.labels == {"cache": "ends"})
        for [metric] in found
    ]


async def test_who_waits_for_a_transaction_finds_another_version(
    database: Database, place: Place
) -> None:
    """Or gives up soon, and does nothing: what a transaction has begun is never lost."""
    end = await read(database, place)
    found = []

    async def extend() -> None:
        found.append(await ends_of(database).extend(place, end, points(2), ANYWAY, most=MOST))

    async with anyio.create_task_group() as tasks, database.transaction() as session:
        connection = await session.connection()
        await connection.exec_driver_sql("UPDATE charts SET revision = revision + 1")
        await connection.exec_driver_sql("UPDATE chart_series SET version = version + 1")
        tasks.start_soon(extend)
        await anyio.sleep(0.01)
    assert found == [None]
    assert (await read(database, place)).state.version == end.state.version + 1


async def test_what_is_written_together_is_written_as_a_whole(sqlite_url: str) -> None:
    """Nothing is, where a statement finds nothing or fails; whatever comes next is as good."""
    async with Database(sqlite_url) as database:
        await ensure_dev_user(database)
        await Writer(database, MemoryBus()).create(PANES)
        rise = ("UPDATE charts SET revision = revision + 1 RETURNING revision",)
        none = ("UPDATE charts SET version = 9 WHERE title = $1 RETURNING id", "none")
        assert await database.together(rise, none) is None
        with pytest.raises(sqlite3.OperationalError):
            await database.together(rise, ("UPDATE nothing",))
        found = await database.together(rise, rise)
        assert found is not None
        assert [*found[0]] == [2]


async def test_a_series_of_another_type_takes_what_fits_it(
    writers: tuple[Writer, Writer], place: Place
) -> None:
    """Though it was a line when this process saw it last."""
    here, there = writers
    _, chart, series = place
    await here.post(chart, series, [{"time": 2, "value": 1}])
    await there.put(chart, series, [])
    await there.change(chart, panes=CANDLES)
    with pytest.raises(Invalid):
        await here.post(chart, series, [{"time": 3, "open": 1}])
    await here.post(chart, series, [{"time": 3, **CANDLE}])
    for time in (3, 4):
        await there.post(chart, series, [{"time": time, **CANDLE}])
        await here.post(chart, series, [{"time": time, **CANDLE}])


async def test_points_for_a_chart_that_is_gone_are_refused(
    writers: tuple[Writer, Writer], place: Place
) -> None:
    """Whether or not they are any good."""
    here, there = writers
    _, chart, series = place
    await here.post(chart, series, [{"time": 2, "value": 1}])
    await there.delete(chart)
    for item in ({"time": 3, "value": 1}, {"value": "x"}):
        with pytest.raises(NotFound):
            await here.post(chart, series, [item])


async def test_a_series_that_is_another_one_now_begins_anew(
    writers: tuple[Writer, Writer], place: Place
) -> None:
    """It has been removed, and one with its name was added."""
    here, there = writers
    _, chart, series = place
    await here.post(chart, series, [{"time": 2, "value": 1}])
    await there.change(chart, panes=[])
    await there.change(chart, panes=PANES)
    await here.post(chart, series, [{"time": 1, "value": 2}])
    kept = await read(here.database, place)
    assert (kept.state.count, kept.state.version) == (1, 1)


async def test_a_line_may_become_an_area(writers: tuple[Writer, Writer], place: Place) -> None:
    """Its points stay, and those who have it at hand go on."""
    here, there = writers
    _, chart, series = place
    await here.post(chart, series, [{"time": 2, "value": 1}])
    await there.change(chart, panes=[{"series": [{"id": SERIES, "type": "area"}]}])
    await here.post(chart, series, [{"time": 3, "value": 1}])
    kept = await read(here.database, place)
    assert (kept.target.type, kept.state.count) == ("area", 3)


async def test_a_name_is_of_another_chart_now(
    database: Database, writers: tuple[Writer, Writer]
) -> None:
    """What is at hand under it is of the one that had it."""
    here = writers[0]
    before = await here.create(PANES)
    await here.change(before, name="desk")
    for time in (1, 2):
        await here.post("desk", SERIES, [{"time": time, "value": 1}])
    await writers[1].change(before, name="old")
    with pytest.raises(NotFound):
        await here.post("desk", SERIES, [{"time": 3, "value": 1}])
    now = await writers[1].create(PANES)
    await writers[1].change(now, name="desk")
    await here.post("desk", SERIES, [{"time": 4, "value": 1}])
    ended = [(await read(database, (DEV_USER, one, SERIES))).tail.time for one in (before, now)]
    assert [times.tolist() for times in ended] == [[1, 2], [4]]
