"""Trades without a rest, guests who follow them, and what has to be so when all is quiet again."""

import itertools
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any

import anyio
import httpx2

from tests.faults.guests import PATIENCE_SECONDS, STATUS, Guest, bars

NUMBERS = itertools.count()
RESOLUTIONS = ("1m", "5m", "1h", "1d")
PAUSE_SECONDS = 0.05
# So far apart are the times of trades that are posted one after the other.
STEP_SECONDS = 20
# Whatever has happened, all is as it should be within this time.
SETTLED_WITHIN_SECONDS = 60
DAY = 86400


class Trader:
    """Sends each trade until it is acknowledged; it has an id and a size of its own.

    `volumes` are those of each symbol's minutes, `repeated` is how many the server knew already.
    """

    def __init__(
        self,
        http: httpx2.AsyncClient,
        places: Iterator[str],
        symbols: Sequence[str],
        backfills: float,
        pause: float,
    ) -> None:
        self.volumes: dict[str, Counter[int]] = {symbol: Counter() for symbol in symbols}
        self.sent = self.repeated = 0
        self.is_over = False
        self.is_done = False
        self._http = http
        self._places = places
        self._backfills = backfills
        self._pause = pause
        self._begin = self._moment = time.time() // 60 * 60 - 2 * DAY

    async def run(self) -> None:
        place = next(self._places)
        while not self.is_over:
            ticks = self._next()
            while not await self._post(place, ticks):
                place = next(self._places)
                await anyio.sleep(0.1)
            await anyio.sleep(self._pause)
        self.is_done = True

    async def _post(self, place: str, ticks: Sequence[Any]) -> bool:
        try:
            answer = await self._http.post(f"{place}/api/v1/ticks", json=ticks)
        except httpx2.TransportError:
            return False
        if answer.status_code == 503:
            return False
        outcome = answer.raise_for_status().json()
        assert outcome["accepted"] + outcome["duplicate"] == len(ticks), outcome
        self.repeated += outcome["duplicate"]
        return True

    def _next(self) -> list[dict[str, Any]]:
        """Of each symbol one that is in order, so that no minute is left out, and two more."""
        self._moment += STEP_SECONDS
        return [
            self._tick(symbol, late)
            for symbol in self.volumes
            for late in (0, *random.choices((0, random.random()), (3, 1), k=2))
        ]

    def _tick(self, symbol: str, late: float) -> dict[str, Any]:
        """`late` is where between the newest trade and the first one."""
        self.sent += 1
        moment = self._moment + random.uniform(0, STEP_SECONDS)
        moment -= late * (self._moment - self._begin)
        if random.random() < self._backfills:
            moment -= random.uniform(1, 9) * DAY
        self.volumes[symbol][int(moment // 60 * 60)] += self.sent
        tick = {"symbol": symbol, "price": random.randint(90, 110), "size": self.sent}
        return {**tick, "time": moment, "id": str(self.sent)}


class Trading:
    """What goes on while a fault is tried."""

    def __init__(self, trader: Trader, guests: Sequence[Guest]) -> None:
        self.trader = trader
        self.guests = guests

    @property
    def kinds(self) -> Counter[str]:
        return sum((guest.kinds for guest in self.guests), Counter())

    @property
    def closes(self) -> Counter[int | None]:
        return sum((guest.closes for guest in self.guests), Counter())

    async def go_on(self, guests: Sequence[Guest] = ()) -> None:
        """Until everybody, or each of these, follows, and has heard of a later trade."""
        chosen, sent = guests or self.guests, self.trader.sent
        await eventually(lambda: self.trader.sent > sent)
        await eventually(lambda: all(guest.is_following for guest in chosen))
        await self.hear_all(chosen)

    async def hear_all(self, guests: Sequence[Guest] = ()) -> None:
        """Until everybody, or each of these, knows of every trade that has been sent by now."""
        volumes = {symbol: sizes.total() for symbol, sizes in self.trader.volumes.items()}
        for guest in guests or self.guests:
            await eventually(partial(guest.has_heard, volumes))


@asynccontextmanager
async def trading(
    *places: str,
    guests: int = 4,
    crowd: int = 0,
    guests_at: Sequence[str] = (),
    patience: float = PATIENCE_SECONDS,
    backfills: float = 0,
    pause: float = PAUSE_SECONDS,
) -> AsyncIterator[Trading]:
    """Trades and guests, at these addresses by turns, as long as the context is open.

    Those of the crowd have one topic each; `backfills` is how many of the trades have charts read
    anew, `pause` how long it takes until the next. In the end everybody has what history says, bar
    for bar, and each trade has counted once.
    """
    symbols = [f"CRYPTO:F{next(NUMBERS)}" for _ in range(2)]
    topics = [f"bars:{symbol}:{resolution}" for symbol in symbols for resolution in RESOLUTIONS]
    quotes = [f"quotes:{symbol}" for symbol in symbols]
    wishes = [[*topics, *quotes, STATUS] for _ in range(guests)]
    wishes += [[topic] for topic in itertools.islice(itertools.cycle(topics), crowd)]
    limits = httpx2.Limits(max_keepalive_connections=0)
    async with (
        httpx2.AsyncClient(timeout=patience, trust_env=False, limits=limits) as http,
        anyio.create_task_group() as tasks,
    ):
        for symbol in symbols:
            (await http.put(f"{places[0]}/api/v1/symbols/{symbol}", json={})).raise_for_status()
        everybody = [
            Guest(http, _beginning(guests_at or places, number), wish, patience)
            for number, wish in enumerate(wishes)
        ]
        trader = Trader(http, itertools.cycle(places), symbols, backfills, pause)
        trades = Trading(trader, everybody)
        tasks.start_soon(trades.trader.run)
        for guest in everybody:
            tasks.start_soon(guest.run)
        await trades.go_on()
        yield trades
        await trades.go_on()
        trades.trader.is_over = True
        await eventually(lambda: trades.trader.is_done)
        await _assert_all_is_well(http, places[0], trades)
        tasks.cancel_scope.cancel()


async def eventually(condition: Callable[[], bool]) -> None:
    with anyio.fail_after(SETTLED_WITHIN_SECONDS):
        while not condition():  # noqa: ASYNC110  nobody tells
            await anyio.sleep(0.05)


def _beginning(places: Sequence[str], number: int) -> Iterator[str]:
    """All of them by turns, but not all guests at the same."""
    return itertools.islice(itertools.cycle(places), number % len(places), None)


async def _assert_all_is_well(http: httpx2.AsyncClient, place: str, trades: Trading) -> None:
    history: dict[str, Mapping[Any, Any]] = {}
    for symbol, volumes in trades.trader.volumes.items():
        for resolution in RESOLUTIONS:
            topic = f"bars:{symbol}:{resolution}"
            found = history[topic] = await bars(http, place, topic)
            assert sum(bar[-1] for bar in found.values()) == volumes.total(), resolution
            if resolution == "1m":
                assert {time: bar[-1] for time, bar in found.items()} == volumes
        answer = await http.get(f"{place}/api/v1/quotes", params={"symbols": symbol})
        [quote] = answer.raise_for_status().json()["items"]
        history[f"quotes:{symbol}"] = _quote(quote)
    for guest in trades.guests:
        wanted = {topic: history[topic] for topic in guest.charts}
        with suppress(TimeoutError):
            await eventually(partial(_holds, guest, wanted))
        assert _held(guest) == wanted


def _holds(guest: Guest, wanted: Mapping[str, object]) -> bool:
    return _held(guest) == wanted


def _held(guest: Guest) -> dict[str, object]:
    return {topic: chart.all or _quote(chart.quote) for topic, chart in guest.charts.items()}


def _quote(fields: Mapping[str, Any]) -> dict[str, Any]:
    """As a topic has it, whose name says the rest."""
    return {name: fields[name] for name in fields if name not in {"symbol", "currency"}}
