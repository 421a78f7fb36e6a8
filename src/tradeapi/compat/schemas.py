"""What is answered, for the OpenAPI document: the routes write bytes."""

from typing import Any

from pydantic import BaseModel, Field


class MadeOut(BaseModel):
    chartId: str = Field(examples=["desk"])  # noqa: N815  the protocol's own
    options: dict[str, Any]


class SeriesOut(BaseModel):
    seriesId: str  # noqa: N815
    seriesType: str = Field(examples=["candlestick"])  # noqa: N815
    data: list[dict[str, Any]]
    options: dict[str, Any]
    chunked: bool = Field(description="Whether these are not all points.")
    totalCount: int  # noqa: N815
    chunkInfo: dict[str, Any] | None = None  # noqa: N815
    hasMoreBefore: bool | None = None  # noqa: N815
    hasMoreAfter: bool | None = None  # noqa: N815


class PaneOut(BaseModel):
    paneId: int  # noqa: N815
    series: list[SeriesOut]


class ProChartOut(MadeOut):
    panes: list[PaneOut]


class SetOut(BaseModel):
    seriesId: str = Field(examples=["price"])  # noqa: N815
    seriesType: str = Field(examples=["candlestick"])  # noqa: N815
    count: int = Field(description="How many points the series has now.", examples=[2])


class HistoryOut(BaseModel):
    seriesId: str = Field(examples=["price"])  # noqa: N815
    data: list[dict[str, Any]] = Field(examples=[[{"time": 1704153600, "value": 187.2}]])
    chunkInfo: dict[str, Any]  # noqa: N815
    hasMoreBefore: bool  # noqa: N815
    hasMoreAfter: bool  # noqa: N815
    totalCount: int  # noqa: N815
