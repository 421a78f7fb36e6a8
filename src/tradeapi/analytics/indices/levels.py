"""Levels of an index, or prices of what it is compared with, by session."""

from dataclasses import dataclass
from datetime import date
from typing import Self

import numpy as np
import numpy.typing as npt

from tradeapi.analytics.bars import Float64Array

Days = npt.NDArray[np.datetime64]

# Equal returns differ by a few units in the last place once they are read off levels. What moves
# no more than this, relative to the level, has not moved: else 0 / 0 would become 10 ** 15.
NOISE = 64 * float(np.finfo(np.float64).eps)
FARTHEST = 1e100  # the squares of returns are numbers too, and so are their sums
_EPOCH = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True, eq=False)
class Levels:
    """Made by `of`. `days` are datetime64[D], ascending; `values` float64; shape (sessions,) each.

    The first level is the base, so there is one return fewer than there are levels.
    """

    days: Days
    values: Float64Array

    @classmethod
    def of(cls, days: npt.ArrayLike, values: npt.ArrayLike) -> Self:
        """Whole numbers as days are days since 1970.

        A level of 0 is a loss of everything, after which there are no returns: the series ends
        there. Raises ValueError if a day does not follow the one before it, if a level is
        negative or not finite, if the base is 0, if a level rises from 0, or if two levels are
        further apart than any market.
        """
        levels = cls(np.asarray(days, "datetime64[D]"), np.asarray(values, np.float64))
        if levels.values.ndim != 1 or levels.days.shape != levels.values.shape:
            raise ValueError("Each level must have its day.")
        if np.isnat(levels.days).any() or not (levels.days[1:] > levels.days[:-1]).all():
            raise ValueError("Days must ascend.")
        if not (np.isfinite(levels.values) & (levels.values >= 0)).all():
            raise ValueError("Levels must be numbers, none of them negative.")
        levels = levels._until_nothing_is_left()
        above = levels.values[levels.values > 0]
        if len(above) and above.max() / FARTHEST > above.min():
            raise ValueError("Levels must not be further apart than a factor of 1e100.")
        return levels

    def __len__(self) -> int:
        return len(self.values)

    @property
    def returns(self) -> Float64Array:
        """Simple returns from session to session, shape (sessions - 1,): 0.01 is one percent."""
        change: Float64Array = self.values[1:] / self.values[:-1] - 1
        change[abs(change) <= NOISE] = 0
        return change

    def day(self, index: int) -> date:
        return date.fromordinal(_EPOCH + int(self.days[index].astype(np.int64)))

    def common(self, other: "Levels") -> tuple["Levels", "Levels"]:
        """Both on the days that both have, so that returns are over the same spans."""
        days, mine, theirs = np.intersect1d(
            self.days, other.days, assume_unique=True, return_indices=True
        )
        return Levels(days, self.values[mine]), Levels(days, other.values[theirs])

    def _until_nothing_is_left(self) -> Self:
        lost = self.values == 0
        if not lost.any():
            return self
        first = int(lost.argmax())
        if first == 0:
            raise ValueError("The base must be above 0.")
        if not lost[first:].all():
            raise ValueError("A level cannot rise from 0.")
        return type(self)(self.days[: first + 1], self.values[: first + 1])
