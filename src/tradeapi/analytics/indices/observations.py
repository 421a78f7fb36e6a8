"""What is known of all symbols at a close, as sessions go by."""

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tradeapi.analytics.bars import Float64Array, Int64Array
from tradeapi.analytics.indices.methodology import Methodology, Weighting
from tradeapi.analytics.indices.panel import Event, Panel

# Sessions since a price that there never was.
_NEVER = 2**31


class Known(NamedTuple):
    """Of each symbol the last price and how many sessions old it is, and the shares outstanding;
    per share as it is after the splits since."""

    price: Float64Array
    outstanding: Float64Array
    age: Int64Array


class Observations:
    """Sessions are opened and closed in their order; the arrays are those of the last one."""

    def __init__(self, methodology: Methodology, width: int) -> None:
        self.price = np.full(width, np.nan)
        self.age = np.full(width, _NEVER, np.int64)
        self.outstanding = np.full(width, np.nan)
        self._is_begun = False
        self._methodology = methodology
        # Of the reference day up to now, where that is another day.
        self._past: deque[Known] = deque(maxlen=methodology.lag + 1 if methodology.lag else 0)
        is_volatility = methodology.weighting is Weighting.INVERSE_VOLATILITY
        kept = methodology.window + methodology.lag if is_volatility else 0
        self._returns: deque[Float64Array] = deque(maxlen=kept)

    def open(self, panel: Panel, row: int) -> Sequence[Event]:
        """What happens in the morning."""
        if not self._is_begun:
            self.outstanding, self._is_begun = panel.shares.copy(), True
        events = panel.events.get(row, ())
        for column, kind, value in events:
            if kind == "split":
                self.price[column] /= value
                self.outstanding[column] *= value
                for known in self._past:
                    known.price[column] /= value
                    known.outstanding[column] *= value
            elif kind == "special":
                self.price[column] = max(self.price[column] - value, 0.0)
            elif kind == "shares":
                self.outstanding[column] = value
        return events

    def close(self, panel: Panel, row: int) -> None:
        close = panel.close[row]
        is_traded = ~np.isnan(close)
        if self._returns.maxlen:
            # Over a longer gap nobody can say what a session returned.
            is_known = self.age + ~is_traded <= self._methodology.carry
            change = np.where(is_traded, close / self.price - 1.0, 0.0)
            self._returns.append(np.where(is_known, change, np.nan))
        self.price = np.where(is_traded, close, self.price)
        self.age = np.where(is_traded, 0, self.age + 1)
        if self._past.maxlen:
            self._past.append(Known(self.price.copy(), self.outstanding.copy(), self.age))

    def reference(self) -> Known | None:
        """What selection and weights are of; None: so far back nothing is known."""
        if not self._methodology.lag:
            return Known(self.price, self.outstanding, self.age)
        return self._past[0] if len(self._past) > self._methodology.lag else None

    def returns(self, members: Int64Array) -> Float64Array:
        """Of the window up to the reference day, sessions x members; raises ValueError for fewer
        sessions."""
        window = self._methodology.window
        rows = [*self._returns][: len(self._returns) - self._methodology.lag]
        if len(rows) < window:
            raise ValueError(f"A volatility takes {window} returns; there are {len(rows)}.")
        return np.array([row[members] for row in rows[-window:]])
