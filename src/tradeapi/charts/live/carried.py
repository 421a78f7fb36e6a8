"""Indicators, one over the other, carried forward as the series beneath them moves."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import NamedTuple

import numpy as np
from anyio import to_thread

from tradeapi.analytics.live_studies import LiveStudy, Values
from tradeapi.analytics.points import Columns, compute, is_settled
from tradeapi.analytics.studies import Study
from tradeapi.charts.chunks import Window
from tradeapi.charts.frames import Frame
from tradeapi.charts.live.grounds import Bar, Ground
from tradeapi.charts.study_frames import MOST_EARLIER, too_long


class Level(NamedTuple):
    """An indicator, and which of its outputs is shown."""

    study: Study
    output: str

    @property
    def place(self) -> int:
        return self.study.indicator.outputs.index(self.output)


class Carried:
    """`last` is the time of the newest point beneath, which forms until there is a newer one."""

    def __init__(
        self, levels: Sequence[Level], studies: Sequence[LiveStudy], last: float, bar: Bar | None
    ) -> None:
        self.last = last
        self._bar = bar
        self._levels = [*zip(levels, studies, strict=True)]

    def put(self, time: float, bar: Bar) -> float | None:
        """The value of the point beneath that is the last one now."""
        if time > self.last and self._bar is not None:
            self._value(self._bar, is_closed=True)
        self.last, self._bar = time, bar
        return self._value(bar, is_closed=False)

    def _value(self, bar: Bar, *, is_closed: bool) -> float | None:
        value = None
        for level, study in self._levels:
            numbers = (bar[name] for name in study.study.indicator.inputs)
            values: Values | None = study.update(*numbers) if is_closed else study.peek(*numbers)
            if values is None:
                return None
            value = values[level.place]
            bar = {"close": value}
        return value


@dataclass(frozen=True, slots=True)
class Opened:
    """The newest points, ascending, and what carries them on."""

    points: dict[float, float]
    has_more_before: bool
    carried: Carried


async def open_chain(ground: Ground, levels: Sequence[Level], count: int) -> Opened:
    """With up to so many points; `levels` from the ground up.

    Raises Invalid where the newest depends on more than MOST_EARLIER points beneath.
    """
    most = count + MOST_EARLIER
    wanted = min(count + 1 + sum(level.study.warm_up for level in levels), most)
    while True:
        frame = await ground.read(Window(wanted))
        opened = await to_thread.run_sync(_opened, levels, frame, count)
        if not frame.has_more_before or len(opened.points) == count:
            return opened
        if wanted == most:
            if not opened.points:
                raise too_long()
            return opened
        wanted = min(4 * wanted, most)


def _opened(levels: Sequence[Level], frame: Frame, count: int) -> Opened:
    time, columns = frame.time, frame.columns
    last = float(time[-1]) if len(time) else -inf
    bar = {name: float(column[-1]) for name, column in columns.items()} if len(time) else None
    studies = []
    for study, output in levels:
        closed = {name: columns[name][time < last] for name in study.indicator.inputs}
        studies.append(LiveStudy(study, closed))
        points = compute(study, np.arange(len(time)), columns)
        right = _first_right(study, columns, len(time)) if frame.has_more_before else 0
        kept = points.time >= right
        time, columns = time[points.time[kept]], {"close": points.outputs[output][kept]}
    begin = max(len(time) - count, 0)
    shown = dict(zip(time[begin:].tolist(), columns["close"][begin:].tolist(), strict=True))
    has_more = frame.has_more_before or begin > 0
    return Opened(shown, has_more, Carried(levels, studies, last, bar))


def _first_right(study: Study, columns: Columns, count: int) -> int:
    """The first point from which on those that were not read change nothing."""
    return bisect_left(range(count), True, key=lambda at: is_settled(study, columns, at))
