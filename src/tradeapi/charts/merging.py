"""How points come to those that a series has, and what it is then."""

from collections.abc import Sequence

import numpy as np

from tradeapi.charts import chunks
from tradeapi.charts.chunks import Packed
from tradeapi.charts.points import Points
from tradeapi.charts.targets import State, Target
from tradeapi.drivers import Raw


async def merge(
    raw: Raw, target: Target, before: State, points: Points, packed: Sequence[Packed]
) -> State:
    """Of a locked series; `packed` is what becomes of the points, if there are no others."""
    if before.last is None or before.first is None:
        await chunks.replace(raw, target.key, packed or chunks.lay(points))
        return State.of(points, before.version + 1)
    first, last = float(points.time[0]), float(points.time[-1])
    added = 0
    if first < before.last:
        # Those from the last chunk on are appended.
        start = await chunks.last_start(raw, target.key)
        cut = int(np.searchsorted(points.time, start))
        older, points = points[:cut], points[cut:]
        if len(older):
            added += await chunks.amend(raw, target.key, older)
    if len(points):
        added += await chunks.append(raw, target.key, points)
    return State(
        before.count + added,
        min(before.first, first),
        max(before.last, last),
        before.version + 1,
    )
