"""What an index holds after a session, as one value.

Of n constituents, little-endian and one column after the other: the symbols' ids (int32), then
index shares, prices and shares outstanding (float64), and for how many sessions each price has been
carried (int32). The weights before a trade, and then the market caps, are float64, in the order of
the session before.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import numpy as np

from tradeapi.analytics.bars import Float64Array, Int64Array
from tradeapi.analytics.indices.basket import Basket, weights_of

# The columns of a row of `index_sessions`, in the order in which it is read.
COLUMNS = "day, level, divisor, turnover, members, before"
_BYTES = 4 + 3 * 8 + 4


class Held(NamedTuple):
    """An index after the close of a session; `ids` are those of symbols (int64), the rest as in
    Basket."""

    day: int
    level: float
    divisor: float
    turnover: float
    ids: Int64Array
    shares: Float64Array
    price: Float64Array
    outstanding: Float64Array
    age: Int64Array
    before: Float64Array | None
    sizes: Float64Array | None

    @classmethod
    def of(cls, row: Sequence[Any]) -> Self:
        """From a row with COLUMNS."""
        day, level, divisor, turnover, members, traded = row
        count = len(members) // _BYTES
        before = sizes = None
        if traded is not None:
            before, sizes = np.frombuffer(traded, "<f8").reshape(2, -1)
        return cls(
            day,
            level,
            divisor,
            turnover,
            np.frombuffer(members, "<i4", count).astype(np.int64),
            np.frombuffer(members, "<f8", count, 4 * count),
            np.frombuffer(members, "<f8", count, 12 * count),
            np.frombuffer(members, "<f8", count, 20 * count),
            np.frombuffer(members, "<i4", count, 28 * count).astype(np.int64),
            before,
            sizes,
        )

    @property
    def weights(self) -> Float64Array:
        """After the close, and after what was traded at it; they add up to 1."""
        return weights_of(self.shares * self.price)

    @property
    def caps(self) -> Float64Array:
        """Market capitalisations in the index's currency, NaN where unknown."""
        caps: Float64Array = self.price * self.outstanding
        return caps

    def basket(self, columns: Int64Array) -> Basket:
        """The same for an engine; `columns` are where the symbols stand in its panels."""
        return Basket(
            day=self.day,
            level=self.level,
            divisor=self.divisor,
            members=columns,
            shares=self.shares,
            price=self.price,
            outstanding=self.outstanding,
            age=self.age,
        )


def packed(basket: Basket, ids: Int64Array) -> tuple[object, ...]:
    """The COLUMNS of a basket; `ids` are those of the symbols by columns of its panel."""
    members = b"".join(
        (
            ids[basket.members].astype("<i4").tobytes(),
            basket.shares.astype("<f8").tobytes(),
            basket.price.astype("<f8").tobytes(),
            basket.outstanding.astype("<f8").tobytes(),
            basket.age.astype("<i4").tobytes(),
        )
    )
    traded = None
    if basket.before is not None and basket.sizes is not None:
        traded = basket.before.astype("<f8").tobytes() + basket.sizes.astype("<f8").tobytes()
    return basket.day, basket.level, basket.divisor, basket.turnover, members, traded
