"""Charts that are streamed, on the test's database, and what a client makes of one."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from math import isclose
from typing import Any

import orjson
from sqlalchemy import select
from sqlalchemy.orm import selectinload

from tests.charts.point_process import bars_of, reader_of, writer_of
from tests.market.places import Market
from tests.streams.authority import Authority
from tests.streams.client import Chart as Topic
from tests.streams.client import Client
from tests.streams.documented import Frame
from tests.streams.live import LiveMarket, live
from tradeapi.auth.dev import DEV_USER
from tradeapi.auth.shares import Shares
from tradeapi.bus.memory import MemoryBus
from tradeapi.bus.port import Bus
from tradeapi.charts.accesses import Accesses
from tradeapi.charts.answers import document
from tradeapi.charts.chunks import Window
from tradeapi.charts.live.channel import ChartsChannel
from tradeapi.charts.live.followed import FollowedCharts
from tradeapi.charts.models import Chart
from tradeapi.charts.schemas import ChartChange, NewChartIn
from tradeapi.charts.service import Charts, Quotas
from tradeapi.charts.texts import in_json
from tradeapi.database import Database
from tradeapi.errors import NotFound
from tradeapi.web.preconditions import Precondition

ANYWAY = Precondition(None)
MOST = 10_000
Json = dict[str, Any]


class Writer:
    """What one process does to the charts of the user dev; `bus` brings the news of it."""

    def __init__(self, database: Database, bus: Bus) -> None:
        self.database = database
        self.bus = bus
        self._points = writer_of(database, bus)

    async def create(self, panes: Sequence[Json]) -> str:
        async with self.database.transaction() as session:
            new = NewChartIn.model_validate({"panes": panes})
            return str((await self._charts(session).create(new)).id)

    async def change(self, chart: str, **fields: object) -> None:
        async with self.database.transaction() as session:
            change = ChartChange.model_validate(fields)
            await self._charts(session).change(chart, change, ANYWAY)

    async def delete(self, chart: str) -> None:
        async with self.database.transaction() as session:
            await self._charts(session).delete(chart, ANYWAY)

    async def put(self, chart: str, series: str, points: Sequence[Json]) -> None:
        await self._points.replace(chart, series, _body(points), ANYWAY)

    async def post(
        self, chart: str, series: str, points: Sequence[Json], *, amend: bool = False
    ) -> None:
        await self._points.append(chart, series, _body(points), ANYWAY, amend=amend)

    def _charts(self, session: Any) -> Charts:
        quotas = Quotas(charts=100, series=50, points=1_000_000)
        return Charts(session, self.bus, DEV_USER, quotas, 0.0, expires=False)


class LiveCharts(Writer):
    """One process."""

    def __init__(self, market: LiveMarket, bus: Bus, shares: Shares | None = None) -> None:
        super().__init__(market.market.database, bus)
        self.market = market
        self._shares = shares
        # Whose news nobody hears.
        self.silent = Writer(self.database, MemoryBus())

    @property
    def url(self) -> str:
        return self.market.url

    def share(self, chart: str) -> str:
        """The token of one."""
        assert self._shares is not None
        return self._shares.make(DEV_USER, [chart], days=1).token

    async def points(self, chart: str, series: str) -> list[Json]:
        """As HTTP answers them."""
        try:
            page = await reader_of(self.database).read(chart, series, Window(MOST))
        except NotFound as error:
            if error.code == "unknown_symbol":
                return []
            raise
        points: list[Json] = orjson.loads(await in_json(page.points, page.target.type.columns))
        return points

    async def agrees(self, drawn: "Drawn") -> bool:
        """Whether it is the newest part of what HTTP answers, and the document is the same."""
        async with self.database.reading() as session:
            chosen = select(Chart).options(selectinload(Chart.series))
            chart = await session.scalar(chosen.where(Chart.owner_id == DEV_USER))
            assert chart is not None
            document_now = orjson.loads(document(chart, 0))
        if without_points(drawn.document) != without_points(document_now):
            return False
        if drawn.series.keys() != {one.name for one in chart.series}:
            return False
        computed = {one.name for one in chart.series if b'"indicator"' in (one.source or b"")}
        for name, points in drawn.series.items():
            real = await self.points(str(chart.id), name)
            begin = min(points, default=float("inf"))
            if name in drawn.whole:
                begin = float("-inf")
            kept = [point for point in real if point["time"] >= begin]
            if name in computed and not are_alike([*points.values()], kept):
                return False
            if name not in computed and [*points.values()] != kept:
                return False
        return True


def are_alike(points: Sequence[Json], others: Sequence[Json]) -> bool:
    """To the 1e-9 that indicators are good for."""
    return [point["time"] for point in points] == [point["time"] for point in others] and all(
        isclose(one["value"], other["value"], rel_tol=1e-9, abs_tol=1e-7)
        for one, other in zip(points, others, strict=True)
    )


class Drawn(Topic):
    """One chart, as a client that follows the rules for clients holds it."""

    def __init__(self) -> None:
        super().__init__()
        self.document: Json = {}
        self.series: dict[str, dict[float, Json]] = {}
        # Those of which all points are held.
        self.whole: set[str] = set()

    def apply(self, frame: Frame) -> None:
        self.kinds.append(frame["type"])
        match frame["type"]:
            case "snapshot":
                assert frame["epoch"] != self.epoch or frame["seq"] >= self.seq
                self.epoch, self.is_reset = frame["epoch"], False
                self.document = frame["chart"]
                assert frame["series"].keys() == self.names
                self.series = {}
                for name, shown in frame["series"].items():
                    self._begin(name, shown)
            case "reset":
                self.is_reset = True
                return
            case "error":
                self.epoch = ""
                return
            case "resumed":
                assert (frame["epoch"], frame["from"]) == (self.epoch, self.seq + 1)
                return
            case type:
                assert not self.is_reset, "after a reset there is nothing but a snapshot"
                assert frame["seq"] > self.seq
                assert frame["prev"] < frame["seq"]
                {"points": self._points, "series": self._series, "chart": self._chart}[type](frame)
        self.seq = frame["seq"]

    @property
    def names(self) -> set[str]:
        return {series["id"] for pane in self.document["panes"] for series in pane["series"]}

    def _begin(self, name: str, shown: Mapping[str, Any]) -> None:
        times = [point["time"] for point in shown["points"]]
        assert times == sorted(set(times))
        self.series[name] = {point["time"]: point for point in shown["points"]}
        self.whole -= {name}
        if not shown["has_more_before"]:
            self.whole.add(name)

    def _series(self, frame: Frame) -> None:
        assert frame["series"] in self.names
        self._begin(frame["series"], frame)

    def _points(self, frame: Frame) -> None:
        name, points = frame["series"], self.series[frame["series"]]
        for point in frame["points"]:
            time, last = point["time"], max(points, default=None)
            if last is None or time >= last:
                points[time] = point
                continue
            assert frame["revise"], "cannot update oldest data"
            if name in self.whole or time >= min(points):
                points[time] = point
        self.series[name] = dict(sorted(points.items()))

    def _chart(self, frame: Frame) -> None:
        assert frame["version"] == frame["chart"]["version"] > self.document["version"]
        self.document = frame["chart"]
        self.series = {name: self.series.get(name, {}) for name in self.names}
        # One that is new has no points.
        self.whole |= {name for name, points in self.series.items() if not points}


def without_points(chart: Json) -> Json:
    """What a change of points does not change, nor asking for them."""
    panes = [
        {**pane, "series": [{**one, **dict.fromkeys(OF_POINTS)} for one in pane["series"]]}
        for pane in chart["panes"]
    ]
    return {**chart, "panes": panes, "expires_at": None}


OF_POINTS = ("count", "first_time", "last_time", "version")


def _body(points: Sequence[Json]) -> Any:
    async def read() -> list[bytes]:
        return [orjson.dumps(points)]

    return read


async def draw(guest: Client, chart: str, **options: object) -> Drawn:
    """Follow the chart; returns when it has its snapshot."""
    drawn = guest.charts[f"charts:{chart}"] = Drawn()
    await guest.say(op="subscribe", topics=[f"charts:{chart}"], **options)
    ack = await guest.hear_type("ack")
    assert ack["rejected"] == []
    await guest.hear_until(lambda: bool(drawn.epoch) and not drawn.is_reset)
    return drawn


@asynccontextmanager
async def live_charts(
    database: Database, *, place: Market | None = None, bus: Bus | None = None
) -> AsyncIterator[LiveCharts]:
    """Another one on the same database is another process."""
    place, bus = place or Market(database), bus or MemoryBus()
    authority = Authority(database, is_open=True)
    async with live(database, market=place, bus=bus, authority=authority) as market:
        accesses = Accesses(database, place.clock)
        async with FollowedCharts(
            database, bus, market.hub, place.directory, bars_of(place), accesses, ttl=0
        ) as followed:
            market.hub.register("charts", ChartsChannel(followed))
            yield LiveCharts(market, bus, authority.shares)
