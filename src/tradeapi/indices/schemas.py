"""Indices on the wire."""

import datetime as dt
from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Body, Path
from pydantic import AfterValidator, Field, StringConstraints

from tradeapi.analytics.indices.methodology import Return, Schedule, Weighting
from tradeapi.market.symbols.schemas import (
    CalendarCode,
    Currency,
    Day,
    ExchangeCode,
    Label,
    SymbolName,
    SymbolType,
)
from tradeapi.web.schemas import In, Out, Time

CODE = r"[A-Z0-9][A-Z0-9._-]{0,31}"
MOST_SYMBOLS = 10_000
MOST_DATES = 1000

IndexCode = Annotated[str, StringConstraints(pattern=f"^{CODE}$"), Field(examples=["EW100"])]
IndexPath = Annotated[
    str,
    AfterValidator(str.upper),
    Path(
        description="The index's code, in any case.",
        pattern=f"^(?i:{CODE})$",
        examples=["EW100"],
    ),
]
Fraction = Annotated[float, Field(strict=True, ge=0, le=1, allow_inf_nan=False)]
Weight = Annotated[float, Field(strict=True, gt=0, le=1e9, allow_inf_nan=False)]


class UniverseIn(In):
    """Who may be a constituent: all that are of one of each, of any where a list is empty, or these
    symbols and no others."""

    types: list[SymbolType] = Field(default=["stock"], max_length=8)
    exchanges: list[ExchangeCode] = Field(default_factory=list, max_length=50, examples=[[]])
    sectors: list[Label] = Field(default_factory=list, max_length=50, examples=[[]])
    symbols: list[SymbolName] = Field(
        default_factory=list,
        max_length=MOST_SYMBOLS,
        description="Instead of all the others.",
        examples=[[]],
    )


class Rules(In):
    """How an index is made up; what is left out has its default."""

    name: Label = Field("", examples=["Equal weight 100"])
    currency: Currency = "USD"
    calendar: CalendarCode | None = Field(
        None,
        description="Whose sessions it has; null: those of its universe, if all have the same.",
    )
    base_date: Day | None = Field(
        None, description="Null: the first session on which it has a constituent.", examples=[None]
    )
    base_value: Annotated[float, Field(strict=True, ge=1e-6, le=1e9, allow_inf_nan=False)] = 1000.0
    universe: UniverseIn = UniverseIn()
    count: Annotated[int, Field(strict=True, ge=1, le=MOST_SYMBOLS)] | None = Field(
        100, description="How many of the largest by market cap; null: the whole universe."
    )
    buffer: Annotated[int, Field(strict=True, ge=0, le=1000)] = Field(
        0, description="Who is in stays down to the rank `count` + this."
    )
    weighting: Weighting = Weighting.EQUAL
    cap: Annotated[float, Field(strict=True, gt=0, le=1)] | None = Field(
        None, description="The highest weight, of `capped`.", examples=[None]
    )
    weights: dict[SymbolName, Weight] = Field(
        default_factory=dict,
        max_length=MOST_SYMBOLS,
        description="Of `custom`, in any scale.",
        examples=[{}],
    )
    window: Annotated[int, Field(strict=True, ge=2, le=1000)] = Field(
        60, description="The sessions of the volatility of `inverse_volatility`."
    )
    rebalance: Schedule = Schedule.DAILY
    dates: list[Day] = Field(
        default_factory=list,
        max_length=MOST_DATES,
        description="Of the rebalance `dates`.",
        examples=[[]],
    )
    lag: Annotated[int, Field(strict=True, ge=0, le=60)] = Field(
        0, description="How many sessions before a rebalance its data is of."
    )
    return_type: Return = Return.PRICE
    withholding: Fraction = Field(0.0, description="What of dividends the return `net` loses.")
    carry: Annotated[int, Field(strict=True, ge=0, le=60)] = Field(
        5, description="For how many sessions a constituent without a price keeps its last one."
    )
    delisting: Literal["last", "zero"] = Field(
        "last", description="What is paid for a constituent that is delisted: its last price, or 0."
    )
    cost_bp: Annotated[float, Field(strict=True, ge=0, le=1000, allow_inf_nan=False)] = Field(
        0.0, description="Of what is bought or sold, in hundredths of a percent."
    )
    fx: dict[Currency, SymbolName] = Field(
        default_factory=dict,
        max_length=50,
        description="By a constituent's currency the symbol whose close converts it.",
        examples=[{}],
    )


class IndexIn(Rules):
    code: IndexCode


class IndexOut(Out):
    code: IndexCode
    symbol: str = Field(description="Under which it has bars.", examples=["INDEX:EW100"])
    definition: Rules
    calendar: str = Field(description="Whose sessions it has.", examples=["XNYS"])
    version: int = Field(description="Rises with each change of the rules.", examples=[1])
    created_at: Time
    updated_at: Time
    revision: int = Field(
        description="Rises with each build that is published; 0: none is.", examples=[12]
    )
    start: date | None = Field(description="The first session.", examples=["2015-01-12"])
    end: date | None = Field(description="The last session.", examples=["2020-01-10"])
    methodology: str | None = Field(
        description="The hash of the rules that the levels follow.", examples=["9f2b6c01d4e87a35"]
    )
    is_current: bool = Field(description="Whether those are the rules that it has now.")
    static_shares: bool | None = Field(
        description="Whether some counts of shares are undated: selection then knew too much.",
        examples=[False],
    )
    cut_off: Time | None = Field(description="When the data was read.")
    built_at: Time | None


class BuildIn(In):
    """Sessions to build; null: from the first that is not built up to the last that is over."""

    start: Day | None = Field(None, examples=["2024-01-02"])
    end: Day | None = Field(None, examples=["2024-10-25"])


BuildBody = Annotated[BuildIn, Body(default_factory=BuildIn)]


class FindingOut(Out):
    """Something odd in the data of a build."""

    code: Literal["jump", "missing", "stale", "ohlc", "volume"]
    date: dt.date = Field(examples=["2020-01-10"])
    symbol: str | None = Field(description="Null: it is about the index.", examples=["US:AAPL"])
    detail: str = Field(examples=["The close changed by -75% without an action."])


class BuildOut(Out):
    id: UUID = Field(description="That of its job.")
    status: Literal["running", "published", "held", "failed", "cancelled"] = Field(
        description="`held`: its data did not pass, and nothing was published.",
        examples=["published"],
    )
    start: date | None = Field(examples=["2015-01-12"])
    end: date | None = Field(examples=["2020-01-10"])
    sessions: int = Field(examples=[1259])
    methodology: str = Field(examples=["9f2b6c01d4e87a35"])
    static_shares: bool | None = Field(examples=[False])
    cut_off: Time
    revision: int | None = Field(description="What it was published as.", examples=[12])
    findings: list[FindingOut] = Field(description="At most 100.")
    created_at: Time
    finished_at: Time | None
