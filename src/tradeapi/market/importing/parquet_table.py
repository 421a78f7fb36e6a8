"""Parquet files."""

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from tradeapi.analytics.bars import Int64Array
from tradeapi.market.importing.tables import Batch, BrokenOff

BATCH_ROWS = 65_536
_NO_LINES = np.empty(0, np.int64)


class ParquetTable:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.progress = 0.0
        with self._open() as file:
            self.names: Sequence[str] = file.schema_arrow.names
            self._text = [field.name for field in file.schema_arrow if _is_text(field.type)]

    def batches(self, wanted: Sequence[str]) -> Iterator[Batch]:
        # Symbols and dates repeat: as dictionaries each is parsed once.
        with self._open([name for name in wanted if name in self._text]) as file:
            read = 0
            for batch in file.iter_batches(BATCH_ROWS, columns=list(wanted), use_threads=False):
                lines = 1 + read + np.arange(len(batch))
                read += len(batch)
                self.progress = read / file.metadata.num_rows
                yield Batch(lines, [batch.column(name) for name in wanted], _NO_LINES)

    def rows_at(self, lines: Int64Array) -> Iterator[str]:
        rows = lines - 1
        with self._open() as file:
            first = 0
            for group in range(file.num_row_groups):
                after = first + file.metadata.row_group(group).num_rows
                low, high = np.searchsorted(rows, [first, after])
                if low < high:
                    yield from _texts(file, group, rows[low:high] - first)
                first = after

    @contextmanager
    def _open(self, dictionaries: Sequence[str] = ()) -> Iterator[Any]:
        try:
            with pa.parquet.ParquetFile(
                self.path, memory_map=True, read_dictionary=list(dictionaries)
            ) as file:
                yield file
        except (pa.ArrowException, OSError) as error:
            raise BrokenOff(f"it is no Parquet file or is damaged: {error}") from error


def _texts(file: Any, group: int, rows: Int64Array) -> Iterator[str]:  # noqa: ANN401
    """These rows of a row group, as CSV would have them."""
    first = 0
    for batch in file.iter_batches(BATCH_ROWS, row_groups=[group], use_threads=False):
        low, high = np.searchsorted(rows, [first, first + len(batch)])
        for row in (rows[low:high] - first).tolist():
            [values] = batch.slice(row, 1).to_pylist()
            text = StringIO()
            csv.writer(text, lineterminator="").writerow(values.values())
            yield text.getvalue()
        first += len(batch)


def _is_text(kind: Any) -> bool:  # noqa: ANN401
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))
