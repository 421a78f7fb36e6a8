"""Columns of a file as arrays: numbers, instants and text."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from tradeapi.analytics.bars import BoolArray, Float64Array
from tradeapi.market.importing.tables import Unusable
from tradeapi.market.times import parse_times, to_seconds

_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$|^[+-]?inf(inity)?$"
_MISSING = r"^(-|n/?a|nan|null|none)?$"
_DIGITS = r"^(19|2[01])(\d\d)(\d\d)(\d\d)$"
_ZONE = r"\s*(Z|[+-]\d\d:?\d\d)$"


@dataclass(frozen=True, slots=True, eq=False)
class Instants:
    """Epoch seconds, NaN for what is no time; `local` reads the clock as if it were in UTC."""

    seconds: Float64Array
    local: Float64Array


def numbers(column: Any) -> tuple[Float64Array, BoolArray]:  # noqa: ANN401  pyarrow has no types
    """The values, NaN for what is missing, and which are something else than a number."""
    column = _plain(column)
    if _is_text(column):
        try:
            return _floats(column), np.zeros(len(column), np.bool_)
        except pa.ArrowInvalid:
            return _parsed(column)
    return _floats(column), np.zeros(len(column), np.bool_)


def instants(column: Any) -> Instants:  # noqa: ANN401
    """Dates, timestamps, epoch seconds or milliseconds, or any of it as text.

    A number of eight digits is a date: 20240102.
    """
    if pa.types.is_dictionary(column.type) or _is_text(column):
        unique, places = _encoded(column)
        found = _written(pc.utf8_trim_whitespace(unique))
        # What is missing has the place -1, the last.
        return Instants(
            np.append(found.seconds, np.nan)[places], np.append(found.local, np.nan)[places]
        )
    if pa.types.is_date(column.type) or pa.types.is_timestamp(column.type):
        has_zone = pa.types.is_timestamp(column.type) and column.type.tz is not None
        return Instants(
            _since_1970(column), _since_1970(pc.local_timestamp(column) if has_zone else column)
        )
    return _counted(column)


def distinct(column: Any) -> tuple[list[str], npt.NDArray[np.int64]]:  # noqa: ANN401
    """The different texts of a column, and which of them each row has; "" is what is missing."""
    unique, places = _encoded(column)
    return [*unique.to_pylist(), ""], places


def texts(column: Any) -> Sequence[str]:  # noqa: ANN401
    """The values as text, trimmed; "" is what is missing."""
    values = pc.cast(_plain(column), pa.string()).to_pylist()
    return ["" if value is None else value.strip() for value in values]


def _plain(column: Any) -> Any:  # noqa: ANN401
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def _is_text(column: Any) -> bool:  # noqa: ANN401
    return bool(pa.types.is_string(column.type) or pa.types.is_large_string(column.type))


def _encoded(column: Any) -> tuple[Any, npt.NDArray[np.int64]]:  # noqa: ANN401
    if not pa.types.is_dictionary(column.type):
        column = pc.cast(column, pa.string()).dictionary_encode()
    places = _array(pc.cast(column.indices, pa.int64()), missing=-1)
    return pc.cast(column.dictionary, pa.string()), places


def _array(column: Any, *, missing: float) -> npt.NDArray[Any]:  # noqa: ANN401
    """As numpy. Arrow's own way imports pandas, which takes long and a lot of memory."""
    bare = pa.Array.from_buffers(
        column.type, len(column), [None, column.buffers()[1]], offset=column.offset
    )
    values = np.from_dlpack(bare)
    if column.null_count:
        is_null = np.from_dlpack(pc.cast(pc.is_null(column), pa.uint8()))
        values = np.where(is_null == 1, missing, values)
    return values


def _floats(column: Any) -> Float64Array:  # noqa: ANN401
    try:
        return _array(pc.cast(column, pa.float64(), safe=False), missing=np.nan)
    except pa.ArrowNotImplementedError as error:
        raise Unusable(f"a column that should hold numbers holds {column.type}") from error


def _parsed(column: Any) -> tuple[Float64Array, BoolArray]:  # noqa: ANN401
    column = pc.utf8_lower(pc.utf8_trim_whitespace(column))
    is_number = pc.match_substring_regex(column, _NUMBER)
    is_nonsense = pc.invert(pc.or_(is_number, pc.match_substring_regex(column, _MISSING)))
    values = _floats(pc.if_else(is_number, column, pa.nulls(len(column), column.type)))
    return values, _array(pc.cast(is_nonsense, pa.uint8()), missing=0) == 1


def _written(column: Any) -> Instants:  # noqa: ANN401
    column = pc.replace_substring_regex(column, _DIGITS, r"\1\2-\3-\4")
    for attempt in (_without_zone, _with_zone, _numbered):
        try:
            return attempt(column)
        except pa.ArrowInvalid:
            continue
    # One by one: there is something among them that is no time, or more than one form.
    local = pc.replace_substring_regex(column, _ZONE, "")
    return Instants(parse_times(column.to_pylist()), parse_times(local.to_pylist()))


def _without_zone(column: Any) -> Instants:  # noqa: ANN401
    seconds = _since_1970(pc.cast(column, pa.timestamp("us")))
    return Instants(seconds, seconds)


def _with_zone(column: Any) -> Instants:  # noqa: ANN401
    local = pc.cast(pc.replace_substring_regex(column, _ZONE, ""), pa.timestamp("us"))
    return Instants(_since_1970(pc.cast(column, pa.timestamp("us", "UTC"))), _since_1970(local))


def _numbered(column: Any) -> Instants:  # noqa: ANN401
    seconds = to_seconds(_floats(column))
    return Instants(seconds, seconds)


def _since_1970(column: Any) -> Float64Array:  # noqa: ANN401
    instant = pa.timestamp("us", getattr(column.type, "tz", None))
    column = pc.cast(column, instant, safe=False)
    return _floats(pc.cast(column, pa.int64())) / 1e6


@np.errstate(invalid="ignore")
def _counted(column: Any) -> Instants:  # noqa: ANN401
    values = _floats(column)
    seconds = to_seconds(values)
    # As epoch seconds these are five weeks of 1970.
    if ((values >= 19000101) & (values <= 21991231) & (values % 1 == 0)).any():
        whole = pc.cast(pc.round(column), pa.int64(), safe=False)
        return instants(pc.cast(whole, pa.string()))
    return Instants(seconds, seconds)
