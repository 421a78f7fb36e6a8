"""Points of an indicator: as many as are asked for, and each right.

What comes before the first is loaded as far back as it matters.
"""

from math import inf

import numpy as np
from anyio import to_thread

from tradeapi.analytics.indicators import Memory
from tradeapi.analytics.points import compute, is_settled
from tradeapi.analytics.studies import Study
from tradeapi.charts.chunks import Window
from tradeapi.charts.frames import Frame, Frames
from tradeapi.errors import Invalid

# The most points that are loaded before the first that is shown.
MOST_EARLIER = 200_000


class StudyFrames:
    """One output of a study over the series `of`; points of that which give no value have none."""

    def __init__(self, study: Study, output: str, of: Frames) -> None:
        self._study = study
        self._output = output
        self._of = of

    async def read(self, window: Window) -> Frame:
        """Raises Invalid where a value depends on more than MOST_EARLIER points."""
        if not window.earliest:
            return await self._latest(window)
        limit = window.limit
        while True:
            ahead = await self._of.read(window._replace(limit=limit))
            end = float(np.nextafter(ahead.time[-1], inf)) if len(ahead) else window.before
            found = await self._latest(Window(limit, window.after, end))
            if len(found) >= window.limit or not len(ahead) or not ahead.has_more_after:
                return _earliest(found, window.limit)
            # So many of them had no value.
            if limit > MOST_EARLIER:
                raise too_long()
            limit *= 4

    async def _latest(self, window: Window) -> Frame:
        most = window.limit + MOST_EARLIER
        wanted = min(window.limit + 1 + self._study.warm_up, most)
        if self._study.indicator.memory is Memory.HISTORY:
            wanted = most
        while True:
            of = await self._of.read(Window(wanted, before=window.before))
            # Always: few are quick, but the first of all imports TA-Lib.
            found, is_right = await to_thread.run_sync(self._computed, of, window)
            if is_right:
                return found
            if wanted == most:
                raise too_long()
            wanted = min(4 * wanted, most)

    def _computed(self, of: Frame, window: Window) -> tuple[Frame, bool]:
        """The points, and whether earlier ones of the series beneath would change nothing."""
        points = compute(self._study, np.arange(len(of)), of.columns)
        places, values = points.time, points.outputs[self._output]
        inside = int(of.time.searchsorted(window.after, "right"))
        first = int(places.searchsorted(inside))
        first = max(first, len(places) - window.limit)
        is_full = len(places) - first == window.limit
        frame = Frame(
            of.time[places[first:]],
            {"close": values[first:]},
            has_more_before=first > 0 or of.has_more_before,
            has_more_after=of.has_more_after,
        )
        if not of.has_more_before or inside == len(of):
            return frame, True
        # With fewer than are wanted, one may be missing that has no value yet.
        begin = int(places[first]) if is_full else inside
        is_reached = is_full or inside > 0
        return frame, is_reached and is_settled(self._study, of.columns, begin)


def too_long() -> Invalid:
    return Invalid(
        f"The first value depends on more than {MOST_EARLIER:,} points before it: "
        "take a wider resolution.",
        code="history_too_long",
    )


def _earliest(found: Frame, limit: int) -> Frame:
    return Frame(
        found.time[:limit],
        {"close": found.columns["close"][:limit]},
        found.has_more_before,
        found.has_more_after or len(found) > limit,
    )
