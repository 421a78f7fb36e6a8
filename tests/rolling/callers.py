"""Callers who ask again and again, each on a connection that it keeps, and forgive nothing."""

import itertools
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import httpx2

NUMBERS = itertools.count()
PAUSE_SECONDS = 0.02


class Callers:
    """`answers` counts what they were answered; an answer that never came is in `failures`.

    Each of their ticks has an id and is of size 1, so `posted` is the volume that there must be.
    """

    def __init__(self, url: str) -> None:
        self.answers: Counter[int] = Counter()
        self.failures: list[str] = []
        self.posted = 0
        self.closed = 0
        self.is_over = False
        self.symbol = f"CRYPTO:R{next(NUMBERS)}"
        self._url = url

    async def run(self, number: int) -> None:
        limits = httpx2.Limits(max_connections=1)
        async with httpx2.AsyncClient(
            base_url=self._url, timeout=20, trust_env=False, limits=limits
        ) as http:
            while not self.is_over:
                await self._ask(http, number)
                await anyio.sleep(PAUSE_SECONDS)

    async def volume(self) -> float:
        async with httpx2.AsyncClient(base_url=self._url, trust_env=False) as http:
            answer = await http.get(
                f"/api/v1/bars/{self.symbol}", params={"resolution": "1d", "limit": 5}
            )
            volume: float = sum(answer.raise_for_status().json()["volume"])
            return volume

    async def _ask(self, http: httpx2.AsyncClient, number: int) -> None:
        try:
            if number % 2:
                tick = {"symbol": self.symbol, "price": 1, "size": 1, "time": time.time()}
                answer = await http.post("/api/v1/ticks", json=[tick])
                self.posted += answer.status_code == 200
            else:
                answer = await http.get(f"/api/v1/bars/{self.symbol}?resolution=1m")
        except httpx2.TransportError as error:
            self.failures.append(repr(error))
        else:
            self.answers[answer.status_code] += 1
            self.closed += answer.headers.get("connection") == "close"


@asynccontextmanager
async def calling(url: str, count: int = 4) -> AsyncIterator[Callers]:
    """As long as the context is open; then nobody has been failed."""
    callers = Callers(url)
    async with httpx2.AsyncClient(base_url=url, trust_env=False) as http:
        (await http.put(f"/api/v1/symbols/{callers.symbol}", json={})).raise_for_status()
    async with anyio.create_task_group() as tasks:
        for number in range(count):
            tasks.start_soon(callers.run, number)
        yield callers
        callers.is_over = True
    assert callers.failures == [], callers.failures
    assert set(callers.answers) == {200}
