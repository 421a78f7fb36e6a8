"""The points of series that are bound: bars of a symbol, or an indicator over such or others."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tradeapi.charts.chunks import Window
from tradeapi.charts.frames import BarFrames, Frames, PushedFrames
from tradeapi.charts.pages import Page
from tradeapi.charts.points import Points
from tradeapi.charts.sources import IndicatorSource, Source
from tradeapi.charts.study_frames import StudyFrames
from tradeapi.charts.targets import Target
from tradeapi.database import Database
from tradeapi.errors import FieldError, Invalid
from tradeapi.market.bars.bar_history import BarHistory
from tradeapi.market.bars.query import MOST_THINNED
from tradeapi.market.bars.ranges import Range, opened


class BoundPoints:
    """Reads a chain: a series, and what it is computed over, down to what is no indicator.

    It reads up to MOST_THINNED, however many are asked for.
    """

    def __init__(self, database: Database, bars: BarHistory) -> None:
        self._database = database
        self._bars = bars

    async def read(self, chain: Sequence[Target], window: Window, range: Range | None) -> Page:
        """With a range its start and resolution take the place of the window's and the source's."""
        start = None
        if range is not None:
            ground, start = await self._opened(chain[-1], range)
            chain = [*chain[:-1], ground]
            # Bars begin on whole seconds.
            window = window if start is None else window._replace(after=start - 0.5)
        target, source = chain[0], chain[-1].source
        window = window._replace(limit=min(window.limit, MOST_THINNED))
        frame = await self._frames(chain).read(window)
        names = target.type.columns if len(target.type.columns) > 1 else ("close",)
        points = Points(
            frame.time,
            np.column_stack([frame.columns[name] for name in names]),
            np.full(len(frame), None, np.object_),
        )
        return Page(
            target,
            points,
            frame.has_more_before,
            frame.has_more_after,
            resolution=source.resolution if isinstance(source, Source) else None,
            start=start,
        )

    async def _opened(self, ground: Target, range: Range) -> tuple[Target, int | None]:
        """The series in the range's resolution, and where that begins."""
        if not isinstance(ground.source, Source):
            detail = f"The points of {ground.name} are pushed, in no other resolution."
            raise Invalid(detail, code="no_range", errors=[FieldError("/query/range", detail)])
        resolution, start = await opened(self._bars, ground.source.symbol, range)
        source = ground.source.model_copy(update={"resolution": resolution})
        return replace(ground, source=source), start

    def _frames(self, chain: Sequence[Target]) -> Frames:
        target, *beneath = chain
        if isinstance(target.source, IndicatorSource):
            assert target.source.output is not None  # noqa: S101  it is complete
            of = self._frames(beneath)
            return StudyFrames(target.source.study, target.source.output, of)
        if target.source is None:
            return PushedFrames(self._database, target)
        return BarFrames(self._bars, target.type, target.source)
