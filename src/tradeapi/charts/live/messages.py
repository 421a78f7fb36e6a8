"""What is said of charts, for the AsyncAPI document."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, WithJsonSchema

from tradeapi.charts.schemas import ChartOut
from tradeapi.streams.messages import Message, Snapshot, TopicName, Update

_UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"

Point = Annotated[
    dict[str, Any],
    WithJsonSchema(
        {
            "type": "object",
            "description": "As `GET /api/v1/charts/{id}/series/{series}/points` has it.",
            "required": ["time"],
        }
    ),
]


class ChartsTopic(TopicName):
    """A chart of yours, or one that you have a share of: `charts:{id}`."""

    root: Annotated[
        str,
        Field(
            pattern=f"^charts:{_UUID}$",
            examples=["charts:01a218ea-ab01-74d5-bdac-67adaba8abfd"],
        ),
    ]


class NewestPoints(BaseModel):
    """The newest points of a series, ascending."""

    points: list[Point]
    has_more_before: bool = Field(description="Whether there are older ones, to be read by HTTP.")


_CHART = """{"id": "01a218ea-ab01-74d5-bdac-67adaba8abfd", "name": "desk",
        "title": "My desk", "version": 3, "created_at": 1795714362.097,
        "updated_at": 1795714363.215, "expires_at": 1795800762.097, "options": {},
        "panes": [{"options": {}, "series": [{"id": "price", "type": "line", "options": {},
        "source": null, "count": 2, "first_time": 1704153600, "last_time": 1704240000,
        "version": 2}]}], "drawings": [], "annotations": []}"""


class ChartSnapshot(Snapshot):
    """The document, and for each series its newest points, up to `history` of them.

    They replace all that you hold of the chart.
    """

    example = f"""{{"type": "snapshot", "topic": "charts:01a218ea-ab01-74d5-bdac-67adaba8abfd",
        "epoch": "9e7686ee-01a218ea-ab01-74d5-bdac-67adaba8abfd", "seq": 5118, "chart": {_CHART},
        "version": 3, "series": {{"price": {{"points": [{{"time": 1704153600, "value": 187.2}},
        {{"time": 1704240000, "value": 184.3}}], "has_more_before": false}}}}}}"""

    topic: ChartsTopic
    chart: ChartOut
    version: int = Field(description="Of the document.")
    series: dict[str, NewestPoints] = Field(description="By the ids of the series.")


class PointsUpdate(Update):
    """Points of one series.

    Unless `revise` is true each has the time of your last one, and replaces it, or comes after it:
    a chart library's update. Else they may lie anywhere, to be inserted or replaced.
    """

    example = """{"type": "points", "topic": "charts:01a218ea-ab01-74d5-bdac-67adaba8abfd",
        "seq": 6142, "prev": 5118, "series": "price",
        "points": [{"time": 1704240000, "value": 184.5}], "revise": false}"""

    type: Literal["points"]
    topic: ChartsTopic
    series: str
    points: list[Point]
    revise: bool


class SeriesUpdate(Update):
    """One series is another now: these are its newest points, which replace all that you hold."""

    example = """{"type": "series", "topic": "charts:01a218ea-ab01-74d5-bdac-67adaba8abfd",
        "seq": 7166, "prev": 6142, "series": "price",
        "points": [{"time": 1704326400, "value": 181.9}], "has_more_before": true}"""

    type: Literal["series"]
    topic: ChartsTopic
    series: str
    points: list[Point]
    has_more_before: bool = Field(description="Whether there are older ones, to be read by HTTP.")


class ChartUpdate(Update):
    """The document is another; series that stay keep their points."""

    example = f"""{{"type": "chart", "topic": "charts:01a218ea-ab01-74d5-bdac-67adaba8abfd",
        "seq": 8190, "prev": 7166, "version": 3, "chart": {_CHART}}}"""

    type: Literal["chart"]
    topic: ChartsTopic
    version: int
    chart: ChartOut


MESSAGES: tuple[type[Message], ...] = (ChartSnapshot, PointsUpdate, SeriesUpdate, ChartUpdate)
