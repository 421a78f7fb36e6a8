"""The rows of a file of bars as columns."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from tradeapi.analytics.bars import Float64Array, Int64Array
from tradeapi.market.bars.validation import Rows
from tradeapi.market.resolutions import Resolution


@dataclass(frozen=True, slots=True, eq=False)
class FileRows:
    """`codes` stand for symbols, `lines` are the rows' places in the file."""

    codes: npt.NDArray[np.int32]
    lines: Int64Array
    seconds: Float64Array
    local: Float64Array
    open: Float64Array
    high: Float64Array
    low: Float64Array
    close: Float64Array
    volume: Float64Array

    @classmethod
    def concat(cls, runs: Sequence["FileRows"]) -> "FileRows":
        return cls(*(np.concatenate([getattr(run, name) for run in runs]) for name in _NAMES))

    def __len__(self) -> int:
        return len(self.lines)

    def __getitem__(
        self, index: slice | npt.NDArray[np.intp] | npt.NDArray[np.bool_]
    ) -> "FileRows":
        return FileRows(*(getattr(self, name)[index] for name in _NAMES))

    def by_symbol(self) -> Iterator[tuple[int, "FileRows"]]:
        """The rows of each symbol, in the order of the file."""
        order: npt.NDArray[np.intp] | None = None
        codes = self.codes
        if (np.diff(codes) < 0).any():
            order = np.argsort(codes, kind="stable")
            codes = codes[order]
        cuts = np.flatnonzero(np.diff(codes)) + 1
        for low, high in pairwise([0, *cuts.tolist(), len(self)]):
            if high > low:
                yield int(codes[low]), self[slice(low, high) if order is None else order[low:high]]

    def candidates(self, resolution: Resolution) -> Rows:
        """To be validated, the last row first, so that of equal times the first row is kept.

        A day is the one that the file's own clock shows.
        """
        last_first = self[::-1]
        return Rows(
            last_first.seconds if resolution.is_intraday else last_first.local,
            last_first.open,
            last_first.high,
            last_first.low,
            last_first.close,
            last_first.volume,
        )


class Gathered:
    """Rows put one after the other into memory that is taken once, as it is filled."""

    def __init__(self, capacity: int) -> None:
        self._rows = FileRows(
            np.empty(capacity, np.int32),
            np.empty(capacity, np.int64),
            *(np.empty(capacity, np.float64) for _ in range(7)),
        )
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def is_full(self) -> bool:
        return self._count == len(self._rows)

    def add(self, rows: FileRows) -> FileRows:
        """Those that there was no room for."""
        taken = min(len(rows), len(self._rows) - self._count)
        for name in _NAMES:
            getattr(self._rows, name)[self._count : self._count + taken] = getattr(rows, name)[
                :taken
            ]
        self._count += taken
        return rows[taken:]

    def rows(self) -> FileRows:
        return self._rows[: self._count]


_NAMES = [field.name for field in fields(FileRows)]
