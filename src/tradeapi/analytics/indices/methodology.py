"""The rules of an index, as the computation takes them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from tradeapi.analytics.bars import Int64Array


class Weighting(StrEnum):
    """How the level's value is spread over the constituents at a rebalance."""

    EQUAL = "equal"
    MARKET_CAP = "market_cap"
    CAPPED = "capped"
    PRICE = "price"
    CUSTOM = "custom"
    INVERSE_VOLATILITY = "inverse_volatility"


class Schedule(StrEnum):
    """At which closes an index is rebalanced; of a period its last session's."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    QUARTERLY = "quarterly"
    DATES = "dates"


class Return(StrEnum):
    """What becomes of ordinary dividends: nothing, all of them is reinvested, or what is left."""

    PRICE = "price"
    TOTAL = "total"
    NET = "net"


@dataclass(frozen=True, slots=True, kw_only=True)
class Methodology:
    """What the levels follow from, beside the data.

    `count` largest by market capitalisation are the constituents, with incumbents kept down to the
    rank `count + buffer`; all that are eligible where it is None. `cap` is the highest weight,
    `custom` the target weights by column of the panel, `window` the sessions of a volatility.
    `dates` are the days of a schedule of dates. Selection and weights are of the close `lag`
    sessions before the rebalance. A price is carried for `carry` sessions. `cost` is what is paid
    of each unit that is traded, `withholding` what of each dividend is kept back.
    """

    base_value: float = 1000.0
    count: int | None = 100
    buffer: int = 0
    weighting: Weighting = Weighting.EQUAL
    cap: float | None = None
    custom: Mapping[int, float] = field(default_factory=dict)
    window: int = 60
    schedule: Schedule = Schedule.DAILY
    dates: Int64Array | None = None
    lag: int = 0
    carry: int = 5
    delisted_at_zero: bool = False
    returns: Return = Return.PRICE
    withholding: float = 0.0
    cost: float = 0.0

    @property
    def lookback(self) -> int:
        """How many sessions before the first one have to be known."""
        volatility = self.weighting is Weighting.INVERSE_VOLATILITY
        return self.carry + self.lag + (self.window if volatility else 0)

    @property
    def needs_shares(self) -> bool:
        return self.count is not None or self.weighting in {Weighting.MARKET_CAP, Weighting.CAPPED}

    @property
    def reinvested(self) -> float:
        """The share of a dividend that goes into the index."""
        if self.returns is Return.PRICE:
            return 0.0
        return 1.0 if self.returns is Return.TOTAL else 1.0 - self.withholding
