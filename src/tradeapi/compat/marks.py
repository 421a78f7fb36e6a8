"""What a series is called in this protocol, where our charts call it otherwise.

There ids are each pane's own, and types any text. What ours can't say is kept in the options of the
series, under a key that no client of this protocol gets to see.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import orjson

from tradeapi.charts.documents import FoundSeries
from tradeapi.charts.models import Series
from tradeapi.charts.points import SeriesType
from tradeapi.charts.sources import LONGEST_NAME
from tradeapi.errors import Invalid

KEY = "lightweight-charts-pro"
AnySeries = Series | FoundSeries
T = TypeVar("T", Series, FoundSeries)
TYPES = frozenset(type.value for type in SeriesType)


def options_of(series: AnySeries) -> dict[str, Any]:
    """Those that clients see."""
    options: dict[str, Any] = orjson.loads(series.options)
    options.pop(KEY, None)
    return options


def id_of(series: AnySeries) -> str:
    return _marked(series, "id") or series.name


def marked_id(options: Mapping[str, Any]) -> str | None:
    """The id that options as they are kept speak of, if it is not our own."""
    return _in(options, "id")


def type_of(series: AnySeries) -> str:
    return _marked(series, "type") or series.type


def marked(options: Mapping[str, Any], *, name: str, id: str, type: str) -> dict[str, Any]:
    """The options as they are kept."""
    mark = {"id": id} if id != name else {}
    if type not in TYPES:
        mark["type"] = type
    return {**options, KEY: mark} if mark else dict(options)


def find(series: Sequence[T], pane: int, id: str) -> T | None:
    return next((one for one in series if one.pane == pane and id_of(one) == id), None)


def free_name(series: Sequence[AnySeries], pane: int, id: str) -> str:
    """For a new one; raises Invalid where there is none."""
    taken = {one.name for one in series}
    if id not in taken:
        return id
    name = f"{id}-pane{pane}"
    if name in taken or len(name) > LONGEST_NAME:
        raise Invalid(f"Another series of the chart is called {id}; take another id.")
    return name


def _marked(series: AnySeries, field: str) -> str | None:
    if KEY.encode() not in series.options:
        return None
    return _in(orjson.loads(series.options), field)


def _in(options: Mapping[str, Any], field: str) -> str | None:
    mark = options.get(KEY)
    value = mark.get(field) if isinstance(mark, dict) else None
    return value if isinstance(value, str) else None
