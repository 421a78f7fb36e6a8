"""Symbols, their actions and exchanges on the wire."""

from datetime import date
from typing import Annotated, Literal

from fastapi import Path
from pydantic import (
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    StrictBool,
    StringConstraints,
    ValidationInfo,
    field_validator,
)

from tradeapi.analytics.adjustments import Adjustment, Kind
from tradeapi.market.symbols.actions import Term
from tradeapi.market.symbols.names import EXCHANGE, LONGEST_SYMBOL, TICKER
from tradeapi.market.symbols.search import LONGEST_QUERY
from tradeapi.market.symbols.service import MOST_SHARES, SymbolFields
from tradeapi.market.symbols.shares import Count

SymbolType = Literal["stock", "etf", "coin", "index", "future", "fx", "fund", "other"]

SymbolPath = Annotated[
    str,
    Path(
        description="EXCHANGE:TICKER in any case, or a ticker that only one symbol has.",
        examples=["US:AAPL"],
        max_length=LONGEST_SYMBOL,
        pattern=f"^({EXCHANGE}:)?{TICKER}$",
    ),
]
# The same in a body.
SymbolName = Annotated[
    str,
    Field(
        description="EXCHANGE:TICKER in any case, or a ticker that only one symbol has.",
        examples=["US:AAPL"],
        max_length=LONGEST_SYMBOL,
        pattern=f"^({EXCHANGE}:)?{TICKER}$",
    ),
]
NewSymbolPath = Annotated[
    str,
    Path(
        description="EXCHANGE:TICKER in any case; an unknown exchange is created as 24x7.",
        examples=["US:AAPL"],
        max_length=LONGEST_SYMBOL,
        pattern=f"^{EXCHANGE}:{TICKER}$",
    ),
]
ExchangeCode = Annotated[str, StringConstraints(pattern=f"^{EXCHANGE}$", to_upper=True)]
# What no database takes and no chart shows stays out: control characters.
Label = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")
]
Currency = Annotated[str, StringConstraints(pattern="^[A-Za-z0-9]{1,8}$", to_upper=True)]
CalendarCode = Annotated[
    str,
    Field(
        description="As exchange_calendars names it, or 24x7.",
        examples=["XNYS"],
        max_length=30,
        pattern=r"^[A-Za-z0-9_/]+$",
    ),
]


def _iso(value: object) -> object:
    if not isinstance(value, str | date) or len(str(value)) != len("2024-06-10"):
        raise ValueError("must be a date such as 2024-06-10")
    return value


Day = Annotated[date, BeforeValidator(_iso)]


class SymbolQuery(BaseModel):
    """The search's query string."""

    query: str = Field(
        "",
        max_length=LONGEST_QUERY,
        description="A symbol, a ticker, or words of a name; one letter may be wrong.",
        examples=["appel"],
    )
    type: SymbolType | None = Field(None, description="Only these.")
    exchange: ExchangeCode | None = Field(None, description="Only its symbols.", examples=["US"])
    limit: int = Field(50, ge=1, le=500)
    cursor: str | None = Field(
        None, max_length=500, description="`next_cursor` of the page before; the rest as there."
    )


class SymbolIn(BaseModel):
    """A symbol without its name; what is left out has its default."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"name": "Apple Inc.", "type": "stock", "currency": "USD"}]
        },
    )

    name: Label = ""
    type: SymbolType = "stock"
    currency: Currency | None = Field(None, description="Null is the exchange's.")
    sector: Label | None = None
    tick_size: Annotated[float, Strict()] | None = Field(
        None, gt=0, lt=1e9, allow_inf_nan=False, description="The smallest step of its price."
    )
    basis: Adjustment = Field(
        Adjustment.RAW, description="What its stored prices are adjusted for already."
    )
    extended_hours: StrictBool = Field(
        False, description="Whether trades outside the session make bars."
    )
    calendar: CalendarCode | None = Field(
        None, description="Where it trades at other hours than its exchange."
    )
    listed_from: Day | None = Field(
        None, description="The first day of trading.", examples=["1980-12-12"]
    )
    listed_to: Day | None = Field(
        None,
        description="The first day on which it trades no more; after `listed_from`.",
        examples=[None],
    )

    @field_validator("listed_to")
    @classmethod
    def _is_listed(cls, listed_to: date | None, info: ValidationInfo) -> date | None:
        listed_from = info.data.get("listed_from")
        if listed_to is not None and listed_from is not None and listed_to <= listed_from:
            raise ValueError("must be after listed_from")
        return listed_to

    def fields(self) -> SymbolFields:
        fields = SymbolFields(
            name=self.name,
            type=self.type,
            sector=self.sector,
            calendar=self.calendar,
            tick_size=self.tick_size,
            basis=self.basis.value,
            extended_hours=self.extended_hours,
            listed_from=self.listed_from,
            listed_to=self.listed_to,
        )
        if self.currency is not None:
            fields["currency"] = self.currency
        return fields


class SymbolOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    symbol: str = Field(examples=["US:AAPL"])
    exchange: str = Field(examples=["US"])
    ticker: str = Field(examples=["AAPL"])
    name: str = Field(examples=["Apple Inc."])
    type: SymbolType
    currency: str = Field(examples=["USD"])
    sector: str | None = Field(examples=["Technology"])
    tick_size: float | None = Field(examples=[0.01])
    basis: Adjustment
    extended_hours: bool
    calendar: str | None = Field(
        validation_alias=AliasChoices("own_calendar", "calendar"),
        description="Null is the exchange's.",
        examples=[None],
    )
    listed_from: date | None = Field(
        description="The first day of trading; null where unknown.", examples=["1980-12-12"]
    )
    listed_to: date | None = Field(
        description="The first day on which it trades no more.", examples=[None]
    )
    version: int = Field(description="Rises with each change of the symbol, its actions or shares.")


class Action(BaseModel):
    model_config = ConfigDict(extra="forbid", from_attributes=True)

    ex_date: Day = Field(
        description="The first day that trades on the new terms.", examples=["2024-06-10"]
    )
    kind: Kind = Field(
        description="`special` is a special cash dividend, or a return of capital.",
        examples=["split"],
    )
    value: Annotated[float, Strict()] = Field(
        gt=0,
        lt=1e9,
        allow_inf_nan=False,
        description="A split's new shares per old one, a dividend's amount per share.",
        examples=[10],
    )

    def term(self) -> Term:
        return Term(self.ex_date, self.kind, self.value)


class ActionsIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    items: list[Action] = Field(
        max_length=5000,
        examples=[[{"ex_date": "2024-06-10", "kind": "split", "value": 10}]],
        description="One of each kind per day: two dividends of a day are their sum.",
    )


class ActionsOut(BaseModel):
    items: list[Action]


class SharesFrom(BaseModel):
    model_config = ConfigDict(extra="forbid", from_attributes=True)

    effective: Day | None = Field(
        description="The first day with so many; null: from the first bar on.",
        examples=["2024-06-10"],
    )
    shares: Annotated[float, Strict()] = Field(
        gt=0, le=MOST_SHARES, allow_inf_nan=False, examples=[24_600_000_000]
    )

    def count(self) -> Count:
        return Count(self.effective, self.shares)


class SharesIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    items: list[SharesFrom] = Field(
        max_length=5000,
        examples=[
            [
                {"effective": None, "shares": 2_460_000_000},
                {"effective": "2024-06-10", "shares": 24_600_000_000},
            ]
        ],
        description="At most one per day, and one without a day.",
    )


class SharesOut(BaseModel):
    items: list[SharesFrom]


class ExchangeIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    calendar: CalendarCode
    currency: Currency = "USD"
    name: Label = Field("", examples=["US stock exchanges"])


class ExchangeOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    code: str = Field(examples=["US"])
    name: str = Field(examples=["US stock exchanges"])
    calendar: str = Field(examples=["XNYS"])
    currency: str = Field(examples=["USD"])


class ExchangesOut(BaseModel):
    items: list[ExchangeOut]
