"""The tracker's index as a file.

As CSV it is one table: with compositions a row for each constituent of each session, which repeats
what the session's row says. A spreadsheet takes text that begins with one of `=+-@` for a formula,
so that is written behind an apostrophe.
"""

import csv
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from io import StringIO
from typing import Any

import orjson
from anyio import to_thread
from fastapi.responses import StreamingResponse

from tradeapi.compat.tracker.compositions import Compositions
from tradeapi.compat.tracker.performance import Performance

SESSION = ("date", "value", "daily_return", "cumulative_return")
CONSTITUENT = ("ticker", "name", "weight", "market_cap", "sector", "industry")
MEDIA_TYPES = {"csv": "text/csv", "json": "application/json"}
# Few enough that others hardly wait for one part.
SESSIONS_AT_ONCE = 50
_FORMULAS = ("=", "+", "-", "@", "'")

Row = Mapping[str, Any]


def export(
    performance: Performance, compositions: Compositions | None, format: str, name: str
) -> StreamingResponse:
    """`compositions` are those of the same sessions."""
    written = _csv if format == "csv" else _json
    return StreamingResponse(
        _parts(written(performance, compositions)),
        media_type=MEDIA_TYPES[format],
        headers={
            "cache-control": "no-store",
            "content-disposition": f'attachment; filename="{name}.{format}"',
        },
    )


async def _parts(written: Iterator[bytes]) -> AsyncIterator[bytes]:
    while part := await to_thread.run_sync(next, written, b""):
        yield part


def _csv(performance: Performance, compositions: Compositions | None) -> Iterator[bytes]:
    rows = performance.rows()
    if compositions is None:
        yield _table([SESSION])
        yield _table(_cells(row, SESSION) for row in rows)
        return
    yield _table([SESSION + CONSTITUENT])
    for part in _together(rows, compositions):
        yield _table(
            _cells(row, SESSION) + _cells(constituent, CONSTITUENT)
            for row, composition in part
            for constituent in composition["compositions"]
        )


def _json(performance: Performance, compositions: Compositions | None) -> Iterator[bytes]:
    document = orjson.dumps(performance.document())
    if compositions is None:
        yield document
        return
    yield document.removesuffix(b"}") + b',"compositions":['
    comma = b""
    for part in _together(performance.rows(), compositions):
        yield comma + b",".join(orjson.dumps(composition) for _, composition in part)
        comma = b","
    yield b"]}"


def _together(
    rows: Sequence[Row], compositions: Compositions
) -> Iterator[Sequence[tuple[Row, Row]]]:
    """Some sessions at a time, each with its composition."""
    documents = compositions.documents()
    for start in range(0, len(rows), SESSIONS_AT_ONCE):
        yield [*zip(rows[start : start + SESSIONS_AT_ONCE], documents, strict=False)]


def _table(rows: Any) -> bytes:  # noqa: ANN401  whatever csv takes
    file = StringIO(newline="")
    csv.writer(file).writerows(rows)
    return file.getvalue().encode()


def _cells(row: Row, names: Sequence[str]) -> list[Any]:
    return [_cell(row[name]) for name in names]


def _cell(value: Any) -> Any:  # noqa: ANN401
    """A number as it is."""
    if isinstance(value, str) and value.startswith(_FORMULAS):
        return f"'{value}"
    return value
