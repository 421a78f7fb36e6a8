"""Tables as files of which only what is not sent yet is held."""

from typing import Any, Protocol

import orjson

from tradeapi.indices.holdings.schemas import Format
from tradeapi.web.outgoing import Outgoing

MEDIA_TYPES = {
    Format.CSV: "text/csv",
    Format.JSON: "application/json",
    Format.PARQUET: "application/vnd.apache.parquet",
    Format.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
# Those that are written in one go hold everybody up meanwhile: a thousand take 5 ms.
ROWS_AT_ONCE = 1000
# What spreadsheets would compute.
_FORMULA = "^([=+@'-])"


class File(Protocol):
    """Tables are record batches of Arrow, all with the same columns."""

    def add(self, table: Any) -> bytes: ...  # noqa: ANN401  pyarrow ships no types

    def end(self) -> bytes: ...


class CsvFile:
    """Text that begins like a formula stands behind an apostrophe, as does what begins with one."""

    def __init__(self, schema: Any) -> None:  # noqa: ANN401
        from pyarrow import csv  # noqa: PLC0415  only exports need it

        self._outgoing = Outgoing()
        options = csv.WriteOptions(quoting_header="none")
        self._writer = csv.CSVWriter(self._outgoing, schema, write_options=options)

    def add(self, table: Any) -> bytes:  # noqa: ANN401
        import pyarrow as pa  # noqa: PLC0415
        from pyarrow import compute  # noqa: PLC0415

        columns = [
            compute.replace_substring_regex(column, _FORMULA, r"'\1")
            if pa.types.is_string(column.type)
            else column
            for column in table.columns
        ]
        self._writer.write(pa.record_batch(columns, schema=table.schema))
        return self._outgoing.take()

    def end(self) -> bytes:
        self._writer.close()
        return self._outgoing.take()


class ParquetFile:
    def __init__(self, schema: Any) -> None:  # noqa: ANN401
        from pyarrow import parquet  # noqa: PLC0415  only exports need it

        self._outgoing = Outgoing()
        self._writer = parquet.ParquetWriter(self._outgoing, schema)

    def add(self, table: Any) -> bytes:  # noqa: ANN401
        self._writer.write_batch(table)
        return self._outgoing.take()

    def end(self) -> bytes:
        self._writer.close()
        return self._outgoing.take()


class JsonFile:
    """An object with `head`, and the rows as its `items`."""

    def __init__(self, head: dict[str, object]) -> None:
        self._begin = orjson.dumps(head)[:-1] + b',"items":['

    def add(self, table: Any) -> bytes:  # noqa: ANN401
        parts = []
        for start in range(0, len(table), ROWS_AT_ONCE):
            rows = orjson.dumps(table.slice(start, ROWS_AT_ONCE).to_pylist())
            parts += [self._begin, rows[1:-1]]
            self._begin = b","
        return b"".join(parts)

    def end(self) -> bytes:
        return b"]}" if self._begin == b"," else self._begin + b"]}"
