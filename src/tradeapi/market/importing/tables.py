"""What the importers ask of a file, whatever its format."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from tradeapi.analytics.bars import Int64Array
from tradeapi.errors import TradeError


class Unusable(TradeError):
    """A file that can't be read, or not as what it was given as; completes "FILE: "."""

    status = 422
    code = "unusable_file"


class BrokenOff(Unusable):
    """A file that can't be read to its end."""


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Consecutive rows: their `lines` in the file, and the Arrow array of each wanted column.

    `malformed` are the lines among them that are no rows: too few or too many columns, a quote
    that does not end, or no end at all.
    """

    lines: Int64Array
    columns: Sequence[Any]
    malformed: Int64Array

    def __len__(self) -> int:
        return len(self.lines)


class Table(Protocol):
    """A file of rows. Lines count from 1: in CSV the header is the first, in Parquet a row."""

    path: Path
    names: Sequence[str]

    @property
    def progress(self) -> float:
        """The share of the file that has been read."""
        ...

    def batches(self, wanted: Sequence[str]) -> Iterator[Batch]:
        """All rows, these columns of them; raises BrokenOff where the file does."""
        ...

    def rows_at(self, lines: Int64Array) -> Iterator[str]:
        """The rows at these lines, ascending, as text."""
        ...
