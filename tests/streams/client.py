"""A client that follows the rules for clients, and asserts what the server promises it.

Every frame, also those it says, is one that the AsyncAPI document has.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.streams.documented import Frame, frame_of


class Client:
    """Says and hears frames; `follow` keeps what the topics add up to."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.charts: dict[str, Chart] = {}

    async def say(self, **frame: object) -> None:
        frame_of(json.dumps(frame))
        await self.say_anything(**frame)

    async def say_anything(self, **frame: object) -> None:
        """Also what no client should say."""
        await self.connection.send(json.dumps(frame))

    async def hear(self) -> Frame:
        async with asyncio.timeout(5):
            return self._read(await self.connection.recv())

    async def hear_type(self, type: str) -> Frame:
        while (frame := await self.hear())["type"] != type:
            pass
        return frame

    async def hear_until(self, is_over: Callable[[], bool]) -> None:
        while not is_over():
            await self.hear()

    async def hear_rest(self, seconds: float = 0.1) -> list[Frame]:
        """What comes until it is quiet for so long."""
        frames: list[Frame] = []
        while True:
            try:
                async with asyncio.timeout(seconds):
                    text = await self.connection.recv()
            except TimeoutError:
                return frames
            frames.append(self._read(text))

    async def close_code(self) -> int | None:
        """The code the server closes with, whatever it says before."""
        async with asyncio.timeout(5):
            try:
                while True:
                    frame_of(await self.connection.recv())
            except ConnectionClosed as closed:
                return closed.rcvd.code if closed.rcvd else None

    async def hear_close(self) -> tuple[list[Frame], int, str]:
        """What is still said, and the code and the reason that the server closes with."""
        frames: list[Frame] = []
        async with asyncio.timeout(5):
            try:
                while True:
                    frames.append(frame_of(await self.connection.recv()))
            except ConnectionClosed as closed:
                close = closed.rcvd
        assert close is not None
        return frames, close.code, close.reason

    async def hear_refusal(self) -> tuple[str, int]:
        """The code of the one error frame that comes, and that of the close."""
        [error], code, _ = await self.hear_close()
        assert error["type"] == "error"
        return error["code"], code

    async def subscribe(self, *topics: str, **options: object) -> None:
        """Follow the topics; returns when all have their snapshot."""
        for topic in topics:
            self.charts[topic] = Chart()
        await self.say(op="subscribe", topics=topics, **options)
        ack = await self.hear_type("ack")
        assert ack["rejected"] == []
        await self.hear_until(lambda: all(self.charts[topic].epoch for topic in topics))

    def _read(self, text: str | bytes) -> Frame:
        frame = frame_of(text)
        chart = self.charts.get(frame.get("topic", ""))
        if chart is not None and "replay" not in frame:
            chart.apply(frame)
        return frame


@asynccontextmanager
async def client(url: str, **options: Any) -> AsyncIterator[Client]:
    async with connect(url, proxy=None, max_size=None, **options) as connection:
        yield Client(connection)


class Chart:
    """The bars or the quote of one topic, as a chart library would hold them."""

    def __init__(self) -> None:
        self.epoch = ""
        self.seq = -1
        self.bars: dict[int, list[float]] = {}
        self.quote: Mapping[str, Any] = {}
        self.finals: set[int] = set()
        self.final_until = 0
        self.previous_time: int | None = None
        self.revision = 0
        self.is_reset = False
        self.is_resumed = False
        self.kinds: list[str] = []

    @property
    def rows(self) -> list[list[float]]:
        return list(self.bars.values())

    def apply(self, frame: Frame) -> None:
        self.kinds.append(frame["type"])
        match frame["type"]:
            case "snapshot":
                self._snapshot(frame)
            case "reset":
                self.is_reset = True
                return
            case "error":
                self.epoch = ""
                return
            case "resumed":
                assert (frame["epoch"], frame["from"]) == (self.epoch, self.seq + 1)
                self.is_resumed = True
                return
            case type:
                assert not self.is_reset, "after a reset there is nothing but a snapshot"
                assert frame["seq"] > self.seq
                assert frame["prev"] < frame["seq"]
                {"bar": self._bar, "revise": self._revise, "quote": self._quote}[type](frame)
        self.seq = frame["seq"]

    def _snapshot(self, frame: Frame) -> None:
        assert frame["epoch"] != self.epoch or frame["seq"] >= self.seq
        self.epoch, self.is_reset = frame["epoch"], False
        if "quote" in frame:
            self.quote = frame["quote"]
            return
        rows = [list(row) for row in zip(*frame["bars"].values(), strict=True)]
        times = [row[0] for row in rows]
        assert times == sorted(set(times))
        # What is older than the snapshot is history's; a client with no hole may keep it.
        self.bars = {row[0]: row for row in rows}
        self.previous_time, self.revision = frame["previous_time"], frame["revision"]
        self.final_until = frame["final_until"]
        assert self.final_until >= max(times, default=0)

    def _bar(self, frame: Frame) -> None:
        time = frame["bar"][0]
        last = max(self.bars, default=None)
        assert last is None or time >= last, "cannot update oldest data"
        assert last is None or time == last or last in self.finals or last < self.final_until, (
            "a bar is closed before the next one begins"
        )
        # Another server can't know whether the end of what is its newest bar was heard already.
        if not self.is_resumed or time != last:
            assert time >= self.final_until, "a closed bar is revised, not updated"
            assert time not in self.finals, "a bar is final once, and then revised"
        if frame["final"]:
            self.finals.add(time)
        self.bars[time] = frame["bar"]

    def _revise(self, frame: Frame) -> None:
        time = frame["bar"][0]
        assert frame["final"]
        # Of bars before its first a client may know nothing.
        if time >= min(self.bars, default=time):
            assert time in self.bars, "cannot update a non-existing data point"
            assert time in self.finals or time < self.final_until
            self.bars[time] = frame["bar"]

    def _quote(self, frame: Frame) -> None:
        self.quote = frame["quote"]
