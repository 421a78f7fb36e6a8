"""Series against a model in plain Python, under random changes and with small chunks."""

from collections.abc import Callable, Coroutine
from math import floor, inf
from random import Random
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest

from tests.charts.point_process import reader_of, writer_of
from tradeapi.auth.dev import DEV_USER, ensure_dev_user
from tradeapi.bus.memory import MemoryBus
from tradeapi.charts import chunks
from tradeapi.charts.chunks import Window
from tradeapi.charts.kept_texts import KeptTexts
from tradeapi.charts.point_writer import PointWriter
from tradeapi.charts.points import rows
from tradeapi.charts.schemas import NewChartIn
from tradeapi.charts.service import Charts, Quotas
from tradeapi.charts.targets import State, Target
from tradeapi.database import Database
from tradeapi.errors import Conflict, Stale
from tradeapi.web.preconditions import Precondition

CHANGES = 60
ANYWAY = Precondition(None)
Item = dict[str, Any]
Body = Callable[[], Coroutine[Any, Any, list[bytes]]]


def body(items: list[Item]) -> Body:
    async def read() -> list[bytes]:
        text = orjson.dumps(items)
        return [text[:3], text[3:]]

    return read


class Trial:
    """One series, kept twice; several processes write it, one of them most of the time."""

    def __init__(self, database: Database, chart: str, random: Random) -> None:
        self.reader = reader_of(database)
        self.writers = [writer_of(database) for _ in range(2)]
        self.chart = chart
        self.random = random
        # So few that some are given up all the time.
        self.texts = KeptTexts(40_000)
        self.model: dict[float, Item] = {}
        self.version = 0
        self.etags = ['"none"']

    @property
    def writer(self) -> PointWriter:
        return self.random.choice([*self.writers, *[self.writers[0]] * 3])

    async def change(self) -> None:
        changes = [self.put, *[self.append] * 8, *[self.amend] * 4, *[self.form] * 8]
        await self.random.choice(changes)()
        await self.check()

    async def put(self) -> None:
        items = self.items(self.random.randrange(400), self.random.choice([0, 1, 5, 30, 100]))
        written = await self.writer.replace(self.chart, "line", body(items), ANYWAY)
        self.model = {item["time"]: item for item in items}
        self.version += 1
        self.note(*written)

    async def form(self) -> None:
        """The last point again, or one after it."""
        last = max(self.model, default=200.0)
        time = last + self.random.choice([0, 0, 1])
        await self.post([{"time": time, "value": self.random.random()}], amend=False)

    async def append(self) -> None:
        last = max(self.model, default=200.0)
        items = self.items(floor(last) + 1, self.random.choice([0, 1, 1, 2, 9, 40]))
        if self.random.random() < 0.5:
            items = [{"time": last, "value": self.random.random()}, *items]
        await self.post(items, amend=False)

    async def post(self, items: list[Item], *, amend: bool) -> None:
        """Some of the time with `If-Match`, that of an older version now and then."""
        if self.random.random() < 0.1:
            stale = Precondition(self.random.choice(self.etags[:-1] or self.etags))
            with pytest.raises(Stale):
                await self.writer.append(self.chart, "line", body(items), stale, amend=amend)
        known = Precondition(self.etags[-1]) if self.version else ANYWAY
        precondition = self.random.choice([ANYWAY, known])
        written = await self.writer.append(
            self.chart, "line", body(items), precondition, amend=amend
        )
        self.model |= {item["time"]: item for item in items}
        self.version += bool(items)
        self.note(*written)

    def note(self, target: Target, state: State) -> None:
        times = sorted(self.model)
        first, last = (times[0], times[-1]) if times else (None, None)
        assert state == State(len(times), first, last, self.version)
        if self.etags[-1] != state.etag(target):
            self.etags.append(state.etag(target))

    async def amend(self) -> None:
        items = self.items(self.random.randrange(400), self.random.choice([1, 1, 7, 60]))
        if self.model and items and items[0]["time"] < max(self.model):
            with pytest.raises(Conflict):
                await self.writer.append(self.chart, "line", body(items), ANYWAY, amend=False)
        await self.post(items, amend=True)

    def items(self, start: int, count: int) -> list[Item]:
        """Half of the time half of a second later, some with a colour or without a value."""
        chosen = [start + number for number in range(count) if self.random.random() < 0.9]
        return [
            {
                "time": time + self.random.choice([0, 0.5]),
                **self.random.choice([{}, {"value": self.random.random()}]),
                **self.random.choice([{}, {"color": self.random.choice("rgb")}]),
            }
            for time in chosen
        ]

    async def check(self) -> None:
        """Everything, and a page of it."""
        after, before = sorted((self.random.uniform(0, 500), self.random.uniform(0, 500)))
        after, before = self.random.choice([after, -inf]), self.random.choice([before, inf])
        limit = self.random.choice([1, 3, 20, 1000])
        for window in (
            Window(10_000),
            Window(limit, after, before),
            Window(limit, after, before, earliest=True),
        ):
            await self.check_page(window)

    async def check_page(self, window: Window) -> None:
        times = sorted(self.model)
        inside = [time for time in times if window.after < time < window.before]
        kept = inside[: window.limit] if window.earliest else inside[-window.limit :]
        page = await self.reader.read(self.chart, "line", window)
        text = orjson.dumps(rows(page.points, ("value",)))
        assert orjson.loads(text) == [self.model[time] for time in kept], window
        assert await self.texts.in_json(page, page.points) == text
        assert page.state is not None
        self.note(page.target, page.state)
        low, high = (kept[0], kept[-1]) if kept else (window.before, window.after)
        if kept:
            assert page.has_more_before == any(time < low for time in times)
            assert page.has_more_after == any(time > high for time in times)
        else:
            assert page.has_more_before == any(time <= window.after for time in times)
            assert page.has_more_after == any(time >= window.before for time in times)


async def new_chart(database: Database) -> str:
    quotas = Quotas(charts=100, series=10, points=1_000_000)
    document = {"panes": [{"series": [{"id": "line", "type": "line"}]}], "name": uuid4().hex}
    async with database.transaction() as session:
        charts = Charts(session, MemoryBus(), DEV_USER, quotas, 0.0, expires=False)
        chart = await charts.create(NewChartIn.model_validate(document))
    return str(UUID(str(chart.id)))


@pytest.mark.parametrize("seed", range(8))
async def test_a_series_is_what_was_pushed_to_it(
    database: Database, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Whatever comes in whatever order, any page of it is right."""
    monkeypatch.setattr(chunks, "POINTS_PER_CHUNK", 16)
    monkeypatch.setattr(chunks, "TAIL", 6)
    monkeypatch.setattr(chunks, "KEEP", 2)
    await ensure_dev_user(database)
    trial = Trial(database, await new_chart(database), Random(seed))
    for _ in range(CHANGES):
        await trial.change()


async def test_points_that_come_one_by_one_make_full_chunks(database: Database) -> None:
    """So that a series which was never sent as a whole is read as quickly."""
    await ensure_dev_user(database)
    writer = writer_of(database)
    chart = await new_chart(database)
    for start in range(0, 9000, 50):
        items = [{"time": start + number, "value": 1} for number in range(50)]
        await writer.append(chart, "line", body(items), ANYWAY, amend=False)
    async with database.read() as raw:
        counts = [row[0] for row in await raw.fetch(_COUNTS)]
    assert counts[:4] == [chunks.POINTS_PER_CHUNK] * 4
    assert counts[-1] <= chunks.TAIL
    assert sum(counts) == 9000


_COUNTS = "SELECT count FROM chart_points ORDER BY start"
