"""Points of a series as columns, and the bytes that they are kept as.

A chunk of n points holds their times and then each column of values (float64), little-endian, with
NaN for the values of a whitespace point, which only has a time. Where any point has further fields,
such as a colour, there follow for each the number of its fields (uint16, 0 for none) and then the
distinct fields from 1 on, a line of JSON without its braces each: most points of a series that have
some share them with many others. It is stored uncompressed, as bars are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import orjson

from tradeapi.analytics.bars import PRICES, BoolArray, Float64Array

ObjectArray = npt.NDArray[np.object_]


class SeriesType(StrEnum):
    """How a series is drawn, which says what its points have."""

    CANDLESTICK = "candlestick"
    BAR = "bar"
    LINE = "line"
    AREA = "area"
    BASELINE = "baseline"
    HISTOGRAM = "histogram"

    @property
    def columns(self) -> tuple[str, ...]:
        """The values of a point, beside its time."""
        return PRICES if self in _WITH_PRICES else ("value",)


_WITH_PRICES = {SeriesType.CANDLESTICK, SeriesType.BAR}


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """Strictly ascending `time` in epoch seconds; `values` has a row for each point.

    `further` is what else a point has, as JSON without the braces, or None.
    """

    time: Float64Array
    values: Float64Array
    further: ObjectArray

    @classmethod
    def empty(cls, width: int) -> Self:
        return cls(np.empty(0), np.empty((0, width)), np.empty(0, np.object_))

    @classmethod
    def concat(cls, runs: Sequence["Points"], width: int) -> Self:
        if not runs:
            return cls.empty(width)
        return cls(
            np.concatenate([run.time for run in runs]),
            np.concatenate([run.values for run in runs]),
            np.concatenate([run.further for run in runs]),
        )

    def __len__(self) -> int:
        return len(self.time)

    def __getitem__(self, index: slice | BoolArray | npt.NDArray[np.intp]) -> "Points":
        return Points(self.time[index], self.values[index], self.further[index])

    @property
    def width(self) -> int:
        return int(self.values.shape[1])

    def with_points(self, newer: "Points") -> "Points":
        """The union; where both have a point, the newer one as a whole."""
        if not len(self) or not len(newer):
            return Points.concat([self, newer], self.width)
        if newer.time[0] >= self.time[-1]:
            older = self[: int(np.searchsorted(self.time, newer.time[0]))]
            return Points.concat([older, newer], self.width)
        time = np.union1d(self.time, newer.time)
        values = np.empty((len(time), self.width))
        further = np.full(len(time), None, np.object_)
        for run in (self, newer):
            places = np.searchsorted(time, run.time)
            values[places] = run.values
            further[places] = run.further
        return Points(time, values, further)


def encode(points: Points) -> bytes:
    parts = [points.time.tobytes(), np.ascontiguousarray(points.values.T).tobytes()]
    fields = points.further.tolist()
    distinct = [one for one in dict.fromkeys(fields) if one is not None]
    if distinct:
        numbers = {one: number for number, one in enumerate(distinct, 1)}
        parts.append(np.array([numbers.get(one, 0) for one in fields], np.uint16).tobytes())
        parts.append(b"\n".join(distinct))
    return b"".join(parts)


def decode(count: int, width: int, data: bytes) -> Points:
    table, further = _table(count, width, data), np.full(count, None, np.object_)
    if len(data) > table.nbytes:
        further = _further(count, data[table.nbytes :])
    return Points(table[0], table[1:].T, further)


def copy(count: int, data: bytes, run: slice, table: Float64Array, further: ObjectArray) -> None:
    """What `decode` makes of a run of them, into arrays that are there; the first are the times."""
    kept = _table(count, len(table) - 1, data)
    table[:] = kept[:, run]
    if len(data) > kept.nbytes:
        further[:] = _further(count, data[kept.nbytes :])[run]


def _table(count: int, width: int, data: bytes) -> Float64Array:
    return np.frombuffer(data, np.float64, count * (width + 1)).reshape(width + 1, count)


def _further(count: int, data: bytes) -> ObjectArray:
    numbers = np.frombuffer(data, np.uint16, count)
    distinct = np.array([None, *data[2 * count :].split(b"\n")], np.object_)
    return distinct[numbers]


def rows(points: Points, columns: Sequence[str]) -> list[Any]:
    """For orjson, the same as `texts` writes; of a few points in two thirds of the time."""
    times = as_numbers(points.time)
    values = points.values.T.tolist()
    # Written out: to zip names with values takes three times as long.
    made: list[Any] = (
        [
            {"time": time, "open": open, "high": high, "low": low, "close": close}
            for time, open, high, low, close in zip(times, *values, strict=True)
        ]
        if columns == PRICES
        else [{"time": time, "value": value} for time, value in zip(times, *values, strict=True)]
    )
    for place in np.flatnonzero(np.isnan(points.values[:, 0])).tolist():
        made[place] = {"time": times[place]}
    for place in np.flatnonzero(points.further != np.array(None)).tolist():
        point = orjson.dumps(made[place])
        made[place] = orjson.Fragment(b"%b,%b}" % (point[:-1], points.further[place]))
    return made


def as_numbers(times: Float64Array) -> list[Any]:
    """Whole ones as integers."""
    whole = times.astype(np.int64)
    if (whole == times).all():
        return list(whole.tolist())
    return [as_number(time) for time in times.tolist()]


def as_number(time: float | None) -> float | None:
    """A whole one as an integer."""
    return int(time) if time is not None and time.is_integer() else time
