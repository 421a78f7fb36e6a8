"""The calendar of a market that closes: sessions by day, with their breaks, as sorted arrays."""

import json
import zlib
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from math import floor as whole
from typing import Self

import numpy as np

from tradeapi.analytics.bars import Int64Array
from tradeapi.market.calendars.days import (
    DAY,
    WEEK,
    floor,
    monday_of,
    month_of,
    months_of,
    next_month,
)
from tradeapi.market.resolutions import Resolution

NONE = -1
FAR = 2**61
YEAR = 365 * DAY


@dataclass(frozen=True, slots=True)
class Session:
    """One trading day's regular hours; `is_open` is false before, after and in its break."""

    day: int
    open: int
    close: int
    is_open: bool


@dataclass(frozen=True, slots=True)
class Table:
    """The days, weeks or months that hold a session, ascending: label, first open, last close.

    The columns are memoryviews of arrays: bisecting them needs no second copy and is as fast as
    `searchsorted`, and what is read out of them is a plain int.
    """

    labels: memoryview
    opens: memoryview
    closes: memoryview

    @classmethod
    def of(cls, groups: Int64Array, day: Int64Array, open: Int64Array, close: Int64Array) -> Self:
        """One entry for each run of equal `groups`, labelled with its first day."""
        first = np.flatnonzero(np.diff(groups, prepend=groups[0] - 1))
        last = np.append(first[1:], len(groups)) - 1
        return cls(day[first].data, open[first].data, close[last].data)

    def find(self, label: int) -> int | None:
        at = bisect_left(self.labels, label)
        return at if at < len(self.labels) and self.labels[at] == label else None

    def unfinished(self, instant: int) -> int:
        """Where the first entry is that closes after the instant; the length if none does."""
        return bisect_right(self.closes, instant)


def pack(timezone: str, sessions: Int64Array) -> bytes:
    """Steps from session to session repeat, so that they compress to a few kilobytes."""
    steps = np.diff(sessions, axis=1, prepend=0).astype("<i8")
    return json.dumps({"timezone": timezone}).encode() + b"\n" + zlib.compress(steps.tobytes())


def unpack(data: bytes) -> tuple[str, Int64Array]:
    header, _, packed = data.partition(b"\n")
    steps = np.frombuffer(zlib.decompress(packed), "<i8").reshape(5, -1)
    return json.loads(header)["timezone"], np.cumsum(steps, axis=1, dtype=np.int64)


class SessionCalendar:
    """Built from the columns day, open, close, break start and break end, one row per session.

    A session without a break has both ends of it at its close. Where the sessions end so does
    what is known: instants beyond have no label, and days, weeks and months are UTC's.
    """

    def __init__(self, code: str, timezone: str, sessions: Int64Array) -> None:
        self.code = code
        self.timezone = timezone
        day, open, close, break_start, break_end = sessions
        opens = np.stack([open, break_end], axis=1).ravel()
        closes = np.stack([break_start, close], axis=1).ravel()
        parts = opens < closes
        edge = np.array([FAR])
        # A part at either end of time spares every lookup its bounds check.
        self._open = np.concatenate([-edge, opens[parts], edge])
        self._close = np.concatenate([-edge, closes[parts], edge])
        self._day = np.concatenate([[NONE], np.repeat(day, 2)[parts], [NONE]])
        self._opens, self._closes, self._part_days = (
            column.data for column in (self._open, self._close, self._day)
        )
        mondays, months = monday_of(day), months_of(day)
        self._days = Table.of(day, day, open, close)
        self._weeks = Table.of(mondays, mondays, open, close)
        self._months = Table.of(months, day, open, close)
        self._month = np.append(np.unique(months), FAR)
        self._month_label = np.append(np.asarray(self._months.labels), FAR)
        self._months_known, self._month_labels = self._month.data, self._month_label.data
        self.until = float(close[-1])
        year = self._open[1:-1] >= close[-1] - YEAR
        self.fill = float((self._close - self._open)[1:-1][year].sum() / YEAR)

    def label(self, time: int, resolution: Resolution, *, extended: bool = False) -> int:
        if resolution is Resolution.WEEK:
            return monday_of(time)
        if resolution is Resolution.MONTH:
            month = month_of(time)
            at = bisect_left(self._months_known, month)
            return self._month_labels[at] if self._months_known[at] == month else month
        at = bisect_right(self._opens, time) - 1
        close = self._closes[at]
        if time < close:
            if resolution is Resolution.DAY:
                return self._part_days[at]
            return time - (time - self._opens[at]) % resolution.seconds
        if extended and resolution is not Resolution.DAY:
            return max(floor(time, resolution.seconds), close)
        return NONE

    def labels(
        self, times: Int64Array, resolution: Resolution, *, extended: bool = False
    ) -> Int64Array:
        if times.size == 1:
            only = self.label(times.item(), resolution, extended=extended)
            return np.array([only], np.int64)
        if resolution is Resolution.WEEK:
            return monday_of(times)
        if resolution is Resolution.MONTH:
            months = months_of(times)
            at = self._month.searchsorted(months)
            return np.where(self._month[at] == months, self._month_label[at], months)
        at = self._open.searchsorted(times, "right") - 1
        close = self._close[at]
        if resolution is Resolution.DAY:
            return np.where(times < close, self._day[at], NONE)
        width = resolution.seconds
        inside = times - (times - self._open[at]) % width
        outside = np.maximum(floor(times, width), close) if extended else NONE
        return np.where(times < close, inside, outside)

    def end(self, label: int, resolution: Resolution) -> int:
        if resolution.is_intraday:
            return self._intraday_end(label, resolution.seconds)
        table = self._table(resolution)
        at = table.find(label)
        return _following(label, resolution) if at is None else table.closes[at]

    def span(self, label: int, resolution: Resolution) -> tuple[int, int]:
        if resolution.is_intraday:
            return label, self._intraday_end(label, resolution.seconds)
        if resolution is Resolution.WEEK:
            return label, label + WEEK
        if resolution is Resolution.MONTH:
            return month_of(label), next_month(label)
        at = self._days.find(label)
        return (label, label) if at is None else (self._days.opens[at], self._days.closes[at])

    def parts(self, start: int, end: int) -> Int64Array:
        rows = np.stack([self._day, self._open, self._close], axis=1)[1:-1]
        return rows[slice(*rows[:, 0].searchsorted((start, end)).tolist())]

    def is_open(self, now: float) -> bool:
        return whole(now) < self._closes[self._part(now)]

    def session(self, now: float) -> Session:
        days = self._days
        at = min(days.unfinished(whole(now)), len(days.labels) - 1)
        return Session(days.labels[at], days.opens[at], days.closes[at], self.is_open(now))

    def last_open(self, now: float) -> float:
        return min(now, self._closes[self._part(now)])

    def trading_day(self, now: float) -> int:
        at = bisect_right(self._days.opens, whole(now)) - 1
        return self._days.labels[max(at, 0)]

    def next_open(self, now: float) -> int | None:
        return _known(self._opens[self._part(now) + 1])

    def next_close(self, now: float) -> int | None:
        return _known(self._closes[bisect_right(self._closes, whole(now))])

    def _part(self, now: float) -> int:
        return bisect_right(self._opens, whole(now)) - 1

    def _table(self, resolution: Resolution) -> Table:
        if resolution is Resolution.DAY:
            return self._days
        return self._weeks if resolution is Resolution.WEEK else self._months

    def _intraday_end(self, label: int, width: int) -> int:
        at = self._part(label)
        close = self._closes[at]
        if label < close:
            return min(label + width, close)
        return min(floor(label, width) + width, self._opens[at + 1])


def _following(label: int, resolution: Resolution) -> int:
    """The day, week or month after this one by UTC alone, for what no session is known of."""
    return next_month(label) if resolution is Resolution.MONTH else label + resolution.seconds


def _known(edge: int) -> int | None:
    return None if edge == FAR else edge
