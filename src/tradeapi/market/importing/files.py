"""Opens a file in the format that it has."""

from pathlib import Path

from tradeapi.market.importing.csv_table import CsvTable
from tradeapi.market.importing.parquet_table import ParquetTable
from tradeapi.market.importing.tables import Table, Unusable


def open_table(path: Path) -> Table:
    """CSV, also gzipped, or Parquet, told by the first bytes; raises Unusable."""
    try:
        with path.open("rb") as file:
            start = file.read(4)
    except OSError as error:
        raise Unusable(f"it can't be read: {error.strerror}") from error
    if not start:
        raise Unusable("it is empty")
    return ParquetTable(path) if start == b"PAR1" else CsvTable(path, zipped=start[:2] == _GZIP)


_GZIP = b"\x1f\x8b"
