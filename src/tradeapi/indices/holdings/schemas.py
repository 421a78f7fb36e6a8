"""What indices hold, on the wire."""

import datetime as dt
from enum import StrEnum

from pydantic import Field

from tradeapi.indices.schemas import IndexCode
from tradeapi.web.schemas import Out


class ConstituentOut(Out):
    rank: int = Field(description="By market cap, of equal ones by symbol.", examples=[1])
    symbol: str | None = Field(description="Null: it was removed since.", examples=["US:AAPL"])
    name: str = Field(examples=["Apple Inc."])
    sector: str | None = Field(examples=["Technology"])
    weight: float = Field(
        description="After what was traded at this close; on other days it has drifted since.",
        examples=[0.0101],
    )
    shares: float | None = Field(
        description="Shares outstanding at this close; null: nobody knows.", examples=[24.6e9]
    )
    index_shares: float = Field(
        description="How many the index holds: their value over the divisor is the level.",
        examples=[0.0817],
    )
    price: float = Field(
        description="The close, in the currency of the index, or the last one before.",
        examples=[123.75],
    )
    currency: str = Field(description="That of the index.", examples=["USD"])
    market_cap: float | None = Field(examples=[3.04e12])
    stale: int = Field(
        description="For how many sessions the price is carried; 0: it is of this close.",
        examples=[0],
    )


class CompositionOut(Out):
    code: IndexCode
    revision: int = Field(examples=[3])
    date: dt.date = Field(description="The session.", examples=["2020-01-10"])
    asked: dt.date | None = Field(
        description="The `date` that was asked for; the session is the last one up to there.",
        examples=["2020-01-12"],
    )
    level: float = Field(examples=[1060.976104])
    divisor: float = Field(examples=[1.0])
    currency: str = Field(examples=["USD"])
    is_rebalanced: bool = Field(description="Whether it was traded at this close.")
    count: int = Field(examples=[100])
    items: list[ConstituentOut]


class MoveOut(Out):
    symbol: str | None = Field(description="Null: it was removed since.", examples=["US:AAPL"])
    name: str = Field(examples=["Apple Inc."])
    rank: int = Field(
        description="By market cap at this close: of who entered among all after the trade, of who "
        "exited among all before it.",
        examples=[100],
    )
    market_cap: float | None = Field(description="At this close.", examples=[3.04e12])
    weight_before: float = Field(
        description="Drifted since the trade before; 0 of who entered.", examples=[0.0]
    )
    weight_after: float = Field(description="0 of who exited.", examples=[0.01])


class ChangeOut(Out):
    """What was traded at the close of a session."""

    date: dt.date = Field(examples=["2020-01-10"])
    turnover: float = Field(
        description="Half of the sum of all changes of weights.", examples=[0.0213]
    )
    count: int = Field(description="How many constituents there are since.", examples=[100])
    entered: list[MoveOut]
    exited: list[MoveOut]


class TotalsOut(Out):
    """Of all sessions from `start` to `end`, whatever the page shows."""

    sessions: int = Field(examples=[252])
    changes: int = Field(description="Closes at which somebody entered or exited.", examples=[31])
    rebalances: int = Field(description="Closes at which anything was traded.", examples=[252])
    entered: int = Field(examples=[40])
    exited: int = Field(examples=[40])
    turnover: float = Field(examples=[5.19])


class ChangesOut(Out):
    code: IndexCode
    revision: int = Field(examples=[3])
    since: dt.date = Field(
        description="The session that the first one is compared with: the one before it, or the "
        "index's first itself. What was held then, with all changes, is what is held at `end`.",
        examples=["2019-12-31"],
    )
    start: dt.date = Field(description="The first session of the range.", examples=["2020-01-02"])
    end: dt.date = Field(description="The last one.", examples=["2020-01-10"])
    totals: TotalsOut
    items: list[ChangeOut]
    next_cursor: str | None = Field(description="Hand it back as `cursor`; null on the last page.")


class What(StrEnum):
    """What a file is about."""

    LEVELS = "levels"
    COMPOSITION = "composition"


class Format(StrEnum):
    """The ways to write a file."""

    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"
    XLSX = "xlsx"
