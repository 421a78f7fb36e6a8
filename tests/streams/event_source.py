"""A client of server-sent events, as the standard has browsers read them."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import anyio
import httpx2
import orjson

from tests.streams.client import Chart
from tests.streams.documented import Frame


class Event(NamedTuple):
    """What a page gets: the data, and the id that the next request would bring."""

    data: str
    last_id: str


class EventSource:
    """One answer, which is read all the time."""

    def __init__(self, answer: httpx2.Response, last_id: str = "") -> None:
        self.answer = answer
        # As of the event heard last.
        self.last_id = last_id
        self.retry = 0
        self.comments = 0
        self.charts: dict[str, Chart] = {}
        self._events: asyncio.Queue[Event | None] = asyncio.Queue()

    async def read(self) -> None:
        data, last_id = "", self.last_id
        try:
            async for line in self.answer.aiter_lines():
                name, _, value = line.partition(":")
                value = value.removeprefix(" ")
                match name:
                    case "data":
                        data += value
                    case "id":
                        last_id = value
                    case "retry":
                        self.retry = int(value)
                    case "" if line:
                        self.comments += 1
                    case _:
                        assert not line, line
                        if data:
                            self._events.put_nowait(Event(data, last_id))
                        data = ""
        except httpx2.TransportError:
            # The connection is cut, which for a browser is no different from the end.
            pass
        finally:
            self._events.put_nowait(None)

    async def hear(self) -> Frame:
        """The frame of the next event."""
        frame = await self._next(5)
        assert frame is not None, "the stream has ended"
        return frame

    async def hear_type(self, type: str) -> Frame:
        while (frame := await self.hear())["type"] != type:
            pass
        return frame

    async def hear_rest(self, seconds: float = 0.1) -> list[Frame]:
        """What comes until it is quiet for so long."""
        frames: list[Frame] = []
        try:
            while (frame := await self._next(seconds)) is not None:
                frames.append(frame)
        except TimeoutError:
            pass
        return frames

    async def hear_end(self) -> list[Frame]:
        """What is still said until the stream ends."""
        frames: list[Frame] = []
        while (frame := await self._next(5)) is not None:
            frames.append(frame)
        return frames

    async def _next(self, seconds: float) -> Frame | None:
        async with asyncio.timeout(seconds):
            event = await self._events.get()
        if event is None:
            return None
        self.last_id = event.last_id
        frame: Frame = orjson.loads(event.data)
        chart = self.charts.get(frame.get("topic", ""))
        if chart is not None:
            chart.apply(frame)
        return frame


@asynccontextmanager
async def asking(
    url: str,
    *topics: str,
    headers: Mapping[str, str] | None = None,
    last_id: str | None = None,
    **query: Any,
) -> AsyncIterator[httpx2.Response]:
    """The answer to one who follows the topics, whatever it is."""
    sent = {"accept": "text/event-stream", **(headers or {})}
    if last_id is not None:
        sent["last-event-id"] = last_id
    async with (
        httpx2.AsyncClient(trust_env=False, verify=False, timeout=20) as caller,
        caller.stream("GET", url, params={"topics": topics, **query}, headers=sent) as answer,
    ):
        yield answer


@asynccontextmanager
async def event_source(url: str, *topics: str, **options: Any) -> AsyncIterator[EventSource]:
    async with asking(url, *topics, **options) as answer:
        assert answer.status_code == 200, await answer.aread()
        source = EventSource(answer, options.get("last_id") or "")
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(source.read)
            yield source
            tasks.cancel_scope.cancel()


async def refused(url: str, *topics: str, **options: Any) -> tuple[int, str]:
    """The status and the code of a problem."""
    async with asking(url, *topics, **options) as answer:
        problem = orjson.loads(await answer.aread())
        assert answer.headers["content-type"] == "application/problem+json", problem
        return answer.status_code, problem["code"]
