"""How what is pushed is kept in a chart: of which type, in which place, with which options."""

from collections.abc import Mapping
from typing import Any

import orjson

from tradeapi.charts.models import Chart
from tradeapi.charts.points import SeriesType
from tradeapi.charts.schemas import PaneIn
from tradeapi.compat.bodies import parse
from tradeapi.compat.marks import TYPES

Json = dict[str, Any]


def base_of(type: str, points: bytes) -> SeriesType:
    """How we keep what may be of a type that we do not know."""
    if type in TYPES:
        return SeriesType(type)
    return SeriesType.CANDLESTICK if b'"open"' in points[:1000] else SeriesType.LINE


def panes_with(chart: Chart, pane: int, one: Mapping[str, object]) -> list[PaneIn]:
    """As they are, but for this series, in its place or at the end of its pane."""
    options = [orjson.loads(text) for text in chart.panes.splitlines()]
    options += [{} for _ in range(pane + 1 - len(options))]
    panes: list[Json] = [{"options": each, "series": []} for each in options]
    for series in chart.series:
        kept = {
            "id": series.name,
            "type": series.type,
            "options": orjson.loads(series.options),
            "source": None if series.source is None else orjson.loads(series.source),
        }
        panes[series.pane]["series"].append(one if series.name == one["id"] else kept)
    if all(series.name != one["id"] for series in chart.series):
        panes[pane]["series"].append(one)
    return [parse(each, PaneIn) for each in panes]


def merged_options(before: Json, options: Json) -> Json:
    merged = dict(before)
    for name, value in options.items():
        old = merged.get(name)
        both = isinstance(old, dict) and isinstance(value, dict)
        merged[name] = merged_options(old, value) if both else value  # type: ignore[arg-type]
    return merged
