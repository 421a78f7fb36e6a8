"""Bodies of this protocol: their names are in snake_case or camelCase."""

import re
from collections.abc import Iterator
from itertools import islice
from typing import Annotated, Any, NamedTuple, TypeVar

import orjson
from fastapi.exceptions import RequestValidationError
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError

from tradeapi.charts.depth import written
from tradeapi.charts.sources import LONGEST_NAME, NAME
from tradeapi.compat.windows import DEFAULT_COUNT, MOST_COUNT
from tradeapi.errors import Invalid
from tradeapi.market.bars.posted import BYTES_AT_ONCE

LAST_PANE = 100
# What a long body may have around its points, and in how many places these are looked for in it.
AROUND_BYTES = 64 * 1024
STARTS_TRIED = 4
ENDS_TRIED = 32

Body = TypeVar("Body", bound=BaseModel)
Side = Annotated[int | None, Field(ge=100, le=10_000, strict=True)]

_data = re.compile(rb'"data"\s*:\s*\[')


class ChartOptions(BaseModel):
    """Whatever else there is is kept as well."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={"examples": [{"width": 800, "layout": {"textColor": "#222"}}]},
    )

    width: Side = None
    height: Side = None
    layout: dict[str, Any] | None = None
    crosshair: dict[str, Any] | None = None
    grid: dict[str, Any] | None = None
    time_scale: dict[str, Any] | None = Field(
        None,
        validation_alias=AliasChoices("timeScale", "time_scale"),
        serialization_alias="timeScale",
    )


class SeriesBody(BaseModel):
    """What comes with the points of a series."""

    pane_id: int = Field(
        0, ge=0, le=LAST_PANE, strict=True, validation_alias=AliasChoices("pane_id", "paneId")
    )
    series_type: str | None = Field(
        None,
        min_length=1,
        max_length=64,
        validation_alias=AliasChoices("series_type", "seriesType"),
    )
    options: dict[str, Any] | None = None


class HistoryBody(BaseModel):
    pane_id: int = Field(
        0, ge=0, le=LAST_PANE, strict=True, validation_alias=AliasChoices("pane_id", "paneId")
    )
    series_id: str = Field(
        max_length=LONGEST_NAME,
        pattern=NAME,
        examples=["price"],
        validation_alias=AliasChoices("series_id", "seriesId"),
    )
    before_time: float | None = Field(
        None, strict=True, validation_alias=AliasChoices("before_time", "beforeTime")
    )
    after_time: float | None = Field(
        None, strict=True, validation_alias=AliasChoices("after_time", "afterTime")
    )
    count: int = Field(DEFAULT_COUNT, ge=1, le=MOST_COUNT, strict=True)


class Pushed(NamedTuple):
    """`points` is the array of them, as it came."""

    asked: SeriesBody
    points: bytes


def parse(content: object, model: type[Body]) -> Body:
    try:
        return model.model_validate(content)
    except ValidationError as error:
        faults = [{**fault, "loc": ("body", *fault["loc"])} for fault in error.errors()]
        raise RequestValidationError(faults) from error


def pushed(body: bytes) -> Pushed:
    """Raises Invalid and RequestValidationError; may take its time.

    The array is only looked at here where it is short: the JSON parser lets nobody else run.
    """
    if len(body) > BYTES_AT_ONCE:
        return _long(body)
    content = loads(body)
    points = content.get("data") if isinstance(content, dict) else None
    if not isinstance(content, dict) or not isinstance(points, list):
        raise Invalid("data has to be an array of points.")
    try:
        return Pushed(parse(content, SeriesBody), written(points))
    except orjson.JSONEncodeError as error:
        raise Invalid("A point is nested too deep.", code="invalid_item") from error


def loads(body: bytes) -> Any:  # noqa: ANN401  it is whatever the caller sent
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Invalid(f"The body is not JSON: {error}.", code="bad_body") from error


def _long(body: bytes) -> Pushed:
    """Cut the array out, where it is plain to see."""
    for start in _starts(body):
        for end in _ends(body, start):
            try:
                content = orjson.loads(body[:start] + body[end:])
            except orjson.JSONDecodeError:
                continue
            if isinstance(content, dict) and content.get("data") == []:
                return Pushed(parse(content, SeriesBody), body[start - 1 : end + 1])
            break
    raise Invalid(f"data has to be an array of points, with up to {AROUND_BYTES} bytes around it.")


def _starts(body: bytes) -> Iterator[int]:
    """Where the array may begin."""
    found = _data.finditer(body, 0, AROUND_BYTES)
    return (one.end() for one in islice(found, STARTS_TRIED))


def _ends(body: bytes, start: int) -> Iterator[int]:
    """Where it may end: most points have no arrays."""
    begin = max(start, len(body) - AROUND_BYTES)
    end = body.find(b"]", start)
    if end >= begin:
        yield end
    end = len(body)
    for _ in range(ENDS_TRIED):
        end = body.rfind(b"]", begin, end)
        if end < 0:
            break
        yield end
