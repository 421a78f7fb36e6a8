"""CSV files, read in blocks of whole lines; every column is text.

A row is a line: a value with a line break in quotes makes a malformed one. That way a stray quote
costs one row and not the rest of the file, and the number of each row's line is certain.
"""

import csv
import gzip
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.csv

from tradeapi.analytics.bars import Int64Array
from tradeapi.market.importing.tables import Batch, BrokenOff, Unusable

BLOCK_BYTES = 2 * 1024 * 1024
# A line that is longer is no row, and is not kept in memory.
LONGEST_LINE = 65_536
_NEWLINE, _RETURN = b"\n\r"


class CsvTable:
    def __init__(self, path: Path, *, zipped: bool) -> None:
        self.path = path
        self.progress = 0.0
        self._zipped = zipped
        header = next(self._lines()).text(0).removeprefix("\ufeff")
        self._delimiter = max(",;\t|", key=header.count)
        try:
            row = next(csv.reader([header], delimiter=self._delimiter))
        except csv.Error as error:
            raise Unusable("its first line is no row of column names") from error
        self.names: Sequence[str] = [name.strip() for name in row]

    def batches(self, wanted: Sequence[str]) -> Iterator[Batch]:
        places = [str(self.names.index(name)) for name in wanted]
        for lines in self._lines():
            rows = lines.rows()
            malformed = rows.broken()
            tables: list[Any] = []
            for before, after in pairwise([-1, *malformed, len(rows)]):
                if after > before + 1:
                    tables += self._parse(rows, before + 1, after, places, malformed)
            is_row = np.ones(len(rows), np.bool_)
            is_row[malformed] = False
            if tables:
                columns = [column.combine_chunks() for column in pa.concat_tables(tables).columns]
            else:
                columns = [pa.nulls(0, pa.string()) for _ in places]
            yield Batch(rows.numbers[is_row], columns, rows.numbers[~is_row])

    def rows_at(self, lines: Int64Array) -> Iterator[str]:
        for block in self._lines():
            low, high = np.searchsorted(lines, [block.numbers[0], block.numbers[-1] + 1])
            for line in lines[low:high].tolist():
                yield block.text(line - int(block.numbers[0]))
            if high == len(lines):
                return

    def _parse(
        self, rows: "_Lines", low: int, high: int, places: Sequence[str], malformed: list[int]
    ) -> Iterator[Any]:
        """Tables of the rows from `low` to `high`, without those that it adds to `malformed`."""
        invalid: list[int] = []

        def skip(row: Any) -> str:  # noqa: ANN401  pyarrow ships no types
            invalid.append(low + row.number - 1)
            return "skip"

        table = pa.csv.read_csv(
            pa.py_buffer(rows.between(low, high)),
            pa.csv.ReadOptions(
                use_threads=False,
                block_size=BLOCK_BYTES + LONGEST_LINE,
                column_names=[str(place) for place in range(len(self.names))],
            ),
            pa.csv.ParseOptions(delimiter=self._delimiter, invalid_row_handler=skip),
            pa.csv.ConvertOptions(
                include_columns=places,
                column_types=dict.fromkeys(places, pa.string()),
                check_utf8=False,
            ),
        )
        if len(table) + len(invalid) == high - low:
            malformed += invalid
            yield table
        elif high - low == 1:
            malformed.append(low)
            yield table[:0]
        else:
            # A quote that does not end swallows the lines after it: look for it on ever fewer.
            middle = (low + high) // 2
            yield from self._parse(rows, low, middle, places, malformed)
            yield from self._parse(rows, middle, high, places, malformed)

    def _lines(self) -> Iterator["_Lines"]:
        first, rest = 1, b""
        size = self.path.stat().st_size
        with self._open() as (file, stream):
            while chunk := stream.read(BLOCK_BYTES):
                self.progress = file.tell() / size
                data = rest + chunk
                end = data.rfind(b"\n") + 1
                rest = data[end:] if end else data[:LONGEST_LINE]
                if end:
                    yield (lines := _Lines.split(data[:end], first))
                    first += len(lines)
        if rest or first == 1:
            yield _Lines.split(rest + b"\n", first)

    @contextmanager
    def _open(self) -> Iterator[tuple[IO[bytes], IO[bytes] | gzip.GzipFile]]:
        """The file, and what is read from it."""
        try:
            with self.path.open("rb") as file:
                yield file, gzip.GzipFile(fileobj=file) if self._zipped else file
        except (EOFError, OSError, zlib.error) as error:
            raise BrokenOff(f"it breaks off or is damaged: {error}") from error


@dataclass(frozen=True, slots=True, eq=False)
class _Lines:
    """Lines of a file: the bytes they are in, where each starts and ends there, its number."""

    data: bytes
    starts: Int64Array
    ends: Int64Array
    numbers: Int64Array

    @classmethod
    def split(cls, data: bytes, first: int) -> "_Lines":
        if not data.isascii():
            data = data.decode(errors="replace").encode()
        ends = np.flatnonzero(np.frombuffer(data, np.uint8) == _NEWLINE)
        starts = np.append(0, ends[:-1] + 1)
        return cls(data, starts, ends, first + np.arange(len(ends)))

    def __len__(self) -> int:
        return len(self.numbers)

    def broken(self) -> list[int]:
        """The places of those that are too long, or have a return that does not end them."""
        is_broken = self.ends - self.starts >= LONGEST_LINE
        if len(self) and b"\r" in self.data:
            text = np.frombuffer(self.data, np.uint8)
            returns = np.flatnonzero(text[:-1] == _RETURN)
            strays = returns[text[returns + 1] != _NEWLINE]
            place = np.minimum(np.searchsorted(self.ends, strays), len(self) - 1)
            is_inside = (self.starts[place] <= strays) & (strays < self.ends[place])
            is_broken[place[is_inside]] = True
        places: list[int] = np.flatnonzero(is_broken).tolist()
        return places

    def rows(self) -> "_Lines":
        """Without the header and blank lines."""
        text = np.frombuffer(self.data, np.uint8)
        lengths = self.ends - self.starts
        is_blank = (lengths == 0) | ((lengths == 1) & (text[self.starts] == _RETURN))
        kept = ~is_blank & (self.numbers > 1)
        return _Lines(self.data, self.starts[kept], self.ends[kept], self.numbers[kept])

    def between(self, low: int, high: int) -> memoryview:
        return memoryview(self.data)[self.starts[low] : self.ends[high - 1] + 1]

    def text(self, index: int) -> str:
        return self.data[self.starts[index] : self.ends[index]].decode().removesuffix("\r")
