"""How an index has done, on the wire."""

import datetime as dt
from datetime import date
from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict, JsonValue

from tradeapi.analytics.adjustments import Adjustment
from tradeapi.analytics.indices.methodology import Return
from tradeapi.indices.performance.queries import Rolling
from tradeapi.indices.schemas import IndexCode
from tradeapi.web.schemas import Out


def example(**fields: JsonValue) -> ConfigDict:
    """With what all answers begin with."""
    about: JsonDict = {"code": "EW100", "revision": 3, "currency": "USD", "return_type": "price"}
    return ConfigDict(json_schema_extra={"examples": [{**about, "start": "2015-01-12", **fields}]})


class Answered(Out):
    code: IndexCode
    revision: int = Field(description="Rises with each build that is published.")
    currency: str
    return_type: Return | None = Field(
        description="What becomes of dividends; null where the rules were changed since the build."
    )
    start: date = Field(description="The first session; of `performance` the base.")
    end: date = Field(description="The last session.")


class Summary(Out):
    """Returns, rates and losses are fractions; null has its reason in `undefined`."""

    total_return: float | None
    cagr: float | None = Field(description="The yearly growth, by sessions.")
    cagr_calendar: float | None = Field(description="The yearly growth, by calendar days.")
    mean_return: float | None = Field(description="The mean return times the sessions of a year.")
    volatility: float | None = Field(description="Per year.")
    sharpe: float | None = Field(description="Per year.")
    sortino: float | None = Field(description="Per year.")
    calmar: float | None = Field(description="`cagr` over the depth of the deepest drawdown.")
    omega: float | None
    max_drawdown: float | None = Field(description="At most 0.")
    max_drawdown_peak_day: date | None
    max_drawdown_trough_day: date | None
    max_drawdown_recovery_day: date | None
    ulcer_index: float | None
    best_return: float | None
    best_return_day: date | None
    worst_return: float | None
    worst_return_day: date | None
    hit_rate: float | None = Field(description="The share of returns above 0.")
    payoff: float | None = Field(description="The mean gain over the mean loss.")
    skewness: float | None
    excess_kurtosis: float | None
    tail_ratio: float | None
    var_historical: float | None = Field(description="A loss over one session, if above 0.")
    var_normal: float | None
    var_cornish_fisher: float | None
    cvar_historical: float | None
    cvar_normal: float | None
    probabilistic_sharpe: float | None


class Relative(Out):
    beta: float | None
    alpha: float | None = Field(description="Jensen's, per year: that of a session times sessions.")
    alpha_compounded: float | None
    correlation: float | None
    tracking_error: float | None = Field(description="Per year.")
    information_ratio: float | None = Field(description="Per year.")
    treynor: float | None
    m_squared: float | None
    up_capture: float | None
    down_capture: float | None


Undefined = Annotated[
    dict[str, str], Field(description="By the measures that are null, why there is no such number.")
]
Column = list[float | None]


class BenchmarkOut(Out):
    symbol: str
    currency: str = Field(description="Its own: nothing is converted.")
    adjustment: Adjustment | None = Field(
        description="What its prices are restated for; for dividends, too, if the index has them. "
        "Null for an index."
    )
    revision: int
    sessions: int = Field(description="How many both have.")
    level: Column = Field(description="Null where it has none.")
    cumulative_return: Column = Field(description="Since the first session that both have.")
    summary: Relative
    undefined: Undefined


class Conventions(Out):
    periods_per_year: int = Field(description="365 of a market that never closes, else 252.")
    ddof: Literal[1] = Field(description="Deviations are those of a sample.")
    returns: Literal["simple"]
    units: Literal["fractions"] = Field(description="0.01 is one percent.")
    risk_free: float
    minimum: float
    compounding: Literal["simple", "geometric"]
    confidence: float


class PerformanceOut(Answered):
    model_config = example(
        end="2015-01-14",
        date=["2015-01-12", "2015-01-13", "2015-01-14"],
        level=[1000.0, 1010.0, 1004.95],
        daily_return=[None, 0.01, -0.005],
        cumulative_return=[0.0, 0.01, 0.00495],
        summary={
            "total_return": 0.00495,
            "cagr": 0.86295,
            "cagr_calendar": 1.463945,
            "mean_return": 0.63,
            "volatility": 0.168375,
            "sharpe": 3.741657,
            "sortino": 11.224972,
            "calmar": 172.590061,
            "omega": 2.0,
            "max_drawdown": -0.005,
            "max_drawdown_peak_day": "2015-01-13",
            "max_drawdown_trough_day": "2015-01-14",
            "max_drawdown_recovery_day": None,
            "ulcer_index": 0.003536,
            "best_return": 0.01,
            "best_return_day": "2015-01-13",
            "worst_return": -0.005,
            "worst_return_day": "2015-01-14",
            "hit_rate": 0.5,
            "payoff": 2.0,
            "skewness": None,
            "excess_kurtosis": None,
            "tail_ratio": 2.176471,
            "var_historical": 0.00425,
            "var_normal": 0.014946,
            "var_cornish_fisher": None,
            "cvar_historical": 0.005,
            "cvar_normal": 0.019378,
            "probabilistic_sharpe": None,
        },
        undefined={
            "max_drawdown_recovery_day": "The level has not recovered.",
            "skewness": "It takes 3 returns, there are 2.",
            "excess_kurtosis": "It takes 4 returns, there are 2.",
            "var_cornish_fisher": "It takes 3 returns, there are 2.",
            "probabilistic_sharpe": "It takes 3 returns, there are 2.",
        },
        conventions={
            "periods_per_year": 252,
            "ddof": 1,
            "returns": "simple",
            "units": "fractions",
            "risk_free": 0.0,
            "minimum": 0.0,
            "compounding": "simple",
            "confidence": 0.95,
        },
        benchmark=None,
    )

    date: list[dt.date]
    level: list[float]
    daily_return: Column = Field(description="Since the session before; of the base null.")
    cumulative_return: Column = Field(description="Since the base, whose own is 0.")
    summary: Summary
    undefined: Undefined
    conventions: Conventions
    benchmark: BenchmarkOut | None


class Fall(Out):
    peak: date = Field(description="The last session at the high.")
    trough: date
    recovery: date | None = Field(description="Null: it has not recovered yet.")
    depth: float = Field(description="-0.2 is a fall by 20 percent.")
    length: int = Field(description="Sessions from the peak to the recovery, or to the last one.")
    recovery_length: int | None = Field(description="Sessions from the trough to the recovery.")


class DrawdownsOut(Answered):
    model_config = example(
        end="2015-01-14",
        items=[
            {
                "peak": "2015-01-12",
                "trough": "2015-01-13",
                "recovery": "2015-01-14",
                "depth": -0.02,
                "length": 2,
                "recovery_length": 1,
            }
        ],
        date=["2015-01-12", "2015-01-13", "2015-01-14"],
        drawdown=[0.0, -0.02, 0.0],
    )

    items: list[Fall] = Field(description="The deepest first.")
    date: list[dt.date]
    drawdown: list[float] = Field(description="How far below the high so far; at most 0.")


class RollingOut(Answered):
    model_config = example(
        end="2015-04-10",
        window=60,
        periods_per_year=252,
        benchmark=None,
        date=["2015-04-09", "2015-04-10"],
        measures={"volatility": [0.151, 0.149], "sharpe": [0.8, 0.83]},
    )

    window: int
    periods_per_year: int
    benchmark: str | None
    date: list[dt.date] = Field(description="The last session of each window.")
    measures: dict[Rolling, Column] = Field(description="Null where there is no such number.")


class Year(Out):
    year: int
    months: list[float | None] = Field(description="Twelve; null where there is no session.")
    total: float = Field(description="What the months compound to.")


class MonthlyOut(Answered):
    model_config = example(
        end="2015-02-27",
        years=[{"year": 2015, "months": [0.01, -0.005] + [None] * 10, "total": 0.00495}],
    )

    years: list[Year]
