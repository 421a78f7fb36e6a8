"""What whoever follows a chart is told of its changes."""

import anyio
import pytest

from tests.charts.desks import FIRST, candle, candles, dots, panes
from tests.charts.live import LiveCharts, draw, live_charts
from tests.market.places import MONDAY
from tests.streams.client import client
from tests.streams.event_source import event_source
from tradeapi.auth.dev import ensure_dev_user
from tradeapi.charts.events import CHARTS, Changed
from tradeapi.charts.live import source
from tradeapi.database import Database
from tradeapi.market.resolutions import Resolution
from tradeapi.streams import followed

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
async def dev_user(database: Database) -> None:
    """Whose all charts are here."""
    await ensure_dev_user(database)


async def test_points_are_told_as_they_are_pushed(database: Database) -> None:
    """Appended ones and the forming one with their payload, older ones as a revision."""
    async with live_charts(database) as charts, client(charts.url) as guest:
        chart = await charts.create(panes("candlestick", "line"))
        drawn = await draw(guest, chart)
        assert drawn.series == {"candlestick": {}, "line": {}}
        await charts.post(chart, "candlestick", candles(1, 2))
        frame = await guest.hear()
        assert (frame["series"], frame["points"]) == ("candlestick", candles(1, 2))
        assert not frame["revise"]
        await charts.post(chart, "candlestick", [candle(2, close=10.5, color="#f00")])
        assert (await guest.hear())["points"] == [candle(2, close=10.5, color="#f00")]
        await charts.post(chart, "candlestick", candles(0), amend=True)
        frame = await guest.hear()
        assert (frame["revise"], frame["points"]) == (True, candles(0))
        assert await charts.agrees(drawn)


async def test_a_series_that_is_set_anew_comes_with_its_newest_points(database: Database) -> None:
    """Of many the last, and that there are older ones."""
    async with live_charts(database) as charts, client(charts.url) as guest:
        chart = await charts.create(panes("line"))
        drawn = await draw(guest, chart)
        await charts.put(chart, "line", dots(2))
        frame = await guest.hear_type("series")
        assert (frame["points"], frame["has_more_before"]) == (dots(2), False)
        await charts.put(chart, "line", dots(1000))
        frame = await guest.hear_type("series")
        assert (frame["points"], frame["has_more_before"]) == (dots(300, first=700), True)
        await charts.post(chart, "line", dots(400, first=1000))
        frame = await guest.hear_type("series")
        assert frame["points"] == dots(300, first=1100)
        assert await charts.agrees(drawn)


async def test_a_snapshot_has_so_many_points_as_are_asked_for(database: Database) -> None:
    """Of each series; of all together up to a bound."""
    async with live_charts(database) as charts, client(charts.url) as guest:
        chart = await charts.create(panes("line", "area"))
        await charts.put(chart, "line", dots(50))
        drawn = await draw(guest, chart, history=7)
        assert [*drawn.series["line"].values()] == dots(7, first=43)
        assert drawn.whole == {"area"}
        drawn = await draw(guest, chart, history=0)
        assert drawn.series["line"] == {}
        await charts.post(chart, "line", dots(1, first=50))
        assert (await guest.hear())["points"] == dots(1, first=50)


async def test_a_document_that_changes_is_told(database: Database) -> None:
    """With what series there are now; these keep their points."""
    async with live_charts(database) as charts, client(charts.url) as guest:
        chart = await charts.create(panes("line", "area"))
        await charts.put(chart, "line", dots(3))
        drawn = await draw(guest, chart)
        await charts.change(chart, panes=panes("line", "bar"), title="Other")
        frame = await guest.hear()
        assert (frame["type"], frame["version"], frame["chart"]["title"]) == ("chart", 2, "Other")
        await charts.post(chart, "bar", candles(1))
        await guest.hear()
        assert drawn.series == {
            "line": {point["time"]: point for point in dots(3)},
            "bar": {FIRST + 60: candle(1)},
        }
        assert await charts.agrees(drawn)


async def test_a_chart_that_is_removed_ends_its_topic(database: Database) -> None:
    """Whether there is news of it or not."""
    async with live_charts(database) as charts:
        for writer in (charts, charts.silent):
            async with client(charts.url) as guest:
                chart = await charts.create(panes("line"))
                await draw(guest, chart)
                await writer.delete(chart)
                frame = await guest.hear()
                assert (frame["type"], frame["topic"]) == ("error", f"charts:{chart}")
                assert frame["code"] == "not_found"
                await guest.say(op="subscribe", id=1, topics=[f"charts:{chart}"])
                ack = await guest.hear_type("ack")
                assert ack["rejected"][0]["code"] == "not_found"


async def test_what_a_crash_has_left_unannounced_is_told(database: Database) -> None:
    """A second later, from the database."""
    async with live_charts(database) as charts, client(charts.url) as guest:
        chart = await charts.create(panes("line"))
        drawn = await draw(guest, chart)
        await charts.silent.post(chart, "line", dots(2))
        await charts.silent.change(chart, title="Other")
        await guest.hear_until(lambda: bool(drawn.series["line"]) and drawn.document["title"] != "")
        assert await charts.agrees(drawn)


async def test_news_that_is_late_changes_nothing(database: Database) -> None:
    """Nor does it when it comes twice."""
    async with live_charts(database) as charts, client(charts.url) as guest:
        chart = await charts.create(panes("line"))
        drawn = await draw(guest, chart)
        heard: list[Changed] = []
        await charts.post(chart, "line", dots(1))
        with charts.bus.subscribe(CHARTS, heard.append):
            await charts.post(chart, "line", [{**dots(1)[0], "value": 5}])
        await charts.post(chart, "line", [{**dots(1)[0], "value": 6}])
        await charts.bus.publish(CHARTS, chart, heard[0])
        await charts.post(chart, "line", dots(1, first=1))
        await guest.hear_until(lambda: len(drawn.series["line"]) == 2)
        assert [point["value"] for point in drawn.series["line"].values()] == [6, 1.25]
        assert await charts.agrees(drawn)


async def test_a_share_follows_its_chart_by_events(database: Database) -> None:
    """And nothing else."""
    async with live_charts(database) as charts:
        chart, other = await charts.create(panes("line")), await charts.create(panes("line"))
        headers = {"authorization": f"Bearer {charts.share(chart)}"}
        topics = [f"charts:{chart}", f"charts:{other}", "quotes:CRYPTO:BTCUSD"]
        async with event_source(charts.market.events_url, *topics, headers=headers) as guest:
            ack = await guest.hear()
            assert ack["topics"] == topics[:1]
            codes = [rejected["code"] for rejected in ack["rejected"]]
            assert codes == ["not_found", "insufficient_scope"]
            assert (await guest.hear())["chart"]["id"] == chart
            await charts.post(chart, "line", dots(1))
            assert (await guest.hear())["points"] == dots(1)


async def test_a_client_goes_on_where_it_was_also_elsewhere(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a process that has not heard of what happened meanwhile it is told that it missed it."""
    monkeypatch.setattr(followed, "ASK_EVERY_SECONDS", 3600)
    async with live_charts(database) as one, live_charts(database) as other:
        chart = await one.create(panes("line"))
        topic = f"charts:{chart}"
        async with client(one.url) as guest:
            drawn = await draw(guest, chart)
            await one.post(chart, "line", dots(1))
            await guest.hear()
        for process, kind in ((other, "resumed"), (one, "resumed")):
            async with client(process.url) as guest:
                guest.charts[topic] = drawn
                position = {topic: {"epoch": drawn.epoch, "seq": drawn.seq}}
                await guest.say(op="subscribe", topics=[topic], resume=position)
                assert (await guest.hear_type("ack"))["rejected"] == []
                assert (await guest.hear())["type"] == kind
        await one.post(chart, "line", dots(1, first=1))
        await one.post(chart, "line", dots(1, first=2))
        async with live_charts(database) as third, client(third.url) as guest:
            guest.charts[topic] = drawn
            await guest.say(op="subscribe", topics=[topic], resume=position)
            frame = await guest.hear_type("reset")
            assert frame["reason"] == "retention"
            await guest.hear_type("snapshot")
            assert await one.agrees(drawn)


async def test_long_frames_do_not_pile_up(database: Database) -> None:
    """So much of them is kept for those who come back, and the others read anew."""
    async with live_charts(database) as charts:
        chart = await charts.create(panes("line"))
        topic = f"charts:{chart}"
        async with client(charts.url) as guest:
            drawn = await draw(guest, chart)
            positions = []
            for number in range(8):
                await charts.change(chart, drawings=[f"{number}" * 200_000])
                await guest.hear_type("chart")
                positions.append({topic: {"epoch": drawn.epoch, "seq": drawn.seq}})
        for position, kind in ((positions[0], "reset"), (positions[5], "resumed")):
            async with client(charts.url) as guest:
                await guest.say(op="subscribe", topics=[topic], resume=position)
                await guest.hear_type("ack")
                assert (await guest.hear())["type"] == kind


def bound(*names: str) -> list[dict[str, object]]:
    """Series of the coin in its minutes, and one that is pushed."""
    source = {"symbol": "CRYPTO:BTCUSD", "resolution": "1m"}
    types = {"price": "candlestick", "last": "line", "volume": "histogram"}
    series: list[dict[str, object]] = [
        {
            "id": name,
            "type": types[name],
            "source": {**source, "field": "volume" if name == "volume" else "close"},
        }
        for name in names
    ]
    return [{"series": [*series, {"id": "mine", "type": "line"}]}]


async def bars(charts: LiveCharts, count: int = 3) -> None:
    coin = await charts.market.market.add("CRYPTO:BTCUSD")
    for number in range(count):
        charts.market.clock.time = MONDAY + 60 * number
        await charts.market.trade(coin, [(charts.market.clock.time, 100 + number, 1)])


async def test_bound_series_show_the_bars_of_their_symbol(database: Database) -> None:
    """Each in its own form, as they change; beside what is pushed."""
    async with live_charts(database) as charts, client(charts.url) as guest:
        await bars(charts)
        chart = await charts.create(bound("price", "last", "volume"))
        drawn = await draw(guest, chart)
        assert await charts.agrees(drawn)
        assert [point["value"] for point in drawn.series["last"].values()] == [100, 101, 102]
        coin = await charts.market.market.directory.get("CRYPTO:BTCUSD")
        await charts.market.trade(coin, [(MONDAY + 121, 109, 2), (MONDAY + 62, 99, 1)])
        await charts.post(chart, "mine", dots(1))
        await guest.hear_until(lambda: bool(drawn.series["mine"]))
        await guest.hear_rest(0.3)
        assert await charts.agrees(drawn)
        assert [*drawn.series["price"].values()][-1]["close"] == 109
        # A day that is posted afterwards makes older bars, which no chart can insert.
        await charts.market.post(
            coin, Resolution.MINUTE, [(MONDAY - 6000, 90.0, 91.0, 89.0, 90.5, 3.0)]
        )
        await guest.hear_until(lambda: len(drawn.series["last"]) == 4)
        await guest.hear_rest(0.3)
        assert await charts.agrees(drawn)


async def test_a_series_that_becomes_bound_begins_anew(database: Database) -> None:
    """The chart's positions count something else from then on, and everybody is told."""
    async with live_charts(database) as charts, client(charts.url) as guest:
        await bars(charts)
        chart = await charts.create(bound())
        drawn = await draw(guest, chart)
        for names in (["price"], ["price", "last"], ["last"], []):
            await charts.change(chart, panes=bound(*names))
            assert (await guest.hear())["type"] == "reset"
            await guest.hear_until(lambda: not drawn.is_reset)
            assert drawn.series.keys() == {*names, "mine"}
            assert await charts.agrees(drawn)


async def test_more_bars_can_be_had_later_on(database: Database) -> None:
    """By whoever asks for a longer snapshot; the others do not notice."""
    async with (
        live_charts(database) as charts,
        client(charts.url) as one,
        client(charts.url) as other,
    ):
        coin = await charts.market.market.add("CRYPTO:BTCUSD")
        rows = [(MONDAY - 60 * n, 1.0, 1.0, 1.0, 1.0, 1.0) for n in range(700, 0, -1)]
        await charts.market.post(coin, Resolution.MINUTE, rows)
        chart = await charts.create(bound("price"))
        first = await draw(one, chart, history=10)
        assert len(first.series["price"]) == 10
        second = await draw(other, chart, history=650)
        assert len(second.series["price"]) == 650
        assert await one.hear_rest(0.2) == []
        assert await charts.agrees(first)
        assert await charts.agrees(second)


async def test_a_symbol_that_is_none_has_no_points(database: Database) -> None:
    """And hurts no other series."""
    async with live_charts(database) as charts, client(charts.url) as guest:
        chart = await charts.create(bound("price"))
        drawn = await draw(guest, chart)
        assert drawn.series == {"price": {}, "mine": {}}
        await charts.post(chart, "mine", dots(1))
        assert (await guest.hear())["points"] == dots(1)


async def test_a_symbol_that_comes_later_is_shown(database: Database) -> None:
    """With the indicators over it, to whoever follows the chart already; and if it goes and comes
    again, that as well.
    """
    async with live_charts(database) as charts, client(charts.url) as guest:
        indicator = {"indicator": "sma", "params": {"period": 2}, "of": "price"}
        mean = {"series": [{"id": "mean", "type": "line", "source": indicator}]}
        chart = await charts.create([*bound("price", "last"), mean])
        drawn = await draw(guest, chart)
        assert drawn.series == {"price": {}, "last": {}, "mine": {}, "mean": {}}
        for _ in range(2):
            await bars(charts)
            await guest.hear_until(lambda: len(drawn.series["mean"]) == 2)
            coin = await charts.market.market.directory.get("CRYPTO:BTCUSD")
            await charts.market.trade(coin, [(MONDAY + 121, 109, 2)])
            await guest.hear_until(lambda: [*drawn.series["last"].values()][-1]["value"] == 109)
            await guest.hear_rest(0.3)
            # Who reads may remember for two seconds which symbol that was.
            with anyio.fail_after(10):
                while not await charts.agrees(drawn):  # noqa: ASYNC110
                    await anyio.sleep(0.1)
            await charts.market.remove("CRYPTO:BTCUSD")
            await guest.hear_until(lambda: not drawn.series["mean"] and not drawn.series["last"])
            assert await charts.agrees(drawn)


async def test_a_chart_is_read_while_others_write_to_it(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever comes gets all that was there, and all that follows."""
    monkeypatch.setattr(source, "PATIENCE_SECONDS", 0.001)
    async with live_charts(database) as charts:
        chart = await charts.create(panes("line"))
        is_over = anyio.Event()

        async def come() -> None:
            while not is_over.is_set():
                async with client(charts.url) as guest:
                    await draw(guest, chart, history=3)
            async with client(charts.url) as guest:
                assert await charts.agrees(await draw(guest, chart))

        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(come)
            for number in range(100):
                await charts.post(chart, "line", dots(1, first=number))
            is_over.set()


async def test_news_of_nonsense_is_none() -> None:
    """Anybody may write to Redis."""
    for payload in (b"[]", b'[1,2,"",0,null,null,false]', b'["a",1,"b",1,[1],null,false]'):
        with pytest.raises((ValueError, TypeError)):
            CHARTS.decode(payload)
