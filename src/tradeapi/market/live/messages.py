"""What is said of bars and quotes, for the AsyncAPI document."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field, WithJsonSchema

from tradeapi.analytics.adjustments import Adjustment
from tradeapi.analytics.bars import COLUMNS
from tradeapi.market.quotes.schemas import Quote
from tradeapi.market.resolutions import Resolution
from tradeapi.market.symbols.names import EXCHANGE, TICKER
from tradeapi.streams.messages import Message, Snapshot, TopicName, Update

# In upper case: a topic has one name.
_SYMBOL = f"{EXCHANGE}:{TICKER}".replace("a-z", "")
_RESOLUTION = f"({'|'.join(Resolution)})"
_ADJUSTMENT = f"({'|'.join(Adjustment)})"

Row = Annotated[
    tuple[int, float, float, float, float, float],
    WithJsonSchema(
        {
            "type": "array",
            "description": f"{', '.join(COLUMNS).capitalize()}.",
            "items": [
                {"title": name, "type": "integer" if name == "time" else "number"}
                for name in COLUMNS
            ],
            "minItems": len(COLUMNS),
            "maxItems": len(COLUMNS),
        }
    ),
]


class BarsTopic(TopicName):
    """Bars: `bars:{symbol}:{resolution}`, and `:{adjustment}` for other than stored prices."""

    root: Annotated[
        str,
        Field(
            pattern=f"^bars:{_SYMBOL}:{_RESOLUTION}(:{_ADJUSTMENT})?$",
            examples=["bars:SIM:AURA:1m", "bars:SIM:AURA:1d:splits"],
        ),
    ]


class QuotesTopic(TopicName):
    """A quote: `quotes:{symbol}`."""

    root: Annotated[str, Field(pattern=f"^quotes:{_SYMBOL}$", examples=["quotes:SIM:AURA"])]


class Columns(BaseModel):
    """Bars as columns of equal length, ascending by time."""

    time: list[int] = Field(description="When each opens, in epoch seconds.")
    open: list[float]
    high: list[float]
    low: list[float]
    close: list[float]
    volume: list[float]


class BarsSnapshot(Snapshot):
    """The newest bars, which replace everything from the time of the first one on.

    Keep older ones only if `revision` is the one you hold and `previous_time` is not newer than
    your last bar before these; else read them again: `GET /api/v1/bars/{symbol}` with the topic's
    resolution and adjustment, and `before`.
    """

    example = """{"type": "snapshot", "topic": "bars:SIM:BTCUSD:1m", "epoch": "9e7686ee-7",
        "seq": 133118, "bars": {"time": [1795217280], "open": [24241.76], "high": [24241.76],
        "low": [24188.18], "close": [24206.17], "volume": [5.08203125]},
        "previous_time": 1795217220, "final_until": 1795217280, "revision": 0}"""

    topic: BarsTopic
    bars: Columns
    previous_time: int | None = Field(description="The time of the bar before the first.")
    final_until: int = Field(description="Bars before this instant are closed.")
    revision: int = Field(description="Rises when closed history of the symbol changes.")


class Bar(Update):
    """The newest bar as it is now, if it has the time of your last one; else one that follows it.

    A chart library's update.
    """

    example = """{"type": "bar", "topic": "bars:SIM:BTCUSD:1m", "seq": 150526, "prev": 149502,
        "bar": [1795217280, 24241.76, 24241.76, 24188.18, 24200.21, 5.154296875],
        "final": false}"""

    type: Literal["bar"]
    topic: BarsTopic
    bar: Row
    final: bool = Field(description="True once, when the bar closes.")


class ReplayedBar(Message):
    """A bar of a replay as it is stored, when it would have closed; no change of the topic."""

    example = """{"type": "bar", "topic": "bars:SIM:BTCUSD:1m", "replay": "r1",
        "bar": [1717425000, 24241.76, 24241.76, 24188.18, 24200.21, 5.154296875],
        "final": true}"""

    type: Literal["bar"]
    topic: BarsTopic
    replay: str
    bar: Row
    final: Literal[True]


class Revise(Update):
    """A bar that is closed, and may be older than all you hold: then there is nothing to do."""

    example = """{"type": "revise", "topic": "bars:SIM:BTCUSD:1m", "seq": 151550, "prev": 150526,
        "bar": [1795217220, 24217.33, 24241.76, 24211.81, 24241.76, 24.75], "final": true}"""

    type: Literal["revise"]
    topic: BarsTopic
    bar: Row
    final: Literal[True]


class QuoteSnapshot(Snapshot):
    """The newest quote."""

    example = """{"type": "snapshot", "topic": "quotes:SIM:BTCUSD", "epoch": "9e7686ee-7",
        "seq": 133118, "quote": {"last": 24206.17, "bid": null, "ask": null, "change": 2297.71,
        "change_percent": 10.4878, "open": 21908.46, "high": 24241.76, "low": 21853.62,
        "volume": 21151.20703125, "previous_close": 21908.46, "time": 1795217324.937,
        "stale": false}}"""

    topic: QuotesTopic
    quote: Quote


class QuoteUpdate(Update):
    """The quote as it is now, with all fields; also when only time has made it `stale`."""

    example = """{"type": "quote", "topic": "quotes:SIM:BTCUSD", "seq": 134142, "prev": 133118,
        "quote": {"last": 24200.21, "bid": null, "ask": null, "change": 2291.75,
        "change_percent": 10.4606, "open": 21908.46, "high": 24241.76, "low": 21853.62,
        "volume": 21151.279296875, "previous_close": 21908.46, "time": 1795217326.589,
        "stale": false}}"""

    type: Literal["quote"]
    topic: QuotesTopic
    quote: Quote


MESSAGES: tuple[type[Message], ...] = (
    BarsSnapshot,
    Bar,
    ReplayedBar,
    Revise,
    QuoteSnapshot,
    QuoteUpdate,
)
