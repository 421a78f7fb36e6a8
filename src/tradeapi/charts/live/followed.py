"""The charts that somebody follows, and what is done when their news does not come.

The database is asked every second whether it knows of changes that nobody has announced, of charts
that are no more, and of symbols that were not there when a chart that shows them was read.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import select

from tradeapi.bus.port import Bus
from tradeapi.charts.accesses import Accesses
from tradeapi.charts.events import CHARTS, Changed
from tradeapi.charts.live import reading
from tradeapi.charts.live.bound import Binding
from tradeapi.charts.live.carried import Level
from tradeapi.charts.live.computed import Computed
from tradeapi.charts.live.grounds import BoundGround, Ground, PushedGround
from tradeapi.charts.live.reading import Reading, Version
from tradeapi.charts.models import Chart, Series
from tradeapi.charts.sources import IndicatorSource, Source, read_source
from tradeapi.database import Database
from tradeapi.errors import Conflict, NotFound, TradeError
from tradeapi.market.bars.bar_history import BarHistory
from tradeapi.market.symbols.directory import Directory
from tradeapi.streams.background import as_unavailable
from tradeapi.streams.followed import Followed
from tradeapi.streams.hub import Hub
from tradeapi.streams.topics import Topic

if TYPE_CHECKING:
    from tradeapi.charts.live.source import ChartSource


class FollowedCharts(Followed[Changed, "ChartSource"]):
    """`bars` is where the charts follow the bars that they show."""

    def __init__(  # noqa: PLR0913, PLR0917  they are what it reads and tells
        self,
        database: Database,
        bus: Bus,
        hub: Hub,
        directory: Directory,
        history: BarHistory,
        accesses: Accesses,
        *,
        ttl: float,
    ) -> None:
        super().__init__(bus, CHARTS, "chart")
        self.bars = hub.beside()
        self._database = database
        self._hub = hub
        self._directory = directory
        self._history = history
        self._accesses = accesses
        self._ttl = ttl

    def end(self, topic: Topic, error: TradeError) -> None:
        self._hub.end(topic, error)

    async def is_owned(self, id: UUID, owner: UUID) -> bool:
        with as_unavailable():
            async with self._database.reading() as session:
                chosen = select(Chart.id).where(Chart.id == id, Chart.owner_id == owner)
                return await session.scalar(chosen) is not None

    async def read(
        self,
        id: UUID,
        *,
        history: int | None = None,
        known: Mapping[str, Version] | None = None,
    ) -> Reading:
        with as_unavailable():
            made = await reading.read(self._database, id, self._ttl, history=history, known=known)
        self._accesses.note(id, made.accessed_at)
        return made

    async def bind(self, series: Sequence[Series]) -> Sequence[Binding]:
        sources = [(one, read_source(one.source)) for one in series if one.source is not None]
        return [
            Binding(one, source, await self._topic_of(source))
            for one, source in sources
            if isinstance(source, Source)
        ]

    def computed(self, series: Sequence[Series], bindings: Sequence[Binding]) -> Sequence[Computed]:
        """Those that are indicators."""
        by_name = {one.name: one for one in series}
        topics = {one.name: one.topic for one in bindings}
        found = []
        for one in series:
            levels: list[Level] = []
            ground, source = one, _source_of(one)
            while isinstance(source, IndicatorSource):
                assert source.output is not None  # noqa: S101  it is complete
                levels.insert(0, Level(source.study, source.output))
                ground = by_name[source.of]
                source = _source_of(ground)
            if levels:
                beneath = topics.get(ground.name) or ground.name
                carrier = self._ground(ground, source, levels[0])
                found.append(Computed(one.name, levels, beneath, carrier))
        return found

    def _ground(self, series: Series, source: Source | None, level: Level) -> Ground:
        if source is None:
            return PushedGround(self._database, series)
        columns = level.study.indicator.inputs
        return BoundGround(self._history, self._directory, series, source, columns)

    async def _topic_of(self, source: Source) -> str | None:
        try:
            with as_unavailable():
                listing = await self._directory.get(source.symbol)
        except (NotFound, Conflict):
            return None
        return f"bars:{listing.symbol}:{source.resolution}:{source.adjustment}"

    def trail(self, source: "ChartSource", revision: int) -> Sequence[Changed]:
        """What has led to the revision, as far back as it is still here without a gap."""
        recent = {one.revision: one for one in self._bus.recent(CHARTS, source.key)}
        trail: list[Changed] = []
        while (change := recent.get(revision - len(trail))) and change.points is not None:
            trail.append(change)
        return trail[::-1]

    def key_of(self, change: Changed) -> str:
        return change.chart

    async def ask(self) -> None:
        await super().ask()
        await self._look_for_symbols([one for one in self._sources.values() if one.topic.is_begun])

    async def _look_for_symbols(self, sources: Sequence["ChartSource"]) -> None:
        """A chart that shows one which is there now begins anew."""
        missing = {symbol for source in sources for symbol in source.missing}
        if not missing:
            return
        found = await self._directory.read_many(missing)
        there = {symbol for symbol, one in found.items() if not isinstance(one, TradeError)}
        for source in sources:
            if source.topic.is_begun and there.intersection(source.missing):
                source.begin_anew()

    async def compare(self, sources: Sequence["ChartSource"]) -> None:
        columns = select(Chart.id, Chart.revision, Chart.accessed_at)
        chosen = columns.where(Chart.id.in_([source.id for source in sources]))
        async with self._database.reading() as session:
            found = {str(row.id): row for row in (await session.execute(chosen)).all()}
        for source in sources:
            row = found.get(str(source.id))
            if row is None:
                self.end(source.topic, NotFound("There is no such chart."))
                continue
            # Whoever looks at a chart asks for it all the time.
            self._accesses.note(source.id, row.accessed_at)
            if row.revision > source.revision:
                source.reach(row.revision)


def _source_of(series: Series) -> Source | IndicatorSource | None:
    return None if series.source is None else read_source(series.source)
