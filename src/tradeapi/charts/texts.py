"""Points as JSON, as clients of lightweight-charts take them: what one lacks is left out.

The numbers are written by orjson, a column at a time, and put into the names by one `%`: to make an
object of each point, only to have it written, takes longer than writing it. Of a few points it does
not: those are `points.rows`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
from anyio import to_thread

from tradeapi.analytics.bars import Float64Array
from tradeapi.charts.points import Points, as_numbers

BETWEEN = b"},{"
MANY_POINTS = 2000


@dataclass(frozen=True, slots=True, eq=False)
class Text:
    """Points with commas between them; `starts` is where each begins, and would the one after."""

    body: bytes
    starts: npt.NDArray[np.int32]

    def between(self, low: int, high: int) -> memoryview:
        """Those from `low` to `high`."""
        start, end = int(self.starts[low]), int(self.starts[high])
        return memoryview(self.body)[start : max(start, end - 1)]


async def in_json(points: Points, columns: Sequence[str]) -> bytes:
    """As an array; written in a thread where there are so many that others would notice."""
    many = len(points) > MANY_POINTS
    text = await to_thread.run_sync(write, points, columns) if many else write(points, columns)
    return b"[%b]" % text.body


def write(points: Points, columns: Sequence[str]) -> Text:
    count, width = points.values.shape
    if not count:
        return Text(b"", np.zeros(1, np.int32))
    times = _numbers(_whole(points.time))
    parts = [b""] * (count * (width + 1))
    parts[:: width + 1] = times
    for number, column in enumerate(points.values.T, 1):
        parts[number :: width + 1] = _numbers(np.ascontiguousarray(column))
    body = b",".join([_template(tuple(columns))] * count) % tuple(parts)
    blanks = np.flatnonzero(np.isnan(points.values[:, 0])).tolist()
    further = points.further.tolist()
    if not blanks and not any(further):
        return Text(body, _places(body))
    inner = body[1:-1].split(BETWEEN)
    for place in blanks:
        inner[place] = b'"time":' + times[place]
    inner = [
        text if more is None else b"%b,%b" % (text, more)
        for text, more in zip(inner, further, strict=True)
    ]
    starts = accumulate((len(text) + len(BETWEEN) for text in inner), initial=0)
    return Text(b"{%b}" % BETWEEN.join(inner), np.fromiter(starts, np.int32, count + 1))


def _whole(times: Float64Array) -> Any:  # noqa: ANN401  what `_numbers` takes
    whole = times.astype(np.int64)
    return whole if (whole == times).all() else as_numbers(times)


def _numbers(column: Any) -> list[bytes]:  # noqa: ANN401  whatever orjson takes for a column
    return orjson.dumps(column, option=orjson.OPT_SERIALIZE_NUMPY)[1:-1].split(b",")


def _places(body: bytes) -> npt.NDArray[np.int32]:
    """Nothing but a point has braces."""
    braces = np.flatnonzero(np.frombuffer(body, np.uint8) == ord("{"))
    return np.append(braces, len(body) + 1).astype(np.int32)


@lru_cache(maxsize=8)
def _template(columns: tuple[str, ...]) -> bytes:
    names = ",".join(f'"{name}":%b' for name in ("time", *columns))
    return b"{%b}" % names.encode()
