"""One chart that is followed: its changes in order, each once, none left out."""

import asyncio
import secrets
from collections.abc import Collection, Hashable, Mapping, Sequence
from contextlib import suppress
from time import monotonic
from uuid import UUID

import anyio
import orjson

from tradeapi.charts.events import MOST_TOLD, Changed
from tradeapi.charts.live.bound import Binding, BoundBars, Frame
from tradeapi.charts.live.computed import Computed, written
from tradeapi.charts.live.followed import FollowedCharts
from tradeapi.charts.live.reading import NOTHING, Reading, Shown, Version, is_news
from tradeapi.errors import NotFound, Unavailable
from tradeapi.streams.background import as_unavailable
from tradeapi.streams.positions import MOST_FRAMES
from tradeapi.streams.topics import Change, Snapshot, Topic

# More news than this out of order is not waited for: reading again is cheaper.
MOST_WAITING = 256
# How long news may be late before the database is read instead, and how often to look.
PATIENCE_SECONDS = 0.05
LOOKS = 5


class ChartSource:
    """Counts the revisions of its chart; news of one that comes too early waits for those before.

    While the chart is being read nothing is told, so that a snapshot is of what has been told and
    no more. Where no series is bound, nor an indicator, a position is a revision, and is good
    everywhere. Changes of those are counted by nobody else: positions mean something here only.
    """

    resumes = True

    def __init__(self, topic: Topic, id: UUID, charts: FollowedCharts) -> None:
        self.id = id
        self.revision = -1
        self.topic = topic
        self._charts = charts
        self._version = 0
        self._layout: Sequence[object] = ()
        self._sources: Mapping[str, object] = {}
        self._known: Mapping[str, Version] = {}
        self._bindings: Sequence[Binding] = ()
        self._computed: Sequence[Computed] = ()
        self._bars: BoundBars | None = None
        self._waiting: dict[int, Changed] = {}
        self._least = -1
        self._turn = asyncio.Lock()
        self._is_looking = False
        self._is_opening = False
        charts.add(self)

    @property
    def key(self) -> str:
        return str(self.id)

    @property
    def rest(self) -> str:
        return f"/api/v1/charts/{self.id}"

    async def snapshot(self, history: int) -> Snapshot:
        async with self._turn:
            fields = await self._read(history)
            snapshot = Snapshot(self.topic.seq, lambda _: fields)
        self._go_on()
        return snapshot

    @property
    def missing(self) -> Collection[str]:
        """Symbols that are bound and were not there, or are not any more."""
        ended = set() if self._bars is None else self._bars.ended
        return {one.symbol for one in self._bindings if one.topic is None or one.topic in ended}

    def begin_anew(self) -> None:
        """Follow all bars from the beginning; everybody gets a snapshot."""
        self._unbind()
        self._reset()

    def hear(self, change: Changed) -> None:
        if change.revision <= self.revision:
            return
        self._waiting[change.revision] = change
        if len(self._waiting) > MOST_WAITING:
            del self._waiting[min(self._waiting)]
        self._go_on()
        if self._waiting:
            self.reach(max(self._waiting))

    def reach(self, revision: int) -> None:
        """See to it that the revision is told; if its news does not come, by reading."""
        self._least = max(self._least, revision)
        if not self._is_looking and self.topic.is_begun:
            self._is_looking = True
            self._charts.soon(self._look)

    def close(self) -> None:
        self._charts.remove(self)
        self._unbind()
        self._computed = ()

    async def _look(self) -> None:
        try:
            while self.topic.is_begun and self.revision < self._least:
                await self._wait_for_news()
                if self.revision < self._least:
                    await self._catch_up()
        except NotFound as error:
            self._charts.end(self.topic, error)
        finally:
            self._is_looking = False

    async def _wait_for_news(self) -> None:
        for _ in range(LOOKS):
            following = self._waiting.get(self.revision + 1)
            if self.revision >= self._least or (following and following.points is None):
                return
            await anyio.sleep(PATIENCE_SECONDS / LOOKS)

    async def _catch_up(self) -> None:
        async with self._turn:
            least = self._least
            if self.topic.is_begun and self.revision < least:
                self._take(await self._charts.read(self.id, known=self._known))
                # Whatever else there may be is asked for soon, if it was not heard of meanwhile.
                if self._least == least:
                    self._least = self.revision
        self._go_on()

    async def _read(self, history: int) -> Mapping[str, object]:
        """Bring the topic to where the chart is read; what a snapshot says of that."""
        await self._charts.ready(self)
        known = self._known if self.topic.is_begun else None
        reading = await self._charts.read(self.id, history=history, known=known)
        bindings = await self._charts.bind(reading.series)
        if self.topic.is_begun and (
            _sources(reading) != self._sources or _topics(bindings) != _topics(self._bindings)
        ):
            self._reset()
        await self._follow(bindings, min(history, reading.most))
        if self.topic.is_begun:
            self._apply(reading.revision)
            self._take(reading)
        if not self.topic.is_begun:
            self._computed = self._charts.computed(reading.series, bindings)
        await self._open(min(max(history, MOST_TOLD), reading.most))
        if not self.topic.is_begun:
            self._begin(reading, bindings)
        shown = {name: one.fields for name, one in reading.shown.items()}
        for binding in bindings:
            shown[binding.name] = self._show(binding, min(history, reading.most)).fields
        for one in self._computed:
            shown[one.name] = one.newest(min(history, reading.most)).fields
        document = orjson.Fragment(reading.document)
        return {"chart": document, "version": reading.version, "series": shown}

    async def _follow(self, bindings: Sequence[Binding], history: int) -> None:
        topics = {one.topic for one in bindings if one.topic is not None}
        if topics and self._bars is None:
            self._bars = BoundBars(self._charts.bars, self._hear_bar, self.begin_anew)
            self._charts.soon(self._bars.run)
        if self._bars is not None:
            await self._bars.follow(topics, history)

    def _begin(self, reading: Reading, bindings: Sequence[Binding]) -> None:
        self._bindings = bindings
        if self._is_bound:
            self._keep(reading)
            self.topic.begin(secrets.token_hex(4), 0)
            return
        trail = self._charts.trail(self, reading.revision)
        # They are told once more, to nobody here, for those who have heard some of them elsewhere.
        self.topic.begin(f"{reading.epoch}-{self.id}", reading.revision - len(trail))
        for change in trail:
            self._tell(change)
        self._keep(reading)

    @property
    def _is_bound(self) -> bool:
        return bool(self._bindings or self._computed)

    async def _open(self, count: int) -> None:
        """Have so many points of each indicator, and tell what is another now.

        Raises Unavailable where the bars beneath were lost meanwhile.
        """
        bars = self._bars
        for one in self._computed:
            if one.has(count):
                continue
            other = await one.open(max(count, MOST_TOLD))
            if self._bars is not bars:
                raise Unavailable("The bars of a symbol are late.")
            if not self.topic.is_begun or other is None:
                continue
            if other.points is None:
                self._announce([_series(one.name, one.newest(MOST_TOLD))])
            else:
                key = ("revise", one.name, self.topic.version)
                self._announce([_points(one.name, written(other.points), True, key)])

    def _carry(self, one: Computed, time: float, news: object) -> Sequence[Change]:
        """What the newest point beneath makes of an indicator."""
        value = one.put(time, news)
        if value is None:
            return []
        return [_points(one.name, written({time: value}), False, (False, one.name, time))]

    def _open_soon(self) -> None:
        if not self._is_opening and self.topic.is_begun and self._is_stale:
            self._is_opening = True
            self._charts.soon(self._open_stale)

    @property
    def _is_stale(self) -> bool:
        return any(one.is_stale for one in self._computed)

    async def _open_stale(self) -> None:
        try:
            while self.topic.is_begun and self._is_stale:
                begun = monotonic()
                async with self._turn:
                    if self.topic.is_begun:
                        with suppress(Unavailable), as_unavailable():
                            await self._open(0)
                self._go_on()
                # Half of the time at most, however often something old is revised.
                await anyio.sleep(max(PATIENCE_SECONDS, monotonic() - begun))
        finally:
            self._is_opening = False

    def _go_on(self) -> None:
        """Tell the changes whose turn it is."""
        if self.topic.is_begun and not self._turn.locked():
            self._apply(max(self._waiting, default=-1))
        self._open_soon()

    def _apply(self, until: int) -> None:
        while self.revision < until:
            change = self._waiting.get(self.revision + 1)
            if change is None or change.points is None:
                return
            del self._waiting[change.revision]
            self._tell(change)

    def _tell(self, change: Changed) -> None:
        self.revision = change.revision
        known = self._known.get(change.series)
        if known is not None:
            self._known = {**self._known, change.series: known._replace(version=change.version)}
        assert change.points is not None  # noqa: S101  who calls has looked
        key = (
            change.revise,
            change.series,
            change.revision if change.time is None else change.time,
        )
        changes = [_points(change.series, change.points, change.revise, key)]
        beneath = [one for one in self._computed if one.beneath == change.series]
        points = orjson.loads(change.points) if beneath else []
        for one in beneath:
            if change.revise:
                one.doubt(min(point["time"] for point in points))
            elif change.version > one.version:
                one.reach(change.version)
                for point in points:
                    changes += self._carry(one, float(point["time"]), point)
        self._announce(changes)

    def _take(self, reading: Reading) -> None:
        """Tell what has changed until this was read."""
        if reading.revision <= self.revision:
            return
        changes = []
        if reading.version != self._version:
            if _sources(reading) != self._sources:
                self._reset()
                return
            changes.append(self._document(reading))
        changes += [
            _series(series.name, reading.shown[series.name])
            for series in reading.series
            if is_news(series, self._known)
        ]
        for one in self._computed:
            if one.beneath in {change.fields.get("series") for change in changes}:
                one.doubt()
        self._keep(reading)
        if len(changes) > MOST_FRAMES:
            self._reset()
        else:
            self._announce(changes)

    def _document(self, reading: Reading) -> Change:
        """One that has other series is always sent: what is told of these comes after it."""
        fields = {"version": reading.version, "chart": orjson.Fragment(reading.document)}
        is_other = _layout(reading) != self._layout
        return Change(type="chart", fields=fields, key="chart", final=is_other)

    def _keep(self, reading: Reading) -> None:
        self.revision, self._version = reading.revision, reading.version
        self._layout, self._sources = _layout(reading), _sources(reading)
        self._known = {one.name: Version.of(one) for one in reading.series if one.source is None}
        self._waiting = {
            revision: change
            for revision, change in self._waiting.items()
            if reading.revision < revision <= reading.revision + MOST_WAITING
        }

    def _announce(self, changes: Sequence[Change]) -> None:
        self._open_soon()
        version = self.topic.version + 1 if self._is_bound else self.revision
        self.topic.announce(changes, version)

    def _hear_bar(self, topic: str, frame: Frame | None) -> None:
        # Those that are being opened have to know in any case.
        carried = self._carry_bar(topic, frame)
        if not self.topic.is_begun:
            return
        changes = []
        for binding in self._bindings:
            if binding.topic == topic and frame is None:
                changes.append(_series(binding.name, self._show(binding, MOST_TOLD)))
            elif binding.topic == topic and frame is not None:
                revise, row = frame["type"] == "revise", frame["bar"]
                key = (revise, binding.name, row[0])
                text = binding.points([row])
                final = frame["final"] and not revise
                changes.append(_points(binding.name, text, revise, key, final=final))
        if changes:
            self._announce([*changes, *carried])

    def _carry_bar(self, topic: str, frame: Frame | None) -> Sequence[Change]:
        """What a bar makes of the indicators over it."""
        beneath = [one for one in self._computed if one.beneath == topic]
        if frame is None:
            for one in beneath:
                one.doubt()
            return []
        bar = frame["bar"]
        return [change for one in beneath for change in self._carry(one, float(bar[0]), bar)]

    def _show(self, binding: Binding, count: int) -> Shown:
        if binding.topic is None or self._bars is None or binding.topic not in self._bars.held:
            return NOTHING
        rows, has_more = self._bars.held[binding.topic].newest(count)
        return Shown(binding.points(rows), has_more)

    def _reset(self) -> None:
        """Have everybody read anew: positions count something else from now on."""
        if self.topic.is_begun:
            self.topic.reset("epoch", self.rest)

    def _unbind(self) -> None:
        if self._bars is not None:
            self._bars.close()
            self._bars = None


def _points(
    series: str, points: bytes, revise: bool, key: Hashable, *, final: bool = False
) -> Change:
    fields = {"series": series, "points": orjson.Fragment(points), "revise": revise}
    return Change(type="points", fields=fields, key=key, final=final)


def _series(name: str, shown: Shown) -> Change:
    fields = {"series": name, **shown.fields}
    # What follows builds on it.
    return Change(type="series", fields=fields, key=("series", name), final=True)


def _topics(bindings: Sequence[Binding]) -> Sequence[tuple[str, str | None]]:
    return [(one.name, one.topic) for one in bindings]


def _layout(reading: Reading) -> Sequence[object]:
    return [(str(one.id), one.name, one.pane, one.type) for one in reading.series]


def _sources(reading: Reading) -> Mapping[str, object]:
    bound = [one for one in reading.series if one.source is not None]
    beneath = {orjson.loads(one.source or b"").get("of") for one in bound}
    return {
        one.name: (one.type, one.source, str(one.id))
        for one in reading.series
        if one.source is not None or one.name in beneath
    }
