"""What clients of the index tracker send and read; returns are in percent."""

from datetime import date
from typing import Literal

from pydantic import BaseModel, Field, StrictBool

from tradeapi.market.symbols.schemas import Day

_START = ["2024-01-02"]
_END = ["2024-10-25"]


class RangeIn(BaseModel):
    """Whatever else its clients send is left alone."""

    start_date: Day = Field(examples=_START)
    end_date: Day = Field(examples=_END)


class BuildIndexIn(BaseModel):
    start_date: Day = Field(examples=_START)
    end_date: Day | None = Field(
        None, description="Null: up to the last session that is over.", examples=_END
    )


class ExportIn(RangeIn):
    format: Literal["csv", "json"] = Field("csv", examples=["csv"])
    include_composition: StrictBool = False


class BuiltOut(BaseModel):
    success: bool = Field(description="False with 202: it is not over yet.")
    message: str = Field(examples=["Built 207 sessions from 2024-01-02 to 2024-10-25."])
    dates_processed: int = Field(examples=[207])
    start_date: date = Field(examples=_START)
    end_date: date | None = Field(examples=_END)


class LevelOut(BaseModel):
    date: str = Field(examples=["2024-01-03"])
    value: float = Field(examples=[1002.5])
    daily_return: float | None = Field(
        description="In percent; null on the first session.", examples=[0.25]
    )
    cumulative_return: float | None = Field(
        description="In percent, since the first session of the answer.", examples=[0.25]
    )


class SummaryOut(BaseModel):
    """All but the Sharpe ratio are in percent; null: there are too few returns for it."""

    total_return: float | None = Field(examples=[61.4])
    average_daily_return: float | None = Field(examples=[0.041])
    volatility: float | None = Field(description="Per year.", examples=[14.2])
    max_daily_return: float | None = Field(examples=[4.9])
    min_daily_return: float | None = Field(examples=[-4.1])
    sharpe_ratio: float | None = Field(
        description="Per year, of 252 sessions, over no interest.", examples=[0.73]
    )


class TrackerPerformance(BaseModel):
    start_date: date = Field(examples=_START)
    end_date: date = Field(examples=_END)
    total_days: int = Field(description="Sessions.", examples=[207])
    performance_data: list[LevelOut]
    summary: SummaryOut


class StockOut(BaseModel):
    ticker: str | None = Field(description="Null: the symbol is no more.", examples=["AAPL"])
    name: str = Field(examples=["Apple Inc."])
    weight: float = Field(description="A fraction.", examples=[0.01])
    market_cap: float | None = Field(examples=[644_000_000_000])


class TrackerConstituent(StockOut):
    sector: str | None = Field(examples=["Technology"])
    industry: None = Field(description="Not known here.")


class TrackerComposition(BaseModel):
    date: str = Field(
        description="The session: the one asked for, or the last before it.",
        examples=["2024-10-25"],
    )
    total_stocks: int = Field(examples=[100])
    compositions: list[TrackerConstituent] = Field(description="The largest first.")


class TrackerFile(TrackerPerformance):
    compositions: list[TrackerComposition] = Field(description="Of the same sessions.")


class TrackerChange(BaseModel):
    date: str = Field(examples=["2024-01-04"])
    stocks_added: list[StockOut] = Field(description="With their weights from this close on.")
    stocks_removed: list[StockOut] = Field(description="With what they weighed at this close.")
    total_changes: int = Field(examples=[2])


class TrackerChanges(BaseModel):
    start_date: date = Field(examples=_START)
    end_date: date = Field(examples=_END)
    total_change_dates: int = Field(examples=[1])
    changes: list[TrackerChange]


class TrackerHealth(BaseModel):
    status: Literal["healthy", "unhealthy"]
    timestamp: str = Field(description="ISO 8601.", examples=["2026-11-26T14:32:42+00:00"])
    version: str = Field(examples=["0.1.0"])
    database: Literal["connected", "disconnected"]
    cache: Literal["connected", "disconnected"] = Field(
        description="Redis, where there is one; else what the process keeps itself."
    )
