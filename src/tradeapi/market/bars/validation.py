"""Which rows are bars, and what is wrong with those that are not; for requests and imports alike.

Pure and on whole columns: it knows no file, no request, no database and no clock.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from tradeapi.analytics.bars import Bars, BoolArray, Float64Array, Int64Array
from tradeapi.market.calendars.calendar import Calendar
from tradeapi.market.calendars.days import DAY
from tradeapi.market.resolutions import Resolution
from tradeapi.market.times import EARLIEST, LATEST

# Beyond these lightweight-charts refuses a price, and sums of volumes would cease to be numbers.
HIGHEST_PRICE = 9e13
LARGEST_VOLUME = 1e21


class Reason(StrEnum):
    """Why a row is no bar; of several reasons the first in this order is given."""

    BAD_TIME = "bad_time"
    TIME_OUT_OF_RANGE = "time_out_of_range"
    IN_FUTURE = "in_future"
    OUTSIDE_SESSION = "outside_session"
    MISALIGNED = "misaligned"
    NULL_PRICE = "null_price"
    NOT_FINITE = "not_finite"
    PRICE_NOT_POSITIVE = "price_not_positive"
    TOO_LARGE = "too_large"
    HIGH_BELOW_LOW = "high_below_low"
    OUTSIDE_RANGE = "outside_range"
    NEGATIVE_VOLUME = "negative_volume"
    DUPLICATE = "duplicate"

    @property
    def detail(self) -> str:
        return _DETAILS[self]


_DETAILS = {
    Reason.BAD_TIME: "The time is not epoch seconds, epoch milliseconds or ISO 8601.",
    Reason.TIME_OUT_OF_RANGE: "The time lies before 1970-01-05 or after 2199.",
    Reason.IN_FUTURE: "The bar begins more than a day from now.",
    Reason.OUTSIDE_SESSION: "The market is closed at this time.",
    Reason.MISALIGNED: "No bar of this resolution begins at this time.",
    Reason.NULL_PRICE: "A price is missing.",
    Reason.NOT_FINITE: "A price or the volume is infinite.",
    Reason.PRICE_NOT_POSITIVE: "A price is zero or negative.",
    Reason.TOO_LARGE: "A price is above 9e13 or the volume above 1e21.",
    Reason.HIGH_BELOW_LOW: "The high is below the low.",
    Reason.OUTSIDE_RANGE: "The open or the close lies outside low..high by more than a tick.",
    Reason.NEGATIVE_VOLUME: "The volume is negative.",
    Reason.DUPLICATE: "A later row is a bar of the same time.",
}


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """What may be bars, in any order: `time` in epoch seconds; NaN is what is missing.

    Without a volume it is zero.
    """

    time: Float64Array
    open: Float64Array
    high: Float64Array
    low: Float64Array
    close: Float64Array
    volume: Float64Array

    def __len__(self) -> int:
        return len(self.time)


@dataclass(frozen=True, slots=True, eq=False)
class Verdict:
    """`bars` come from the input's rows `rows`; the others are `rejected`, by row."""

    bars: Bars
    rows: npt.NDArray[np.intp]
    rejected: list[tuple[int, Reason]]


@np.errstate(invalid="ignore")  # what is infinite or missing has an answer of its own
def validate(  # noqa: PLR0913  the facts of a symbol, not all of which an importer has as one
    rows: Rows,
    resolution: Resolution,
    calendar: Calendar,
    *,
    now: float,
    tick_size: float | None = None,
    extended_hours: bool = False,
) -> Verdict:
    """Tell bars from the rest; of several bars of one time the last row wins.

    A weekly or monthly bar may have the time of any day of its week or month.
    """
    in_range = (rows.time >= EARLIEST) & (rows.time < LATEST)
    instants = np.where(in_range, rows.time, EARLIEST).astype(np.int64)
    if resolution.is_intraday:
        labels = calendar.labels(instants, resolution, extended=extended_hours)
        is_aligned = labels == rows.time
    else:
        labels = instants
        if resolution is not Resolution.DAY:
            labels = calendar.labels(instants, resolution)
        is_aligned = rows.time % DAY == 0
    faults: list[tuple[Reason, BoolArray]] = [
        (Reason.BAD_TIME, np.isnan(rows.time)),
        # The first month known began before the first day known.
        (Reason.TIME_OUT_OF_RANGE, ~in_range | ((labels < EARLIEST) & (labels >= 0))),
        (Reason.IN_FUTURE, rows.time > now + DAY),
        (Reason.OUTSIDE_SESSION, labels < 0),
        (Reason.MISALIGNED, ~is_aligned),
        *_faults_of_values(rows, tick_size),
    ]
    return _judge(rows, labels, faults)


def _faults_of_values(rows: Rows, tick_size: float | None) -> list[tuple[Reason, BoolArray]]:
    prices = np.stack([rows.open, rows.high, rows.low, rows.close])
    ends = prices[[0, 3]]
    tolerance = _tolerance(rows.close) if tick_size is None else tick_size
    # The difference of two prices one tick apart is not exactly a tick.
    tolerance = tolerance * (1 + 1e-6)
    return [
        (Reason.NULL_PRICE, np.isnan(prices).any(axis=0)),
        (Reason.NOT_FINITE, np.isinf(prices).any(axis=0) | np.isinf(rows.volume)),
        (Reason.PRICE_NOT_POSITIVE, (prices <= 0).any(axis=0)),
        (
            Reason.TOO_LARGE,
            (prices > HIGHEST_PRICE).any(axis=0) | (rows.volume > LARGEST_VOLUME),
        ),
        (Reason.HIGH_BELOW_LOW, rows.high < rows.low),
        (
            Reason.OUTSIDE_RANGE,
            (ends.max(axis=0) - rows.high > tolerance) | (rows.low - ends.min(axis=0) > tolerance),
        ),
        (Reason.NEGATIVE_VOLUME, rows.volume < 0),
    ]


def _tolerance(close: Float64Array) -> Float64Array:
    """A cent, or a thousandth of the price where that is less: what prices are rounded to."""
    return np.minimum(0.01, np.abs(close) / 1000)


def _judge(rows: Rows, labels: Int64Array, faults: list[tuple[Reason, BoolArray]]) -> Verdict:
    fault = np.full(len(rows), -1, np.int8)
    for number, (_, is_faulty) in reversed(list(enumerate(faults))):
        fault[is_faulty] = number
    kept = np.flatnonzero(fault < 0)
    replaced = np.empty(0, np.intp)
    times = labels[kept]
    if len(kept) and not (np.diff(times) > 0).all():
        kept = kept[np.argsort(times, kind="stable")]
        is_last = np.append(np.diff(labels[kept]) > 0, True)
        kept, replaced = kept[is_last], kept[~is_last]
    rejected = [(row, faults[fault[row]][0]) for row in np.flatnonzero(fault >= 0).tolist()]
    rejected += [(row, Reason.DUPLICATE) for row in replaced.tolist()]
    bars = Bars(
        labels[kept],
        rows.open[kept],
        rows.high[kept],
        rows.low[kept],
        rows.close[kept],
        np.nan_to_num(rows.volume[kept]),
    )
    return Verdict(bars, kept, sorted(rejected))
