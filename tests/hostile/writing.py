"""Clients that write or read until they are told to stop, and remember what they were told."""

import random
import threading
import time
from typing import Any, Self

import httpx2

from tests.hostile.places import FIRST_DAY, bar
from tests.hostile.serving import Server

TICKED, POSTED = "CRYPTO:TICKED", "CRYPTO:POSTED"
DAY = 86400
WIDTHS = {"1m": 60, "1h": 3600, "1d": DAY}
# So many bars of each, none of which lies ahead of any clock.
COUNT = {"1m": 3000, "1h": 3000, "1d": 300}
READS = [
    f"/bars/{TICKED}?resolution=1m",
    f"/bars/{POSTED}?resolution=1w&adjustment=all",
    "/symbols",
    "/exchanges",
    f"/quotes?symbols={TICKED}",
    "/market/status",
    f"/symbols/{TICKED}/actions",
]


class Worker(threading.Thread):
    """`longest` is the longest that it has waited for an answer."""

    def __init__(self, server: Server) -> None:
        super().__init__()
        self._base = server.client.base_url
        self._stopped = threading.Event()
        self.longest = 0.0
        self.statuses: set[int] = set()
        self.problems: set[str] = set()

    def run(self) -> None:
        with httpx2.Client(base_url=f"{self._base}/api/v1", timeout=30, trust_env=False) as client:
            while not self._stopped.is_set():
                try:
                    self.work(client)
                except httpx2.TransportError:
                    self._stopped.wait(0.05)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self.join()

    def work(self, client: httpx2.Client) -> None:
        raise NotImplementedError

    def ask(self, client: httpx2.Client, path: str, items: object = None) -> Any:
        """The answer; None where it is an apology."""
        begun = time.monotonic()
        answer = client.get(path) if items is None else client.post(path, json=items)
        self.longest = max(self.longest, time.monotonic() - begun)
        self.statuses.add(answer.status_code)
        if answer.status_code == 200:
            return answer.json()
        assert answer.headers["content-type"] == "application/problem+json", answer.text
        self.problems.add(answer.json()["code"])
        assert int(answer.headers["retry-after"]) >= 1, answer.text
        return None


class Reader(Worker):
    def work(self, client: httpx2.Client) -> None:
        for path in READS:
            self.ask(client, path)


class Writer(Worker):
    """Its ticks have the size 1, and ids."""

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        self._chance = random.Random(1)
        self.sent: list[dict[str, Any]] = []
        self.acknowledged: set[str] = set()
        self.bars: dict[tuple[str, int], float] = {}

    def work(self, client: httpx2.Client) -> None:
        self._tick(client)
        self._post(client)

    def _tick(self, client: httpx2.Client) -> None:
        """Trades of one day, in any order."""
        ticks = [
            {
                "symbol": TICKED,
                "price": self._chance.randint(90, 110),
                "size": 1,
                "time": FIRST_DAY + self._chance.randrange(DAY),
                "id": str(len(self.sent) + number),
            }
            for number in range(self._chance.randint(1, 30))
        ]
        self.sent += ticks
        outcome = self.ask(client, "/ticks", ticks)
        if outcome is not None:
            assert outcome["accepted"] == len(ticks)
            self.acknowledged |= {str(tick["id"]) for tick in ticks}

    def _post(self, client: httpx2.Client) -> None:
        """Minutes, hours and days, native in each of them."""
        resolution = self._chance.choice(list(WIDTHS))
        price = self._chance.randint(90, 110)
        places = {self._chance.randrange(COUNT[resolution]) for _ in range(20)}
        times = {FIRST_DAY + WIDTHS[resolution] * place for place in places}
        items = [bar(POSTED, resolution, time, price) for time in times]
        for time_ in times:
            # What is not acknowledged may be there all the same.
            self.bars.pop((resolution, time_), None)
        outcome = self.ask(client, "/bars", items)
        if outcome is not None:
            assert outcome["rejected"] == 0
            self.bars |= {(resolution, time_): price for time_ in times}


def prepare(server: Server) -> None:
    server.put(f"/symbols/{TICKED}")
    server.put(f"/symbols/{POSTED}")


def assert_all_is_there(server: Server, writer: Writer) -> None:
    """Each acknowledged bar is the last of its time; no tick counts twice when it is sent again."""
    assert writer.acknowledged
    for resolution in WIDTHS:
        found = server.get(f"/bars/{POSTED}", resolution=resolution, limit=50_000)
        closes = dict(zip(found["time"], found["close"], strict=True))
        wanted = {time: price for (name, time), price in writer.bars.items() if name == resolution}
        assert {time: closes.get(time) for time in wanted} == wanted
    for start in range(0, len(writer.sent), 500):
        ticks = writer.sent[start : start + 500]
        for tick, item in zip(ticks, server.post("/ticks", ticks)["items"], strict=True):
            assert item["status"] in {"duplicate", "accepted"}
            assert item["status"] == "duplicate" or tick["id"] not in writer.acknowledged
