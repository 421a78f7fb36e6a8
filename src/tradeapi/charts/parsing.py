"""The points in a request's body, read so that a million of them hold up nobody.

To be called in a thread, which alone is not enough: the JSON parser lets no other thread run, so
that it gets a part of the body at a time.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import orjson

from tradeapi.analytics.bars import BoolArray, Float64Array
from tradeapi.charts.depth import written
from tradeapi.charts.points import ObjectArray, Points, SeriesType
from tradeapi.errors import FieldError, Forbidden, Invalid
from tradeapi.market.bars.posted import BYTES_AT_ONCE
from tradeapi.market.bars.validation import HIGHEST_PRICE
from tradeapi.market.times import MILLISECONDS_FROM, YEAR_10000, YEAR_ONE, parse_times

# About as many as a point has at least.
BYTES_OF_A_POINT = 32
# Of what a point has beside its time and values, as JSON.
LONGEST_FURTHER = 1024
LONGEST_COLOR = 64
MOST_FAULTS = 100
# Sooner read one by one than column by column.
FEW = 16
# A border between two points may be one within a point; so many in a row are tried.
BORDERS_TRIED = 16
# Of a body; so much with no border in it is not made of points.
MOST_AT_ONCE = 2 * BYTES_AT_ONCE

COLORS = {
    "color", "borderColor", "wickColor", "lineColor", "topColor", "bottomColor", "topLineColor",
    "bottomLineColor", "topFillColor1", "topFillColor2", "bottomFillColor1", "bottomFillColor2",
}  # fmt: skip

_border = re.compile(rb"\}(?=\s*,\s*\{)")
_comma = re.compile(rb"\s*,\s*").match
_array = re.compile(rb'\s*(\{\s*"items"\s*:\s*)?\[').match

_MISSING = object()
_NO_POINTS = 'The body has to be a point, an array of points or {"items": [...]}.'


class Rule(NamedTuple):
    """What a point has to be; of several that it breaks the first is named."""

    code: str
    detail: str


BAD_TIME = Rule("bad_time", "The time is not epoch seconds, epoch milliseconds or ISO 8601.")
OUT_OF_RANGE = Rule("time_out_of_range", "The time lies outside the years 1 to 9999.")
NOT_ASCENDING = Rule("not_ascending", "The time is not after that of the point before.")
MISSING = Rule("missing_field", "Some of its values are there, and some are not.")
NOT_A_NUMBER = Rule("invalid_value", "A value is not a number.")
TOO_LARGE = Rule("invalid_value", "A value is beyond 9e13.")
HIGH_BELOW_LOW = Rule("high_below_low", "The high is below the low.")
OUTSIDE_RANGE = Rule("outside_range", "The open or the close lies outside low..high.")
NO_OBJECT = Rule("invalid_item", "A point has to be an object.")
BAD_COLOR = Rule("invalid_color", f"A colour has to be text of up to {LONGEST_COLOR} characters.")
TOO_LONG = Rule("too_long", f"Its further fields are longer than {LONGEST_FURTHER} bytes.")
TOO_DEEP = Rule("invalid_item", "Its further fields are nested too deep.")
_OF_FURTHER = (BAD_COLOR, TOO_LONG, TOO_DEEP)


def read_points(body: bytes, type: SeriesType, most: int) -> Points:
    """Raises Invalid, with the points at fault, and Forbidden for more than `most`."""
    reader = _Reader(type)
    for items in _pieces(body):
        reader.add(items)
        if reader.count > most:
            raise too_many(most)
    return Points.concat(reader.runs, len(type.columns))


def too_many(most: int) -> Forbidden:
    return Forbidden(f"A series has up to {most:,} points.", code="quota_points")


class _Reader:
    """Takes points piece by piece."""

    def __init__(self, type: SeriesType) -> None:
        self.runs: list[Points] = []
        self.count = 0
        self._columns = type.columns
        self._fields = ("time", *type.columns)
        self._names = frozenset(self._fields)
        self._last = -np.inf
        # Most further fields are those of another point, too.
        self._known: dict[bytes, Rule | None] = {}

    def add(self, items: list[Any]) -> None:
        if not items:
            return
        plain = self._plain(items) if len(items) <= FEW else None
        if plain is not None:
            self._take(plain)
            return
        if set(map(type, items)) != {dict}:
            self._refuse([(NO_OBJECT, np.array([type(item) is not dict for item in items]))])
        times = parse_times([item.get("time") for item in items])
        values, is_missing, is_wrong = self._values(items)
        is_blank: BoolArray = np.logical_and.reduce(is_missing, axis=1)
        further, broken = self._further(items, is_blank)
        earlier = np.concatenate(([self._last], times[:-1]))
        faults: list[tuple[Rule, BoolArray]] = [
            (BAD_TIME, np.isnan(times)),
            (OUT_OF_RANGE, ~((times >= YEAR_ONE) & (times < YEAR_10000))),
            (MISSING, np.logical_or.reduce(is_missing, axis=1) & ~is_blank),
            (NOT_A_NUMBER, is_wrong),
            (TOO_LARGE, np.logical_or.reduce(np.abs(values) > HIGHEST_PRICE, axis=1)),
            *self._faults_of_prices(values),
            # Not `==`: numpy would compare the rules' parts.
            *((rule, np.array([one is rule for one in broken])) for rule in _OF_FURTHER),
            (NOT_ASCENDING, times <= earlier),
        ]
        self._refuse(faults)
        self._take(Points(times, values, further))

    def _take(self, run: Points) -> None:
        self.runs.append(run)
        self.count += len(run)
        self._last = run.time[-1]

    def _plain(self, items: list[Any]) -> Points | None:
        """Points of numbers alone that nothing is wrong with; None for all others."""
        rows = []
        last = self._last
        for item in items:
            if type(item) is not dict or item.keys() != self._names:
                return None
            row = [item[name] for name in self._fields]
            if not {*map(type, row)} <= {int, float} or not _is_plain(last, *row):
                return None
            rows.append(row)
            last = row[0]
        table = np.array(rows, np.float64)
        return Points(table[:, 0], table[:, 1:], np.full(len(rows), None, np.object_))

    def _values(self, items: list[Any]) -> tuple[Float64Array, BoolArray, BoolArray]:
        """Of each point its values, which of them it does not have, and whether any is none."""
        values = np.empty((len(items), len(self._columns)))
        is_missing = np.zeros(values.shape, np.bool_)
        is_wrong = np.zeros(len(items), np.bool_)
        for number, name in enumerate(self._columns):
            column = [item.get(name, _MISSING) for item in items]
            if not set(map(type, column)) <= {int, float}:
                is_missing[:, number] = [value is _MISSING for value in column]
                is_good = np.array([type(value) in {int, float} for value in column])
                is_wrong |= ~is_good & ~is_missing[:, number]
                column = [
                    value if good else np.nan for value, good in zip(column, is_good, strict=True)
                ]
            values[:, number] = column
        return values, is_missing, is_wrong

    def _faults_of_prices(self, values: Float64Array) -> list[tuple[Rule, BoolArray]]:
        if len(self._columns) == 1:
            return []
        open, high, low, close = values.T
        is_outside = (np.minimum(open, close) < low) | (np.maximum(open, close) > high)
        return [(HIGH_BELOW_LOW, high < low), (OUTSIDE_RANGE, is_outside)]

    def _further(
        self, items: list[Any], is_blank: BoolArray
    ) -> tuple[ObjectArray, list[Rule | None]]:
        """What else each has, and the rule that this breaks."""
        further = np.full(len(items), None, np.object_)
        broken: list[Rule | None] = [None] * len(items)
        expected = np.where(is_blank, 1, len(self._names))
        for place in np.flatnonzero(np.fromiter(map(len, items), np.int64) > expected).tolist():
            fields = {key: items[place][key] for key in items[place].keys() - self._names}
            try:
                text = written(fields, option=orjson.OPT_SORT_KEYS)[1:-1]
            except orjson.JSONEncodeError:
                broken[place] = TOO_DEEP
                continue
            if text not in self._known:
                self._known[text] = _rule_broken(fields, text)
            further[place], broken[place] = text, self._known[text]
        return further, broken

    def _refuse(self, faults: Sequence[tuple[Rule, BoolArray]]) -> None:
        is_faulty = np.logical_or.reduce([places for _, places in faults])
        if not is_faulty.any():
            return
        found = []
        for place in np.flatnonzero(is_faulty)[:MOST_FAULTS].tolist():
            rule = next(rule for rule, places in faults if places[place])
            found.append((self.count + place, rule))
        first, rule = found[0]
        raise Invalid(
            f"Point {first}: {rule.detail}",
            code=rule.code,
            errors=[FieldError(f"/{place}", rule.detail) for place, rule in found],
        )


def _is_plain(last: float, time: float, *values: float) -> bool:
    if not (last < time and YEAR_ONE <= time < MILLISECONDS_FROM):
        return False
    if max(map(abs, values)) > HIGHEST_PRICE:
        return False
    if len(values) == 1:
        return True
    open, high, low, close = values
    return low <= min(open, close) and max(open, close) <= high


def _rule_broken(fields: dict[str, Any], text: bytes) -> Rule | None:
    if len(text) > LONGEST_FURTHER:
        return TOO_LONG
    is_good = all(
        isinstance(fields[name], str) and len(fields[name]) <= LONGEST_COLOR
        for name in fields.keys() & COLORS
    )
    return None if is_good else BAD_COLOR


def _pieces(body: bytes) -> Iterator[list[Any]]:
    """The points of an array, of `{"items": [...]}`, or the only one, some at a time."""
    found = _array(body) if len(body) > BYTES_AT_ONCE else None
    if found is not None:
        end = body.rfind(b"]")
        if body[end + 1 :].strip() == (b"}" if found[1] else b""):
            yield from _parts(body, found.end(), end)
            return
    if len(body) > MOST_AT_ONCE:
        raise Invalid(_NO_POINTS, code="bad_body")
    content = _loads(body)
    if isinstance(content, dict):
        named = content.get("items") if len(content) == 1 else None
        content = named if isinstance(named, list) else [content]
    if not isinstance(content, list):
        raise Invalid(_NO_POINTS, code="bad_body")
    yield content


def _parts(body: bytes, start: int, end: int) -> Iterator[list[Any]]:
    """What lies between is never an array of its own, unless it is whole points.

    Raises Invalid where much has no border: the parser would let nobody run for a while.
    """
    while end - start > BYTES_AT_ONCE:
        borders = _border.finditer(body, start + BYTES_AT_ONCE, min(end, start + MOST_AT_ONCE))
        for _, border in zip(range(BORDERS_TRIED), borders, strict=False):
            try:
                items = orjson.loads(b"[%b]" % body[start : border.end()])
            except orjson.JSONDecodeError:
                continue
            yield items
            comma = _comma(body, border.end())
            assert comma is not None  # noqa: S101  a border has one
            start = comma.end()
            break
        else:
            if end - start > MOST_AT_ONCE:
                detail = "It is not to be seen where its points end: send fewer at once."
                raise Invalid(detail, code="bad_body")
            break
    yield _loads(b"[%b]" % body[start:end])


def _loads(text: bytes) -> Any:  # noqa: ANN401  it is whatever the caller sent
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Invalid(f"The body is not JSON: {error}.", code="bad_body") from error
