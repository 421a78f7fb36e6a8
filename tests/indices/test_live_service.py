"""An index on a service that runs: what its constituents are traded at comes out on its symbol."""

import time
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, date, datetime

import anyio
import httpx2
import pytest

from tests.streams.client import Client, client
from tests.streams.conftest import running
from tests.streams.documented import Frame
from tradeapi.app import create_app
from tradeapi.settings import Settings

pytestmark = pytest.mark.anyio

DAY = 86400
PATIENCE_SECONDS = 30
CLOSES = {"T:AAA": (10.0, 10.0, 10.0), "T:BBB": (20.0, 20.0, 20.0)}


class Noon:
    """It was noon when it was set."""

    def __init__(self) -> None:
        self._ahead = DAY / 2 - time.time() % DAY

    def now(self) -> float:
        return time.time() + self._ahead


@asynccontextmanager
async def service(url: str, clock: Noon) -> AsyncIterator[tuple[httpx2.AsyncClient, str]]:
    """Its API, and the address of its stream."""
    settings = Settings(database_url=url, demo=False)
    async with (
        running(create_app(settings, clock), settings) as server,
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{server.port}/api/v1") as api,
    ):
        yield api, server.url


def ok(answer: httpx2.Response) -> httpx2.Response:
    assert answer.is_success, answer.text
    return answer


async def stocks(api: httpx2.AsyncClient, today: int) -> None:
    """The sessions of the days before."""
    for symbol, closes in CLOSES.items():
        ok(await api.put(f"/symbols/{symbol}", json={"type": "stock"}))
        bars = [
            {
                "symbol": symbol,
                "resolution": "1d",
                "time": today + (place - len(closes)) * DAY,
                **dict.fromkeys(("open", "high", "low", "close"), close),
                "volume": 1.0,
            }
            for place, close in enumerate(closes)
        ]
        ok(await api.post("/bars", json=bars))


async def trade(api: httpx2.AsyncClient, clock: Noon, prices: Mapping[str, float]) -> None:
    now = clock.now()
    ticks = [
        {"symbol": symbol, "price": price, "size": 1, "time": now}
        for symbol, price in prices.items()
    ]
    assert ok(await api.post("/ticks", json=ticks)).json()["accepted"] == len(ticks)


class Ear:
    """What was heard of each topic, by the types of frames."""

    def __init__(self, guest: Client) -> None:
        self._guest = guest
        self._heard: dict[tuple[str, str], list[Frame]] = defaultdict(list)

    async def next(self, topic: str, type: str) -> Frame:
        """The next frame of a topic that is of this type."""
        with anyio.fail_after(PATIENCE_SECONDS):
            while not self._heard[topic, type]:
                # It may be quiet for long.
                with suppress(TimeoutError):
                    frame = await self._guest.hear()
                    self._heard[frame.get("topic", ""), frame["type"]].append(frame)
        return self._heard[topic, type].pop(0)


async def test_an_index_trades_like_any_other_symbol(database_url: str) -> None:
    """Its minutes, its quote and an alert on it move with its constituents, and whoever follows it
    is told of its builds."""
    clock = Noon()
    today = int(clock.now()) // DAY * DAY
    async with service(database_url, clock) as (api, url), client(url) as guest:
        await stocks(api, today)
        ok(await api.post("/indices", json={"code": "X", "count": None, "base_value": 100.0}))
        topics = ["indices:X", "bars:INDEX:X:1m", "quotes:INDEX:X", "notifications"]
        await guest.say(op="subscribe", topics=topics, history=0)
        ear = Ear(guest)
        for topic in topics:
            await ear.next(topic, "snapshot")
        above = {"type": "price", "is": "above", "level": 105.0}
        ok(await api.post("/alerts", json={"symbol": "INDEX:X", "conditions": [above]}))
        ok(await api.post("/indices/X/build", json={}))
        built = await ear.next("indices:X", "index_built")
        assert (built["revision"], built["level"]) == (1, pytest.approx(100.0))
        assert built["end"] == date_of(today - DAY).isoformat()
        await trade(api, clock, {"T:AAA": 11.0, "T:BBB": 22.0})
        bar = await ear.next("bars:INDEX:X:1m", "bar")
        assert bar["bar"][1:] == [pytest.approx(110.0)] * 4 + [0]
        quotes = [(await ear.next("quotes:INDEX:X", "quote"))["quote"] for _ in range(2)]
        assert [quote["last"] for quote in quotes] == pytest.approx([100.0, 110.0])
        assert quotes[1]["previous_close"] == quotes[0]["last"]
        fired = (await ear.next("notifications", "notification"))["notification"]
        assert fired["data"]["symbol"] == "INDEX:X"
        assert fired["data"]["price"] == pytest.approx(110.0)


def date_of(day: int) -> date:
    return datetime.fromtimestamp(day, UTC).date()
