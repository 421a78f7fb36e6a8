"""Charts as answers: what is kept as JSON is not read again on its way out."""

from collections.abc import Mapping
from typing import Any

import orjson

from tradeapi.charts.documents import FoundChart, FoundSeries
from tradeapi.charts.models import Chart, Series
from tradeapi.charts.points import as_number


def summary(chart: Chart | FoundChart, ttl: float) -> dict[str, Any]:
    return {
        # The driver's own kind is none that orjson knows.
        "id": str(chart.id),
        "name": chart.name,
        "title": chart.title,
        "version": chart.version,
        "created_at": chart.created_at,
        "updated_at": chart.updated_at,
        "expires_at": None if chart.accessed_at is None else chart.accessed_at + ttl,
    }


def document(chart: Chart | FoundChart, ttl: float) -> bytes:
    panes: list[dict[str, Any]] = [
        {"options": orjson.Fragment(options), "series": []} for options in chart.panes.splitlines()
    ]
    for series in chart.series:
        panes[series.pane]["series"].append(_series(series))
    return orjson.dumps(
        {
            **summary(chart, ttl),
            "options": orjson.Fragment(chart.options),
            "panes": panes,
            "drawings": orjson.Fragment(chart.drawings),
            "annotations": orjson.Fragment(chart.annotations),
        }
    )


def _series(series: Series | FoundSeries) -> Mapping[str, Any]:
    is_pushed = series.source is None
    return {
        "id": series.name,
        "type": series.type,
        "options": orjson.Fragment(series.options),
        "source": None if series.source is None else orjson.Fragment(series.source),
        "count": series.count if is_pushed else None,
        "first_time": as_number(series.first),
        "last_time": as_number(series.last),
        "version": series.version if is_pushed else None,
    }
