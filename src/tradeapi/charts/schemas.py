"""Charts on the wire. What is opaque goes in as JSON and is bytes from then on."""

import json
from collections import Counter
from collections.abc import Callable
from typing import Annotated, Any, Self
from uuid import UUID

import orjson
from fastapi import Path
from pydantic import (
    BaseModel,
    BeforeValidator,
    Field,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)

from tradeapi.charts import bindings
from tradeapi.charts.depth import written
from tradeapi.charts.points import SeriesType
from tradeapi.charts.sources import LONGEST_NAME, NAME, AnySource, Name, refusal
from tradeapi.web.schemas import In, Time

MOST_PANES = 101
# Each costs its microseconds, also where it is faulty; how many one may have is a setting.
MOST_SERIES = 1000
OPTIONS_BYTES = 16 * 1024
ANNOTATIONS_BYTES = 64 * 1024
DRAWINGS_BYTES = 256 * 1024

ChartPath = Annotated[
    str,
    Path(
        description="The chart's id, or the name that you have given it.",
        examples=["desk"],
        max_length=LONGEST_NAME,
        pattern=NAME,
    ),
]
SeriesPath = Annotated[
    str,
    Path(
        description="The series by its id in the chart.",
        examples=["price"],
        max_length=LONGEST_NAME,
        pattern=NAME,
    ),
]
Title = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")
]


def _opaque(kind: type, most: int) -> Callable[[object], object]:
    def encode(value: object) -> object:
        if not isinstance(value, kind):
            raise ValueError("must be an object" if kind is dict else "must be an array")  # noqa: TRY004  pydantic's way
        text = _text(value)
        if len(text) > most:
            raise ValueError(f"is longer than {most} bytes")
        try:
            written(orjson.loads(text))
        except (orjson.JSONDecodeError, orjson.JSONEncodeError) as error:
            raise ValueError("is nested too deep, or has a number that is too large") from error
        return text

    return encode


def _text(value: object) -> bytes:
    try:
        return json.dumps(
            value, allow_nan=False, ensure_ascii=False, separators=(",", ":")
        ).encode()
    except (ValueError, RecursionError) as error:
        raise ValueError("is nested too deep, or has what JSON does not have") from error


Options = Annotated[
    bytes,
    BeforeValidator(_opaque(dict, OPTIONS_BYTES)),
    WithJsonSchema({"type": "object", "additionalProperties": True}),
]
Drawings = Annotated[
    bytes,
    BeforeValidator(_opaque(list, DRAWINGS_BYTES)),
    WithJsonSchema({"type": "array", "items": {}}),
]
Annotations = Annotated[
    bytes,
    BeforeValidator(_opaque(list, ANNOTATIONS_BYTES)),
    WithJsonSchema({"type": "array", "items": {}}),
]


def _no_options() -> bytes:
    return b"{}"


def _nothing() -> bytes:
    return b"[]"


class SeriesIn(In):
    id: Name = Field(description="Yours; unique in the chart.", examples=["price"])
    type: SeriesType = Field(examples=["candlestick"])
    options: Options = Field(default_factory=_no_options, description="Kept as it is.")
    source: AnySource | None = Field(
        None, description="Where its points come from; null: you push them."
    )


class PaneIn(In):
    options: Options = Field(default_factory=_no_options, description="Kept as it is.")
    series: list[SeriesIn] = Field(default_factory=list, max_length=MOST_SERIES)


def _few(panes: object) -> object:
    """Looked at before anything in them is."""
    parts = panes if isinstance(panes, list) else []
    series = [pane.get("series") for pane in parts if isinstance(pane, dict)]
    if sum(len(one) for one in series if isinstance(one, list)) > MOST_SERIES:
        raise ValueError(f"have more than {MOST_SERIES} series")
    return panes


Panes = Annotated[
    list[PaneIn],
    BeforeValidator(_few),
    Field(
        max_length=MOST_PANES,
        description="From the top; series that are not among them any more go with their points.",
        examples=[[{"series": [{"id": "price", "type": "candlestick"}]}]],
    ),
]


def _check(panes: list[PaneIn]) -> None:
    counts = Counter(series.id for pane in panes for series in pane.series)
    double = next((id for id, count in counts.items() if count > 1), None)
    if double is not None:
        raise ValueError(f"two series of the chart have the id {double}")
    chart = [
        bindings.Placed(("panes", pane, "series", place), series.id, series.type, series.source)
        for pane, of_pane in enumerate(panes)
        for place, series in enumerate(of_pane.series)
    ]
    found = list(bindings.faults(chart))
    if found:
        raise refusal(found)


class ChartIn(In):
    """A chart as a whole; what is left out is empty."""

    title: Title = Field("", examples=["My desk"])
    options: Options = Field(default_factory=_no_options, description="Kept as it is.")
    panes: Panes = Field(default_factory=list)
    drawings: Drawings = Field(default_factory=_nothing, description="Kept as it is.")
    annotations: Annotations = Field(default_factory=_nothing, description="Kept as it is.")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        _check(self.panes)
        return self


class NewChartIn(ChartIn):
    name: Name | None = Field(
        None, description="For its address, beside its id; unique among your charts."
    )


class ChartChange(In):
    """What is left out stays; what is there is replaced as a whole."""

    name: Name | None = Field(None, description="Null takes it away.")
    title: Title = Field("", examples=["My desk"])
    options: Options = Field(default_factory=_no_options)
    panes: Panes = Field(default_factory=list)
    drawings: Drawings = Field(default_factory=_nothing)
    annotations: Annotations = Field(default_factory=_nothing)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        _check(self.panes)
        return self


class CopyIn(In):
    name: Name | None = Field(None, examples=["desk-2"], description="Of the copy.")
    title: Title | None = Field(None, description="Of the copy; null: the same.")


class ChartSummary(BaseModel):
    id: UUID
    name: str | None = Field(examples=["desk"])
    title: str = Field(examples=["My desk"])
    version: int = Field(description="Rises with each change of the document.")
    created_at: Time
    updated_at: Time = Field(description="When the document last changed.")
    expires_at: Time | None = Field(
        description="When it is removed if nobody asks for it until then; null: never."
    )


class SeriesOut(BaseModel):
    """`count` and the rest are of pushed points; of a bound series they are null."""

    id: str = Field(examples=["price"])
    type: SeriesType
    options: dict[str, Any]
    source: AnySource | None
    count: int | None = Field(examples=[2])
    first_time: Time | None
    last_time: Time | None
    version: int | None = Field(description="Rises with each change of the points.")


class PaneOut(BaseModel):
    options: dict[str, Any]
    series: list[SeriesOut]


class ChartOut(ChartSummary):
    options: dict[str, Any]
    panes: list[PaneOut]
    drawings: list[Any]
    annotations: list[Any]
