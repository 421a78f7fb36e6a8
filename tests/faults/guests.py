"""Clients that come back, however often they are put out, and go on where they stopped."""

import random
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import anyio
import httpx2
import orjson
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from tests.streams.client import Chart, client
from tests.streams.documented import Frame, frame_of

STATUS = "status"
# A chart begins with so many bars, and reads the older ones over HTTP.
HISTORY = 5
# The rules allow half a minute; tests have less time.
LONGEST_WAIT_SECONDS = 1.0
# How long an answer may take, to a ping or a request, until the connection is given up.
PATIENCE_SECONDS = 20.0
COLUMNS = ("time", "open", "high", "low", "close", "volume")
# What a rejection says that is worth another attempt.
PASSING = {"database_busy", "database_timeout", "database_unavailable"}

Bars = dict[int, list[float]]


class Merged(Chart):
    """All bars of a topic: `older` are those before the stream's own.

    They are kept over a snapshot that joins them, else `is_torn` says that they have to be read.
    """

    def __init__(self) -> None:
        super().__init__()
        self.older: Bars = {}
        self.is_torn = False

    @property
    def all(self) -> Bars:
        return self.older | self.bars

    def apply(self, frame: Frame) -> None:
        if frame["type"] == "reset":
            self.older, self.bars, self.is_torn = {}, {}, False
        super().apply(frame)

    def _snapshot(self, frame: Frame) -> None:
        held, revision = self.all, self.revision
        super()._snapshot(frame)
        if "bars" in frame:
            first = min(self.bars, default=0)
            self.older = {time: bar for time, bar in held.items() if time < first}
            joins = self.previous_time is None or self.previous_time <= max(self.older, default=-1)
            self.is_torn = not joins or self.revision != revision
            # Another process need not have looked at the clock yet.
            self.finals = {time for time in self.finals if time < self.final_until}

    def _revise(self, frame: Frame) -> None:
        if frame["bar"][0] in self.older:
            self.older[frame["bar"][0]] = frame["bar"]
        else:
            super()._revise(frame)


class Guest:
    """Follows its topics for ever, at each connection in the next of the places.

    `states` are those that the topic `status` had. `kinds` counts the frames of the others by type,
    `closes` what the server closed with, None where the connection broke; `left` is when.
    """

    def __init__(
        self,
        http: httpx2.AsyncClient,
        places: Iterator[str],
        topics: Sequence[str],
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self.charts = {topic: Merged() for topic in topics if topic != STATUS}
        self.states: list[str] = []
        self.kinds: Counter[str] = Counter()
        self.closes: Counter[int | None] = Counter()
        self.left: list[float] = []
        self._topics = topics
        self._http = http
        self._places = places
        self._place = ""
        self._attempts = 0
        self._wait = 0.0
        self._awaited: set[str] = set(topics)
        self._options = {
            "open_timeout": patience,
            "ping_interval": patience / 2,
            "ping_timeout": patience / 2,
            "close_timeout": 0.5,
        }

    @property
    def is_following(self) -> bool:
        """Whether it is connected, and every topic has begun."""
        return not self._awaited and not any(chart.is_torn for chart in self.charts.values())

    def has_heard(self, volumes: Mapping[str, float]) -> bool:
        """Whether of each symbol so much has been traded, in all its series."""
        return all(
            sum(bar[-1] for bar in chart.all.values()) >= volumes[_symbol(topic)]
            for topic, chart in self.charts.items()
            if topic.startswith("bars:")
        )

    async def run(self) -> None:
        while True:
            self._place = next(self._places)
            self._attempts += 1
            self._wait = random.uniform(0, min(LONGEST_WAIT_SECONDS, 0.5 * 2**self._attempts))
            try:
                await self._visit()
            except ConnectionClosed as closed:
                self.closes[closed.rcvd.code if closed.rcvd else None] += 1
                self.left.append(time.monotonic())
            except (OSError, TimeoutError, InvalidHandshake, EOFError):
                pass
            self._awaited = set(self._topics)
            await anyio.sleep(self._wait)

    async def _visit(self) -> None:
        async with client(f"{self._place.replace('http', 'ws', 1)}/ws", **self._options) as guest:
            try:
                await self._subscribe(guest.connection, self._topics)
                while True:
                    frame = frame_of(await guest.connection.recv())
                    await self._hear(guest.connection, frame)
            finally:
                guest.connection.transport.abort()

    async def _subscribe(self, connection: ClientConnection, topics: Sequence[str]) -> None:
        positions = {}
        for topic in self.charts.keys() & topics:
            if self.charts[topic].is_reset:
                self.charts[topic] = Merged()
            chart = self.charts[topic]
            if chart.epoch:
                positions[topic] = {"epoch": chart.epoch, "seq": chart.seq}
        request = {"op": "subscribe", "topics": topics, "history": HISTORY, "resume": positions}
        await connection.send(orjson.dumps(request).decode())

    async def _hear(self, connection: ClientConnection, frame: Frame) -> None:
        match frame["type"]:
            case "hello":
                self._attempts = 0
            case "heartbeat":
                await self._mend()
            case "bye":
                self._wait = frame["reconnect_in_ms"] / 1000
            case "ack":
                assert {one["code"] for one in frame["rejected"]} <= PASSING, frame
                if frame["rejected"]:
                    await anyio.sleep(0.5)
                    rejected = [one["topic"] for one in frame["rejected"]]
                    await self._subscribe(connection, rejected)
            case _:
                assert frame["type"] != "error", frame
                self._apply(frame)
                await self._mend()

    def _apply(self, frame: Frame) -> None:
        topic, type = frame["topic"], frame["type"]
        if topic == STATUS:
            self.states.append(frame.get("status", frame)["state"])
        else:
            self.kinds[type] += 1
            self.charts[topic].apply(frame)
        if type in {"snapshot", "resumed"}:
            self._awaited.discard(topic)

    async def _mend(self) -> None:
        """Read what comes before the stream's bars; meanwhile its frames wait in the socket."""
        for topic, chart in self.charts.items():
            if chart.is_torn:
                place = self._http, self._place, topic
                # If not now, then with the next frame.
                with suppress(httpx2.HTTPError):
                    chart.older = await bars(*place, before=min(chart.bars))
                    chart.is_torn = False


async def bars(http: httpx2.AsyncClient, place: str, topic: str, **query: int) -> Bars:
    """What HTTP answers for a topic; raises HTTPError."""
    resolution = topic.rpartition(":")[2]
    parameters: dict[str, Any] = {"resolution": resolution, "limit": 50_000, **query}
    answer = await http.get(f"{place}/api/v1/bars/{_symbol(topic)}", params=parameters)
    found = answer.raise_for_status().json()
    rows = zip(*(found[name] for name in COLUMNS), strict=True)
    return {row[0]: list(row) for row in rows}


def _symbol(topic: str) -> str:
    return ":".join(topic.split(":")[1:3])
