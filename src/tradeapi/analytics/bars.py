"""A run of bars as columns."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

Int64Array = npt.NDArray[np.int64]
Float64Array = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

PRICES = ("open", "high", "low", "close")
COLUMNS = ("time", *PRICES, "volume")


@dataclass(frozen=True, slots=True, eq=False)
class Bars:
    """Strictly ascending `time` (int64 epoch seconds of the bar's open); the rest float64."""

    time: Int64Array
    open: Float64Array
    high: Float64Array
    low: Float64Array
    close: Float64Array
    volume: Float64Array

    @classmethod
    def empty(cls) -> Self:
        return cls(np.empty(0, np.int64), *(np.empty(0, np.float64) for _ in range(5)))

    @classmethod
    def of(cls, rows: Iterable[Sequence[float]]) -> Self:
        """From `(time, open, high, low, close, volume)` rows."""
        columns = list(zip(*rows, strict=True))
        if not columns:
            return cls.empty()
        return cls(
            np.asarray(columns[0], np.int64),
            *(np.asarray(column, np.float64) for column in columns[1:]),
        )

    @classmethod
    def concat(cls, runs: Sequence["Bars"]) -> Self:
        """The runs one after the other; the caller knows that they ascend."""
        if not runs:
            return cls.empty()
        return cls(*(np.concatenate([getattr(run, name) for run in runs]) for name in COLUMNS))

    def __len__(self) -> int:
        return len(self.time)

    def __getitem__(self, index: slice | BoolArray | npt.NDArray[np.intp]) -> "Bars":
        return Bars(
            self.time[index],
            self.open[index],
            self.high[index],
            self.low[index],
            self.close[index],
            self.volume[index],
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Bars) and all(
            np.array_equal(ours, theirs, equal_nan=ours.dtype == np.float64)
            for ours, theirs in zip(self.columns(), other.columns(), strict=True)
        )

    __hash__ = None  # type: ignore[assignment]  # arrays change in place, so bars are no keys

    def columns(self) -> tuple[Int64Array, *tuple[Float64Array, ...]]:
        return (self.time, self.open, self.high, self.low, self.close, self.volume)
