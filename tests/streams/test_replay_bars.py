"""Bars that are replayed: those of history, each once and closed."""

from typing import Any

import pytest

from tests.market.places import DAY, MONDAY, TODAY, flat
from tests.streams.cable import Cable
from tests.streams.client import Client, client
from tests.streams.documented import Frame
from tests.streams.live import LiveMarket, live
from tradeapi.database import Database
from tradeapi.market.live import bar_recording
from tradeapi.market.resolutions import Resolution
from tradeapi.market.symbols.directory import Listing
from tradeapi.streams import replays

pytestmark = pytest.mark.anyio

COIN = "CRYPTO:BTCUSD"
BARS = f"bars:{COIN}:1m"
MINUTE = Resolution.MINUTE


async def replayed(guest: Client, **frame: Any) -> tuple[list[Any], Frame]:
    """The bars, and what ends them; or the error at once."""
    await guest.say_anything(op="replay", id=1, **{"topic": BARS, "speed": 100_000} | frame)
    bars = []
    while True:
        heard = await guest.hear()
        match heard["type"]:
            case "bar" if "replay" in heard:
                topic = frame.get("topic", BARS)
                assert heard.keys() == {"type", "topic", "replay", "bar", "final"}
                assert (heard["topic"], heard["final"]) == (topic, True)
                bars.append(heard["bar"])
            case "replay":
                if heard["state"] == "ended":
                    return bars, heard
            case "error":
                return bars, heard


async def filled(market: LiveMarket, count: int = 450) -> Listing:
    """A coin with so many minutes, of which the last one is still open."""
    coin = await market.market.add(COIN)
    first = MONDAY - 60 * (count - 1)
    await market.market.write(coin, MINUTE, [flat(first + 60 * n, 100 + n) for n in range(count)])
    return coin


@pytest.mark.parametrize("topic", [BARS, f"bars:{COIN}:5m", f"bars:{COIN}:1h:splits"])
async def test_a_replay_is_the_history(database: Database, topic: str) -> None:
    """All of it that is closed, through as many pages as it takes."""
    async with live(database) as market, client(market.url) as guest:
        await filled(market)
        await guest.hear()
        bars, end = await replayed(guest, topic=topic, start=0)
        answer = await market.answer(topic)
        rows = zip(*(column.tolist() for column in answer.bars.columns()), strict=True)
        assert bars == [list(row) for row in rows if row[0] < answer.final_until]
        assert len(bars) == len(answer.bars) - 1, "the newest is open"
        assert end["state"] == "ended"


@pytest.mark.parametrize("write", [int, lambda time: time * 1000, lambda time: f"{time}.0", "iso"])
async def test_a_stretch_is_named_as_elsewhere(database: Database, write: Any) -> None:
    """In seconds, milliseconds or ISO 8601; from the start on, and before the end."""
    async with live(database) as market, client(market.url) as guest:
        await filled(market)
        await guest.hear()
        iso = {MONDAY - 600: "2024-06-10T14:50:00Z", MONDAY - 300: "2024-06-10T14:55:00+00:00"}
        start, end = (
            iso[time] if write == "iso" else write(time) for time in (MONDAY - 600, MONDAY - 300)
        )
        bars, _ = await replayed(guest, start=start, end=end)
        assert [bar[0] for bar in bars] == [*range(MONDAY - 600, MONDAY - 300, 60)]
        bars, _ = await replayed(guest, start=MONDAY - 599, end=MONDAY - 299)
        assert [bar[0] for bar in bars] == [*range(MONDAY - 540, MONDAY - 240, 60)]


@pytest.mark.parametrize(
    ("frame", "code", "field"),
    [
        ({"start": "yesterday"}, "bad_time", "start"),
        ({"start": True}, "bad_time", "start"),
        ({"start": [0]}, "bad_time", "start"),
        ({"start": 0, "end": {}}, "bad_time", "end"),
        ({"start": 1e300}, "time_out_of_range", "start"),
        ({"start": 0, "end": "9" * 500}, "bad_time", "end"),
        ({"start": MONDAY, "end": MONDAY - 1}, "bad_range", None),
        ({"start": MONDAY, "end": MONDAY}, "bad_range", None),
        ({"start": MONDAY + 9e6}, "bad_range", None),
        ({"start": 0, "end": 1}, "not_found", None),
        ({"start": MONDAY}, "not_found", None),
        ({"start": 0, "topic": f"quotes:{COIN}"}, "invalid_field", "topic"),
        ({"start": 0, "topic": "bars:CRYPTO:NOPE:1m"}, "unknown_symbol", None),
        ({"start": 0, "topic": f"bars:{COIN}:2m"}, "unknown_resolution", None),
        ({"start": 0, "topic": "bars:BTCUSD:1m"}, "unknown_topic", None),
        ({"start": 0, "topic": "bars:"}, "unknown_topic", None),
    ],
)
async def test_what_there_is_not_is_said(
    sqlite_url: str, frame: dict[str, Any], code: str, field: str | None
) -> None:
    """At once, and with the field where one is at fault."""
    async with (
        Database(sqlite_url) as database,
        live(database) as market,
        client(market.url) as guest,
    ):
        market.clock.time += 10
        await filled(market, 10)
        await guest.hear()
        bars, error = await replayed(guest, **frame)
        assert (bars, error["code"], error.get("field")) == ([], code, field)
        assert "replay" not in error


async def test_sessions_are_replayed_as_they_were(database: Database) -> None:
    """The hours in between are short, whatever the speed; what is followed hears nothing of it."""
    async with live(database) as market, client(market.url) as guest:
        stock = await market.market.add("US:AAPL")
        days = (TODAY - 3 * DAY, TODAY - DAY)
        hours = [flat(day + 3600 * hour, 9) for day in days for hour in (14, 15)]
        await market.market.write(stock, Resolution.HOUR, hours)
        market.clock.time += 10
        topic = "bars:US:AAPL:1h"
        await guest.subscribe(topic)
        seq = guest.charts[topic].seq
        bars, _ = await replayed(guest, topic=topic, start=0)
        assert [bar[0] for bar in bars] == [row[0] for row in hours]
        await market.market.write(stock, Resolution.HOUR, [flat(TODAY + 3600 * 14, 10)])
        assert guest.charts[topic].seq == seq
        daily, _ = await replayed(guest, topic="bars:US:AAPL:1d", start="2024-06-01")
        assert [bar[0] for bar in daily] == [*days]


async def test_a_replay_outlives_the_database(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes on where it was once that is back."""
    monkeypatch.setattr(bar_recording, "BARS_AT_ONCE", 10)
    monkeypatch.setattr(replays, "RETRY_SECONDS", 0.1)
    cable = Cable(postgres_url)
    await cable.mend()
    async with (
        Database(cable.url) as database,
        live(database) as market,
        client(market.url) as guest,
    ):
        await filled(market, 100)
        await guest.hear()
        # Ten bars take a second.
        await guest.say(op="replay", topic=BARS, start=0, speed=600)
        assert (await guest.hear())["state"] == "started"
        bars = [(await guest.hear())["bar"]]
        await cable.cut()
        bars += [(await guest.hear())["bar"] for _ in range(9)]
        assert await guest.hear_rest(0.5) == []
        await cable.mend()
        await guest.say(op="stop_replay", replay="x")
        assert (await guest.hear_type("error"))["code"] == "not_found"
        bars.append((await guest.hear_type("bar"))["bar"])
        assert [bar[0] for bar in bars] == [MONDAY - 60 * n for n in range(99, 88, -1)]
    await cable.cut()
