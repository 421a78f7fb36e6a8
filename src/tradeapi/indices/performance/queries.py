"""What is asked about how an index has done."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from tradeapi.analytics.indices.sample import Terms
from tradeapi.indices.spans import Span

MOST_FALLS = 100
LONGEST_WINDOW = 1260
LONGEST_NAME = 80

Rate = Annotated[float, Field(ge=-0.99, le=10, allow_inf_nan=False)]
Window = Annotated[
    int, Field(ge=2, le=LONGEST_WINDOW, description="How many sessions a value looks back.")
]


class Compared(BaseModel):
    benchmark: str | None = Field(
        None,
        min_length=1,
        max_length=LONGEST_NAME,
        description="The code of another index, or a symbol with its exchange.",
        examples=["US:AAPL"],
    )


class Termed(BaseModel):
    risk_free: Rate = Field(0.0, description="The riskless return of a year; 0.02 is 2 percent.")
    compounding: Literal["simple", "geometric"] = Field(
        "simple",
        description="What of a year's rate falls to a session: a part, or what compounds to it.",
    )

    def terms(self, periods_per_year: int) -> Terms:
        return Terms(
            periods_per_year=periods_per_year,
            risk_free=self.risk_free,
            compounding=self.compounding,
        )


class Format(StrEnum):
    COLUMNS = "columns"
    CSV = "csv"


class PerformanceQuery(Termed, Compared, Span):
    minimum: Rate = Field(
        0.0, description="The least acceptable return of a year, of `sortino` and `omega`."
    )
    confidence: float = Field(
        0.95, ge=0.5, le=0.9999, description="Of the values at risk.", examples=[0.95]
    )
    format: Format = Field(
        Format.COLUMNS, description="`csv` is a file of the columns, without the measures."
    )

    def terms(self, periods_per_year: int) -> Terms:
        return Terms(
            periods_per_year=periods_per_year,
            risk_free=self.risk_free,
            minimum=self.minimum,
            confidence=self.confidence,
            compounding=self.compounding,
        )


class DrawdownsQuery(Span):
    count: int = Field(10, ge=1, le=MOST_FALLS, description="How many, the deepest first.")


class Rolling(StrEnum):
    RETURN = "return"
    VOLATILITY = "volatility"
    SHARPE = "sharpe"
    MAX_DRAWDOWN = "max_drawdown"
    BETA = "beta"


class RollingQuery(Termed, Compared, Span):
    window: Window = 60
    measures: str = Field(
        "return,volatility,sharpe,max_drawdown",
        max_length=100,
        description=f"Some of {', '.join(Rolling)}, the last against the `benchmark`.",
        examples=["volatility,sharpe"],
    )


class MonthlyQuery(Span):
    """Nothing but the days."""
