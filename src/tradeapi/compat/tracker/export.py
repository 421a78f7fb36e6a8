"""The tracker's index as a file.

As CSV it is one table: with compositions a row for each constituent of each session, which repeats
what the session's row says. A spreadsheet takes text that begins with one of `=+-@` for a formula,
so that is written behind an apostrophe.
"""

import csv
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from functools import partial
from io import StringIO
from typing import Any

import orjson
from anyio import to_thread
from fastapi.responses import StreamingResponse

from tradeapi.compat.tracker.performance import Performance

SESSION = ("date", "value", "daily_return", "cumulative_return")
CONSTITUENT = ("ticker", "name", "weight", "market_cap", "sector", "industry")
MEDIA_TYPES = {"csv": "text/csv", "json": "application/json"}
_FORMULAS = ("=", "+", "-", "@", "'")

Row = Mapping[str, Any]
Pages = AsyncIterator[Sequence[Row]]


async def export(
    performance: Performance, compositions: Pages | None, format: str, name: str
) -> StreamingResponse:
    """`compositions` are those of the same sessions.

    All of one revision: where another is published meanwhile, the file breaks off. Raises Outdated
    as long as it can be told.
    """
    if compositions is None:
        parts = _levels(performance, format)
    elif format == "csv":
        parts = _csv(performance, compositions)
    else:
        parts = _json(performance, compositions)
    # Read ahead of the answer, so that what is wrong can still be told.
    first = await anext(parts)
    return StreamingResponse(
        _stream(first, parts),
        media_type=MEDIA_TYPES[format],
        headers={
            "cache-control": "no-store",
            "content-disposition": f'attachment; filename="{name}.{format}"',
        },
    )


async def _stream(first: bytes, parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for part in parts:
        yield part


async def _levels(performance: Performance, format: str) -> AsyncIterator[bytes]:
    if format == "json":
        yield await to_thread.run_sync(lambda: orjson.dumps(performance.document()))
    else:
        yield await to_thread.run_sync(lambda: _table(SESSION, performance.rows(), head=True))


async def _csv(performance: Performance, compositions: Pages) -> AsyncIterator[bytes]:
    rows, is_first = iter(performance.rows()), True
    async for page in compositions:
        together = [
            {**row, **constituent}
            for composition, row in zip(page, rows, strict=False)
            for constituent in composition["compositions"]
        ]
        write = partial(_table, (*SESSION, *CONSTITUENT), together, head=is_first)
        yield await to_thread.run_sync(write)
        is_first = False


async def _json(performance: Performance, compositions: Pages) -> AsyncIterator[bytes]:
    document = await to_thread.run_sync(lambda: orjson.dumps(performance.document()))
    begin = document.removesuffix(b"}") + b',"compositions":['
    async for page in compositions:
        yield begin + (await to_thread.run_sync(orjson.dumps, page))[1:-1]
        begin = b","
    yield b"]}"


def _table(columns: Sequence[str], rows: Iterable[Row], *, head: bool) -> bytes:
    file = StringIO(newline="")
    writer = csv.writer(file)
    if head:
        writer.writerow(columns)
    writer.writerows([_cell(row[column]) for column in columns] for row in rows)
    return file.getvalue().encode()


def _cell(value: object) -> object:
    """A number as it is."""
    if isinstance(value, str) and value.startswith(_FORMULAS):
        return f"'{value}"
    return value
