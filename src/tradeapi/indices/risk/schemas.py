"""What is asked about where an index's returns and risk come from, and what is answered."""

import datetime as dt
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from tradeapi.indices.performance.queries import LONGEST_WINDOW
from tradeapi.indices.performance.schemas import Answered, Undefined, example
from tradeapi.indices.schemas import CODE, IndexCode
from tradeapi.indices.spans import Span
from tradeapi.market.symbols.schemas import Day
from tradeapi.web.schemas import Out


class AttributionQuery(Span):
    benchmark: str = Field(
        description="The code of another index.", pattern=f"^(?i:{CODE})$", examples=["EW100"]
    )


class RiskQuery(BaseModel):
    date: Day | None = Field(
        None,
        description="Whose constituents: those after the last close up to this day; by default "
        "those of the last session.",
        examples=["2024-10-25"],
    )
    window: int = Field(
        252, ge=2, le=LONGEST_WINDOW, description="From how many returns of each constituent."
    )
    confidence: float = Field(0.95, ge=0.5, le=0.9999, description="Of the CVaR.")


class Side(Out):
    return_: float = Field(alias="return", description="Of its levels.")
    explained: float = Field(description="What the sectors come to.")
    residual: float = Field(
        description="The rest: costs of trading, and what was corrected since the build."
    )


class Effect(Out):
    sector: str
    portfolio_weight: float = Field(description="The mean over all sessions.")
    benchmark_weight: float
    portfolio_return: float | None = Field(description="While it was held; null: it never was.")
    benchmark_return: float | None
    allocation: float
    selection: float
    interaction: float
    total: float


class AttributionOut(Answered):
    model_config = example(
        end="2020-01-10",
        sessions=1259,
        benchmark_code="CAP100",
        benchmark_revision=2,
        benchmark_currency="USD",
        portfolio={"return": 0.046, "explained": 0.046, "residual": 0.0},
        benchmark={"return": 0.04, "explained": 0.04, "residual": 0.0},
        active=0.006,
        allocation=0.004,
        selection=0.001,
        interaction=0.001,
        sectors=[
            {
                "sector": "Technology",
                "portfolio_weight": 0.5,
                "benchmark_weight": 0.4,
                "portfolio_return": 0.1,
                "benchmark_return": 0.08,
                "allocation": 0.004,
                "selection": 0.001,
                "interaction": 0.001,
                "total": 0.006,
            }
        ],
    )

    sessions: int
    benchmark_code: IndexCode
    benchmark_revision: int
    benchmark_currency: str
    portfolio: Side
    benchmark: Side
    active: float = Field(description="By how much more the sectors come to; the effects' sum.")
    allocation: float
    selection: float
    interaction: float
    sectors: list[Effect]


class Parts(Out):
    weight: float = Field(description="Of those that are not left out; they add up to 1.")
    volatility: float | None = Field(description="Per year; they add up to that of all.")
    volatility_share: float | None
    cvar: float | None = Field(description="A loss over one session; they add up to that of all.")
    cvar_share: float | None


class MemberRisk(Parts):
    symbol: str
    sector: str


class SectorRisk(Parts):
    sector: str


class LeftOut(Out):
    symbol: str
    weight: float = Field(description="In the index.")


class RiskOut(Out):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "code": "EW100",
                    "revision": 3,
                    "date": "2020-01-10",
                    "window": 252,
                    "periods_per_year": 252,
                    "confidence": 0.95,
                    "covered_weight": 0.99,
                    "volatility": 0.122,
                    "cvar": 0.018,
                    "undefined": {},
                    "items": [
                        {
                            "symbol": "US:AAPL",
                            "sector": "Technology",
                            "weight": 1.0,
                            "volatility": 0.122,
                            "volatility_share": 1.0,
                            "cvar": 0.018,
                            "cvar_share": 1.0,
                        }
                    ],
                    "sectors": [
                        {
                            "sector": "Technology",
                            "weight": 1.0,
                            "volatility": 0.122,
                            "volatility_share": 1.0,
                            "cvar": 0.018,
                            "cvar_share": 1.0,
                        }
                    ],
                    "left_out": [{"symbol": "US:NEW", "weight": 0.01}],
                }
            ]
        }
    )

    code: IndexCode
    revision: int
    date: dt.date
    window: int
    periods_per_year: int
    confidence: float
    covered_weight: float = Field(description="The weight of those that are not left out.")
    volatility: float | None = Field(description="Per year, had the weights never moved.")
    cvar: float | None = Field(description="The mean loss of a session in the worst of them.")
    undefined: Undefined
    items: list[MemberRisk]
    sectors: list[SectorRisk]
    left_out: Annotated[
        list[LeftOut], Field(description="Constituents with a shorter history than the window.")
    ]
