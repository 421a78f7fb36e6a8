"""What charts announce after a commit."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from tradeapi.bus.port import Bus, Subject
from tradeapi.charts.points import Points, as_number, rows
from tradeapi.database import after_commit

# More is read by those who want it.
MOST_TOLD = 300
MOST_TOLD_BYTES = 32 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """A committed change of one chart; applies to followers that stand at `revision - 1`.

    `points` is the JSON of those that were added to the series or replaced in it, which has the
    `version` then; None: the chart has to be read. `revise`: some lie before the last one. `time`
    is that of the only point.
    """

    chart: str
    revision: int
    series: str = ""
    version: int = 0
    points: bytes | None = None
    time: float | None = None
    revise: bool = False

    @classmethod
    def of(  # noqa: PLR0913, PLR0917  they are what it tells
        cls,
        chart: str,
        revision: int,
        series: str,
        version: int,
        points: Points,
        columns: Sequence[str],
        *,
        revise: bool,
    ) -> "Changed":
        """With the points, unless they are too many."""
        text = orjson.dumps(rows(points, columns)) if len(points) <= MOST_TOLD else None
        if text is None or len(text) > MOST_TOLD_BYTES:
            return cls(chart=chart, revision=revision)
        return cls(
            chart=chart,
            revision=revision,
            series=series,
            version=version,
            points=text,
            time=as_number(float(points.time[0])) if len(points) == 1 else None,
            revise=revise,
        )


def announce(session: AsyncSession, bus: Bus, change: Changed) -> None:
    """Once the session's transaction has committed."""
    after_commit(session, partial(bus.publish, CHARTS, change.chart, change))


def encode(change: Changed) -> bytes:
    """Fields in their order: what a release adds comes at the end."""
    points = None if change.points is None else orjson.Fragment(change.points)
    place = change.chart, change.revision, change.series, change.version
    return orjson.dumps((*place, points, change.time, change.revise))


def decode(payload: bytes) -> Changed:
    """Raises an error of whatever type for what is no change: anybody may write to Redis."""
    chart, revision, series, version, points, time, revise = orjson.loads(payload)[:7]
    change = Changed(
        chart=chart,
        revision=revision,
        series=series,
        version=version,
        points=None if points is None else orjson.dumps(points),
        time=time,
        revise=revise,
    )
    if not _is_sound(change, points):
        raise ValueError("Some values are not of their type.")
    return change


def _is_sound(change: Changed, points: Any) -> bool:  # noqa: ANN401  it may be anything
    return (
        {type(change.chart), type(change.series)} == {str}
        and {type(change.revision), type(change.version)} == {int}
        and {type(change.time)} <= {int, float, type(None)}
        and {type(change.revise)} == {bool}
        and (points is None or (type(points) is list and set(map(type, points)) <= {dict}))
    )


CHARTS: Subject[Changed] = Subject("charts.changes", encode, decode)
