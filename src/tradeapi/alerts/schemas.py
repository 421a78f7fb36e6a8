"""Alerts on the wire."""

from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from tradeapi.alerts.conditions import Direction, Period, Side, Way
from tradeapi.market.resolutions import Resolution
from tradeapi.market.symbols.schemas import SymbolName
from tradeapi.notifications.notices import Channel
from tradeapi.web.schemas import LINES, In, Out, Time, never_null

MOST_CONDITIONS = 5
LONGEST_COOL_DOWN = 30 * 86_400.0


class Status(StrEnum):
    """`fired`: it was to fire once and has; `expired`: its time is over."""

    ACTIVE = "active"
    DISABLED = "disabled"
    FIRED = "fired"
    EXPIRED = "expired"


class Purpose(StrEnum):
    """Which price of an item of a watchlist it is for."""

    TARGET = "target"
    STOP = "stop"


class Match(StrEnum):
    ALL = "all"
    ANY = "any"


Number = Annotated[float, Field(strict=True, allow_inf_nan=False, ge=-1e15, le=1e15)]
Price = Annotated[float, Field(strict=True, allow_inf_nan=False, gt=0, le=1e15, examples=[190.0])]


class PriceCondition(In):
    """At or above the level, or at or below it; `crosses_*`: having been on the other side."""

    type: Literal["price"]
    is_: Way = Field(alias="is", examples=["crosses_up"])
    level: Price


class MoveCondition(In):
    """The price against what it was `minutes` ago, or else at the close of the session before."""

    type: Literal["move"]
    percent: Annotated[
        float, Field(strict=True, allow_inf_nan=False, gt=0, le=10_000, examples=[5.0])
    ]
    direction: Direction = Direction.EITHER
    minutes: Annotated[int, Field(strict=True, ge=1, le=1440)] | None = None


class VolumeCondition(In):
    """The newest bar's volume, at least so many times the average of the `bars` before it."""

    type: Literal["volume"]
    times: Annotated[
        float, Field(strict=True, allow_inf_nan=False, gt=0, le=10_000, examples=[2.0])
    ]
    resolution: Resolution = Resolution.DAY
    bars: Annotated[int, Field(strict=True, ge=1, le=200)] = 20


class LineIn(In):
    """An indicator with its parameters; those left out have their defaults."""

    indicator: Annotated[str, Field(max_length=20, examples=["ema"])]
    params: dict[
        Annotated[str, Field(max_length=20)],
        Annotated[int, Field(strict=True)]
        | Annotated[float, Field(strict=True, allow_inf_nan=False)],
    ] = Field(default_factory=dict, max_length=10, examples=[{"period": 50}])
    output: Annotated[str, Field(max_length=20)] | None = Field(
        None, description="Left out: the indicator's first."
    )


class IndicatorCondition(LineIn):
    """An indicator against a level, or against another one on the same bars."""

    type: Literal["indicator"]
    resolution: Resolution = Resolution.DAY
    on: Literal["close", "tick"] = Field(
        "close", description="`close`: of closed bars alone; `tick`: of the newest as it forms."
    )
    is_: Way = Field(alias="is", examples=["below"])
    level: Number | None = Field(None, examples=[30.0])
    other: LineIn | None = None


class ExtremeCondition(In):
    """A price beyond all those before it in the session, or in 52 weeks."""

    type: Literal["extreme"]
    of: Period
    is_: Side = Field(alias="is")


Condition = Annotated[
    PriceCondition | MoveCondition | VolumeCondition | IndicatorCondition | ExtremeCondition,
    Field(discriminator="type"),
]


def _once(channels: list[Channel]) -> list[Channel]:
    return list(dict.fromkeys(channels))


Conditions = Annotated[list[Condition], Field(min_length=1, max_length=MOST_CONDITIONS)]
CoolDown = Annotated[
    float,
    Field(
        strict=True,
        ge=0,
        le=LONGEST_COOL_DOWN,
        allow_inf_nan=False,
        description="How many seconds after it has fired it does not fire again.",
        examples=[3600.0],
    ),
]
ExpiresAt = Annotated[
    float,
    Field(strict=True, gt=0, le=253_402_300_799, allow_inf_nan=False, examples=[1893456000.0]),
]
Note = Annotated[str, StringConstraints(max_length=500, pattern=LINES), Field(examples=["Sell?"])]
Channels = Annotated[
    list[Channel],
    Field(max_length=len(Channel), description="Beside your inbox, where it always is."),
    AfterValidator(_once),
]


class AlertIn(In):
    symbol: SymbolName
    conditions: Conditions
    match: Match = Field(Match.ALL, description="Whether all conditions have to be met, or any.")
    repeat: bool = Field(False, description="Whether it goes on once it has fired.")
    cool_down: CoolDown = 0.0
    expires_at: ExpiresAt | None = None
    note: Note = ""
    channels: Channels = Field(default_factory=list)


class AlertChange(In):
    """What is left out stays. Other conditions are watched as from this moment."""

    conditions: Conditions | None = None
    match: Match | None = None
    repeat: bool | None = None
    cool_down: CoolDown | None = None
    expires_at: ExpiresAt | None = None
    note: Note | None = None
    channels: Channels | None = None
    enabled: bool | None = Field(
        None, description="True watches it again, also when it has fired or expired."
    )

    _is_there = never_null(
        "conditions", "match", "repeat", "cool_down", "note", "channels", "enabled"
    )


class AlertOut(Out):
    id: UUID
    symbol: str = Field(examples=["US:AAPL"])
    conditions: list[dict[str, Any]] = Field(
        examples=[[{"type": "price", "is": "crosses_up", "level": 190.0}]]
    )
    match: Match
    repeat: bool
    cool_down: float = Field(examples=[0.0])
    expires_at: Time | None
    note: str = Field(examples=["Sell?"])
    channels: list[Channel]
    status: Status
    fired_count: int = Field(examples=[0])
    fired_at: Time | None = Field(description="When it fired last.")
    fired_price: float | None = Field(examples=[None])
    watchlist_id: UUID | None = Field(
        description="The watchlist whose item keeps it; null: nobody does."
    )
    purpose: Purpose | None = Field(description="What the item keeps it for.")
    version: int
    created_at: Time
    updated_at: Time


class SuggestionOut(BaseModel):
    """What may be posted as an alert as it is."""

    title: str = Field(examples=["5 % above the last price"])
    symbol: str = Field(examples=["US:AAPL"])
    conditions: list[dict[str, Any]] = Field(
        examples=[[{"type": "price", "is": "crosses_up", "level": 190.0}]]
    )


class SuggestionsOut(BaseModel):
    items: list[SuggestionOut]
