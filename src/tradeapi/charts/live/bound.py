"""The bars that the bound series of one chart show: followed as any client does, and held."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from math import inf
from typing import Any

import anyio
import orjson
import structlog

from tradeapi.charts.events import MOST_TOLD
from tradeapi.charts.models import Series
from tradeapi.charts.points import SeriesType
from tradeapi.charts.sources import Source
from tradeapi.errors import Unavailable
from tradeapi.streams.hub import Hub
from tradeapi.streams.mailbox import Lagged, Mailbox
from tradeapi.streams.requests import Subscribe, Unsubscribe
from tradeapi.streams.signals import Signal
from tradeapi.streams.subscriptions import Subscriptions
from tradeapi.web.principal import Principal, Scope

PATIENCE_SECONDS = 5.0

# Whoever may see a chart may see the bars that it shows.
READER = Principal(scopes=frozenset({Scope.READ}))

Frame = Mapping[str, Any]
Row = Sequence[float]

log = structlog.get_logger()


class Held:
    """The newest bars of one topic, ascending."""

    def __init__(self, rows: Sequence[Row], *, has_more_before: bool) -> None:
        self.has_more_before = has_more_before
        self._rows = {row[0]: row for row in rows}
        self._most = max(2 * len(rows), 2 * MOST_TOLD)

    def newest(self, count: int) -> tuple[Sequence[Row], bool]:
        """Up to so many, and whether there are older ones."""
        rows = [*self._rows.values()]
        shown = rows[-count:] if count else []
        return shown, self.has_more_before or len(shown) < len(rows)

    def has(self, count: int) -> bool:
        """Whether it can show so many, or all there are."""
        return not self.has_more_before or len(self._rows) >= count

    def put(self, row: Row) -> None:
        first = next(iter(self._rows), None)
        if first is not None and row[0] < first:
            # It is among those that are not held.
            return
        self._rows[row[0]] = row
        if len(self._rows) > self._most:
            del self._rows[next(iter(self._rows))]
            self.has_more_before = True

    @property
    def begin(self) -> float:
        return next(iter(self._rows), inf)

    def since(self, begin: float) -> Mapping[float, Row]:
        return {time: row for time, row in self._rows.items() if time >= begin}

    def agrees(self, older: "Held") -> bool:
        """Whether who has heard of the older one is told nothing new by this one."""
        begin = max(self.begin, older.begin)
        if begin == inf:
            return self.begin == older.begin
        return self.since(begin) == older.since(begin)


class BoundBars:
    """`tell` is called with a topic and the frame that has moved it, or None: it begins anew.

    `run` is to be a task; `over` is called when it has heard too much at once to go on.
    """

    def __init__(
        self, hub: Hub, tell: Callable[[str, Frame | None], None], over: Callable[[], None]
    ) -> None:
        self.held: dict[str, Held] = {}
        # Topics of symbols that are no more.
        self.ended: set[str] = set()
        self._hub = hub
        self._tell = tell
        self._over = over
        self._mailbox = Mailbox(hub.limits.pending)
        self._subscriptions = Subscriptions(hub, self._mailbox)
        self._followed: set[str] = set()
        self._heard = Signal()

    async def follow(self, topics: Collection[str], history: int) -> None:
        """These and no others; returns when so many bars of each are held, or all there are.

        Raises Unavailable where that takes too long.
        """
        gone = self._followed - set(topics)
        for topic in gone:
            self.held.pop(topic, None)
        if gone:
            self._subscriptions.remove(Unsubscribe(None, [*gone]))
        self._followed = set(topics)
        count = max(history, MOST_TOLD)
        lacking = [
            topic for topic in topics if topic not in self.held or not self.held[topic].has(count)
        ]
        if lacking:
            asked = Subscribe(id=None, topics=lacking, history=count, throttle=0.0, resume={})
            await self._subscriptions.add(asked, READER)
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not all(self._is_held(topic, count) for topic in topics):
                    await self._heard.wait()
        except TimeoutError as error:
            raise Unavailable("The bars of a symbol are late.") from error

    def close(self) -> None:
        self._mailbox.shut()
        self._subscriptions.close()

    async def run(self) -> None:
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._hub.serve_snapshots, self._mailbox)
                while texts := await self._mailbox.take():
                    for text in texts:
                        self._hear(orjson.loads(text))
                    self._heard.wake()
                tasks.cancel_scope.cancel()
        except* Lagged:
            log.warning("chart.bars_lagged")
            self._over()

    def _is_held(self, topic: str, count: int) -> bool:
        return topic in self.held and self.held[topic].has(count)

    def _hear(self, frame: Frame) -> None:
        match frame["type"]:
            case "ack":
                for rejected in frame["rejected"]:
                    if not rejected["code"].startswith("database"):
                        self._end(rejected["topic"], rejected["code"])
            case "snapshot":
                rows = [*zip(*frame["bars"].values(), strict=True)]
                self._begin(
                    frame["topic"], Held(rows, has_more_before=frame["previous_time"] is not None)
                )
            case "reset":
                self.held.pop(frame["topic"], None)
            case "error":
                self._end(frame["topic"], frame["code"])
            case _:
                held = self.held.get(frame["topic"])
                if held is not None:
                    held.put(tuple(frame["bar"]))
                    self._tell(frame["topic"], frame)

    def _end(self, topic: str, code: str) -> None:
        if code == "unknown_symbol":
            self.ended.add(topic)
        self._begin(topic, Held([], has_more_before=False))

    def _begin(self, topic: str, held: Held) -> None:
        before = self.held.get(topic)
        if topic in self._followed:
            self.held[topic] = held
            if before is None or not held.agrees(before):
                self._tell(topic, None)


class Binding:
    """What one series shows of the bars of its topic; without one there is no such symbol."""

    def __init__(self, series: Series, source: Source, topic: str | None) -> None:
        self.name = series.name
        self.symbol = source.symbol
        self.topic = topic
        self._field = COLUMNS[source.field]
        self._columns = SeriesType(series.type).columns

    def point(self, row: Row) -> Mapping[str, float]:
        if len(self._columns) == 1:
            return {"time": row[0], "value": row[self._field]}
        return dict(zip(("time", *self._columns), row, strict=False))

    def points(self, rows: Sequence[Row]) -> bytes:
        return orjson.dumps([self.point(row) for row in rows])


COLUMNS = {name: place for place, name in enumerate(("open", "high", "low", "close", "volume"), 1)}
