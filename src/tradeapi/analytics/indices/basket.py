"""What an index holds after a close, and what that is worth during the session after it.

A build goes from one close to the next, and the live level stands between two of them: both value
an index with what is here, so that they agree to the last bit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum

import numpy as np

from tradeapi.analytics.bars import Float64Array, Int64Array
from tradeapi.analytics.indices.methodology import Methodology, Weighting
from tradeapi.analytics.indices.panel import Event


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Basket:
    """An index after the close of the session `day`, of n constituents.

    `level` is shares times price over `divisor`. `members` are columns of the panel (int64),
    `shares` index shares, `price` what each closed at or was carried at for `age` sessions (int64),
    `outstanding` the shares outstanding, NaN where unknown. Where the index was traded at this
    close, `before` are the weights just before and `sizes` the market caps, in the order of the
    constituents of the session before, and `turnover` is half of the sum of all changes of weights.
    """

    day: int
    level: float
    divisor: float
    members: Int64Array
    shares: Float64Array
    price: Float64Array
    outstanding: Float64Array
    age: Int64Array
    turnover: float = 0.0
    before: Float64Array | None = None
    sizes: Float64Array | None = None

    @property
    def weights(self) -> Float64Array:
        return weights_of(self.shares * self.price)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Opened:
    """A basket as the next session opens: `price` is the close before, as it would have been after
    the corporate actions of the morning, `income` what is reinvested of dividends."""

    shares: Float64Array
    price: Float64Array
    outstanding: Float64Array
    divisor: float
    income: float

    def level(self, price: Float64Array) -> float:
        """The level at these prices of the constituents; 0 once all is lost."""
        return (total(self.shares * price) + self.income) / self.divisor if self.divisor else 0.0

    def divisor_after(self, price: Float64Array, level: float) -> float:
        """What continues the level from these prices: dividends are in it, and in no price."""
        return total(self.shares * price) / level if self.income and level else self.divisor


def opened(basket: Basket, events: Sequence[Event], methodology: Methodology) -> Opened:
    """The basket after the corporate actions of a session, in their order; others than its own are
    ignored."""
    if not events:
        return Opened(
            shares=basket.shares,
            price=basket.price,
            outstanding=basket.outstanding,
            divisor=basket.divisor,
            income=0.0,
        )
    places = {column: place for place, column in enumerate(basket.members.tolist())}
    own = [event for event in events if event.column in places]
    shares, price = basket.shares.copy(), basket.price.copy()
    outstanding = basket.outstanding.copy()
    income, moves_divisor = [], False
    # One share of each is held whatever becomes of it: then the divisor takes up the split.
    keeps_shares = methodology.weighting is Weighting.PRICE
    for column, kind, value in own:
        place = places[column]
        if kind == "split":
            price[place] /= value
            outstanding[place] *= value
            moves_divisor = moves_divisor or keeps_shares
            if not keeps_shares:
                shares[place] *= value
        elif kind == "special":
            price[place] = max(price[place] - value, 0.0)
            moves_divisor = True
        elif kind == "dividend":
            income.append(shares[place] * value * methodology.reinvested)
        else:
            outstanding[place] = value
    divisor = basket.divisor
    if moves_divisor and (old := total(basket.shares * basket.price)):
        divisor *= total(shares * price) / old
    return Opened(
        shares=shares,
        price=price,
        outstanding=outstanding,
        divisor=divisor,
        income=fsum(income),
    )


def total(values: Float64Array) -> float:
    """The sum, rounded once: in whatever order they come."""
    return fsum(values.tolist())


def weights_of(values: Float64Array) -> Float64Array:
    """What share each has of all; none of nothing."""
    whole = total(values)
    return values / whole if whole else np.zeros(len(values))
