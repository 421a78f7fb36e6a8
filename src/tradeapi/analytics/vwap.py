"""The volume-weighted average price since the session began.

The sum of typical price (high + low + close) / 3 times volume, over the sum of volume, both anew
with each session (Berkowitz, Logue and Noser, "The Total Cost of Transactions on the NYSE", 1988;
the typical price stands for the trades of a bar). NaN until a session has volume.
"""

from itertools import pairwise
from typing import Self

import numpy as np

from tradeapi.analytics.bars import Float64Array


class SessionVwap:
    """Carried forward one bar at a time."""

    def __init__(self) -> None:
        self._session = np.nan
        self._traded = self._volume = 0.0

    @classmethod
    def opened(cls, *columns: Float64Array) -> Self:
        """On closed bars: session, high, low, close, volume, each of shape (bars,)."""
        vwap = cls()
        session, *_ = columns
        if len(session):
            begin = int(session.searchsorted(session[-1]))
            for bar in zip(*(column[begin:].tolist() for column in columns), strict=True):
                vwap.update(*bar)
        return vwap

    @property
    def value(self) -> float:
        return self._traded / self._volume if self._volume else np.nan

    def update(self, *bar: float) -> float:
        self._session, self._traded, self._volume = self._with(*bar)
        return self.value

    def peek(self, *bar: float) -> float:
        _, traded, volume = self._with(*bar)
        return traded / volume if volume else np.nan

    def _with(
        self, session: float, high: float, low: float, close: float, volume: float
    ) -> tuple[float, float, float]:
        traded = (high + low + close) / 3 * volume
        if session == self._session:
            return session, self._traded + traded, self._volume + volume
        return session, traded, volume


def session_vwap(
    session: Float64Array,
    high: Float64Array,
    low: Float64Array,
    close: Float64Array,
    volume: Float64Array,
) -> Float64Array:
    """For each bar; all of shape (bars,). The sessions do not decrease."""
    edges = [0, *(np.flatnonzero(session[1:] != session[:-1]) + 1).tolist(), len(session)]
    with np.errstate(all="ignore"):
        traded, total = (high + low + close) / 3 * volume, volume.copy()
        for begin, end in pairwise(edges):
            # cumsum adds from left to right, as bars that come one by one are added.
            np.cumsum(traded[begin:end], out=traded[begin:end])
            np.cumsum(total[begin:end], out=total[begin:end])
        return traded / total
