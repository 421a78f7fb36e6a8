"""Indicators of a chart that is followed are what HTTP answers, whatever happens beneath them."""

import random
import threading
from collections.abc import Sequence

import anyio
import pytest

from tests.charts.desks import Json, candle, candles, dots
from tests.charts.live import LiveCharts, draw, live_charts
from tests.charts.test_live_is_history import COIN, SOURCE, Author, follow, wander
from tests.market.places import MONDAY
from tests.streams.client import client
from tradeapi.analytics.live_studies import LiveStudy
from tradeapi.analytics.points import Columns
from tradeapi.analytics.studies import Study
from tradeapi.auth.dev import ensure_dev_user
from tradeapi.charts.live import carried
from tradeapi.charts.points import SeriesType
from tradeapi.database import Database
from tradeapi.market.resolutions import Resolution

pytestmark = pytest.mark.anyio

MINUTE = Resolution.MINUTE


@pytest.fixture(autouse=True)
async def dev_user(database: Database) -> None:
    """Whose all charts are here."""
    await ensure_dev_user(database)


def study(id: str, indicator: str, of: str, output: str | None = None, **params: float) -> Json:
    source = {"indicator": indicator, "of": of, "params": params, "output": output}
    return {"id": id, "type": "line", "source": source}


def coin(type: str = "candlestick") -> Json:
    return {"id": "coin", "type": type, "source": SOURCE}


async def bars(charts: LiveCharts, count: int) -> None:
    """Minutes of the coin, up to now."""
    listing = await charts.market.market.add(COIN)
    chance = random.Random(count)
    rows = []
    for number in range(count):
        price = chance.randint(90, 110)
        time = MONDAY - 60 * (count - number)
        rows.append((time, price, price + 2.0, price - 1.0, price + 0.5, chance.randint(1, 9)))
    await charts.market.post(listing, MINUTE, rows)


async def trade(charts: LiveCharts, time: float, price: float) -> None:
    listing = await charts.market.market.directory.get(COIN)
    charts.market.clock.time = max(charts.market.clock.time, time)
    await charts.market.trade(listing, [(time, price, 2.0)])


class Analyst(Author):
    """Has indicators over pushed points and over bars, and over one another."""

    PUSHED = (
        study("sma", "sma", "a", period=2),
        study("ema", "ema", "sma", period=2),
        study("upper", "bollinger", "a", "upper", period=3),
    )
    BOUND = (
        study("rsi", "rsi", "coin", period=3),
        study("smooth", "ema", "rsi", period=3),
        study("signal", "macd", "coin", "signal", fast=2, slow=3, signal=2),
        study("atr", "atr", "coin", period=2),
        study("vwap", "vwap", "coin"),
        study("obv", "obv", "coin"),
    )

    async def _arrange(self) -> None:
        """Some of them go, and come again; what is beneath changes its type."""
        await self._writer.change(self._chart, panes=self.panes(self._chance))

    @classmethod
    def panes(cls, chance: random.Random) -> list[Json]:
        types = [SeriesType.LINE, SeriesType.AREA]
        series: list[Json] = [{"id": name, "type": chance.choice(types)} for name in "ab"]
        series += cls.PUSHED[: chance.choice([1, 2, 3])]
        if chance.random() < 0.8:
            series += [coin(), *cls.BOUND[: chance.choice([2, 6, 6])]]
        return [{"series": series}]

    def _points(self, start: int, count: int) -> list[dict[str, object]]:
        points = super()._points(start, count)
        return [
            point if self._chance.random() < 0.9 else {"time": point["time"]} for point in points
        ]

    async def _trade(self) -> None:
        if self._chance.random() < 0.1:
            await self._correct()
            return
        if self._chance.random() < 0.03:
            # Another session.
            self._market.clock.time += 50_000
        await super()._trade()

    async def _correct(self) -> None:
        """Older bars are posted, or are gone."""
        listing = await self._market.market.directory.get(COIN)
        time = MONDAY - 60 * self._chance.randint(1, 60)
        if self._chance.random() < 0.5:
            await self._market.delete(listing, MINUTE, time, time + 120)
        else:
            await self._market.post(listing, MINUTE, [(time, 99.0, 101.0, 98.0, 100.0, 3.0)])


async def test_indicators_that_are_followed_are_what_http_answers(database: Database) -> None:
    """Ticks, late ticks, backfills, points that come and change, and documents that do."""
    chance = random.Random(3)
    async with live_charts(database) as charts:
        await bars(charts, 40)
        chart = await charts.create(Analyst.panes(chance))
        writers = [charts] * 9 + [charts.silent]
        analyst = Analyst(writers, charts, chart, chance, is_bound=True)
        async with anyio.create_task_group() as everybody:
            everybody.start_soon(analyst.write)
            everybody.start_soon(follow, charts, chart)
            everybody.start_soon(wander, [charts], chart, chance)

            async def throttled() -> None:
                await follow(charts, chart, throttle_ms=50, history=20)

            everybody.start_soon(throttled)


async def test_an_indicator_moves_with_the_bar_that_forms(database: Database) -> None:
    """Its value comes with each trade; once the bar has closed the next builds on it."""
    async with live_charts(database) as charts, client(charts.url) as guest:
        await bars(charts, 30)
        chart = await charts.create([{"series": [coin(), study("sma", "sma", "coin", period=2)]}])
        drawn = await draw(guest, chart, history=5)
        assert len(drawn.series["sma"]) == 5
        assert "sma" not in drawn.whole
        for second, price in ((1, 100.0), (2, 104.0), (61, 102.0)):
            await trade(charts, MONDAY + second, price)
        await guest.hear_until(lambda: MONDAY + 60 in drawn.series["sma"])
        assert drawn.series["sma"][MONDAY + 60]["value"] == pytest.approx(103)
        assert "series" not in drawn.kinds
        assert await charts.agrees(drawn)


async def test_what_is_traded_while_an_indicator_is_opened_is_in_it(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bars that came after its history was read, and before it was computed."""
    has_read, may_go_on = threading.Event(), threading.Event()

    class Slow(LiveStudy):
        def __init__(self, study: Study, columns: Columns) -> None:
            super().__init__(study, columns)
            has_read.set()
            may_go_on.wait(5)

    monkeypatch.setattr(carried, "LiveStudy", Slow)
    async with live_charts(database) as charts, client(charts.url) as guest:
        await bars(charts, 30)
        chart = await charts.create([{"series": [coin(), study("sma", "sma", "coin", period=2)]}])

        async def trade_meanwhile() -> None:
            await anyio.to_thread.run_sync(has_read.wait, 5)
            async with client(charts.url) as other:
                topic = f"bars:{COIN}:1m:raw"
                await other.say(op="subscribe", topics=[topic])
                await other.hear_type("snapshot")
                for second in (1, 61):
                    await trade(charts, MONDAY + second, 100.0 + second)
                    await other.hear_type("bar")
            may_go_on.set()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(trade_meanwhile)
            drawn = await draw(guest, chart)
        assert drawn.series["sma"][MONDAY + 60]["value"] == pytest.approx(131)
        assert await charts.agrees(drawn)


async def test_an_older_point_that_changes_moves_those_after_it(database: Database) -> None:
    """Those are told as a revision; where all may be others, the newest come anew."""
    async with live_charts(database) as charts, client(charts.url) as guest:
        series = [{"id": "line", "type": "line"}, study("sma", "sma", "line", period=2)]
        chart = await charts.create([{"series": series}])
        await charts.put(chart, "line", dots(20))
        drawn = await draw(guest, chart)
        [changed] = dots(1, first=10)
        await charts.post(chart, "line", [{**changed, "value": 50.0}], amend=True)
        frame = await guest.hear_type("points")
        while frame["series"] != "sma":
            frame = await guest.hear_type("points")
        assert frame["revise"]
        assert [point["time"] for point in frame["points"]] == [
            point["time"] for point in dots(2, first=10)
        ]
        await charts.put(chart, "line", dots(5))
        await guest.hear_until(lambda: len(drawn.series["sma"]) == 4)
        assert await charts.agrees(drawn)


async def test_a_whitespace_takes_a_value_back(database: Database) -> None:
    """Of the newest candle or an older one; what comes next goes on from the one before."""
    async with live_charts(database) as charts, client(charts.url) as guest:
        series = [{"id": "price", "type": "candlestick"}, study("atr", "atr", "price", period=2)]
        chart = await charts.create([{"series": series}])
        drawn = await draw(guest, chart)
        await charts.post(chart, "price", candles(*range(6)))
        await guest.hear_until(lambda: len(drawn.series["atr"]) == 4)
        await charts.post(chart, "price", [{"time": candle(5)["time"]}])
        await guest.hear_until(lambda: len(drawn.series["atr"]) == 3)
        await charts.post(chart, "price", candles(6))
        await guest.hear_until(lambda: len(drawn.series["atr"]) == 4)
        await charts.post(chart, "price", [{"time": candle(4)["time"]}], amend=True)
        await guest.hear_until(lambda: len(drawn.series["atr"]) == 3)
        assert await charts.agrees(drawn)


async def test_what_depends_on_too_much_has_no_points(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others of the chart are told none the less."""
    monkeypatch.setattr(carried, "MOST_EARLIER", 100)
    async with live_charts(database) as charts, client(charts.url) as guest:
        await bars(charts, 500)
        series: Sequence[Json] = [coin(), study("obv", "obv", "coin"), study("rsi", "rsi", "coin")]
        chart = await charts.create([{"series": series}])
        drawn = await draw(guest, chart)
        assert not drawn.series["obv"]
        await trade(charts, MONDAY + 1, 100.0)
        await guest.hear_until(lambda: MONDAY in drawn.series["rsi"])
        assert not drawn.series["obv"]
