"""Levels and compositions as files of any length, made and sent a page at a time.

A spreadsheet is made as a whole before it is sent: its table of contents comes last, and is wanted
first.
"""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from tempfile import NamedTemporaryFile
from typing import Any

from anyio import from_thread, to_thread
from fastapi.responses import StreamingResponse

from tradeapi.errors import Invalid
from tradeapi.indices.documents import iso
from tradeapi.indices.holdings.files import (
    MEDIA_TYPES,
    ROWS_AT_ONCE,
    CsvFile,
    File,
    JsonFile,
    ParquetFile,
)
from tradeapi.indices.holdings.reading import Sessions
from tradeapi.indices.holdings.schemas import Format, What
from tradeapi.indices.holdings.tables import composition_table, levels_table
from tradeapi.indices.spans import Span

# Few enough that neither reading nor compressing a page is felt by other callers.
ROWS_PER_PAGE = 10_000
# Excel's limit, without the header.
MOST_ROWS = 1_048_575
BYTES_AT_ONCE = 256 * 1024

Tables = AsyncIterator[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    what: What
    format: Format
    span: Span


async def export(sessions: Sessions, asked: Asked) -> StreamingResponse:
    """All of one revision: where another is published meanwhile, the file breaks off.

    Raises Outdated as long as it can be told, and Invalid.
    """
    days = sessions.series.days[asked.span.of(sessions.series.days)]
    first, last = int(days[0]), int(days[-1])
    if asked.what is What.LEVELS:
        tables = _levels(sessions, days.tolist())
    else:
        tables = _compositions(sessions, days.tolist())
    if asked.format is Format.XLSX:
        if asked.what is What.COMPOSITION:
            _check(await sessions.size(first, last))
        body = await _spreadsheet(tables, asked.what)
    else:
        # Read ahead of the answer, so that what is wrong can still be told.
        head = await anext(tables)
        body = _stream(await to_thread.run_sync(_file, sessions, asked, head.schema), head, tables)
    name = f"{sessions.series.code}_{asked.what}_{iso(first)}_{iso(last)}.{asked.format}"
    return StreamingResponse(
        body,
        media_type=MEDIA_TYPES[asked.format],
        headers={
            "cache-control": "private, no-cache",
            "content-disposition": f'attachment; filename="{name}"',
            # The compression adds Accept-Encoding.
            "vary": "Authorization, X-API-Key, Accept",
        },
    )


def _check(rows: int) -> None:
    if rows > MOST_ROWS:
        detail = f"A sheet has up to {MOST_ROWS:,} rows, and these are {rows:,}: ask for less, or "
        raise Invalid(detail + "for another format.", code="too_many_rows")


async def _levels(sessions: Sessions, days: list[int]) -> Tables:
    for start in range(0, len(days), ROWS_PER_PAGE):
        part = days[start : start + ROWS_PER_PAGE]
        yield levels_table(await sessions.levels(part[0], part[-1]))


async def _compositions(sessions: Sessions, days: list[int]) -> Tables:
    """As many sessions at once as make a page, if they are like the ones before."""
    start, count = 0, 1
    while start < len(days):
        rows = await sessions.rows(days[start : start + count])
        names = await sessions.names_of(rows)
        table = await to_thread.run_sync(composition_table, rows, names, sessions.series.currency)
        yield table
        start += len(rows)
        count = max(1, ROWS_PER_PAGE * len(rows) // max(len(table), 1))


def _file(sessions: Sessions, asked: Asked, schema: Any) -> File:  # noqa: ANN401  pyarrow ships no types
    if asked.format is Format.CSV:
        return CsvFile(schema)
    if asked.format is Format.PARQUET:
        return ParquetFile(schema)
    series = sessions.series
    return JsonFile({"code": series.code, "revision": series.revision, "what": asked.what})


async def _stream(file: File, head: Any, tables: Tables) -> AsyncIterator[bytes]:  # noqa: ANN401
    yield await to_thread.run_sync(file.add, head)
    async for table in tables:
        yield await to_thread.run_sync(file.add, table)
    yield await to_thread.run_sync(file.end)


async def _spreadsheet(tables: Tables, what: What) -> AsyncIterator[bytes]:
    file = await to_thread.run_sync(NamedTemporaryFile)
    try:
        await to_thread.run_sync(_write, tables, what, file.name)
    except BaseException:
        file.close()
        raise
    return _sent(file)


async def _sent(file: Any) -> AsyncIterator[bytes]:  # noqa: ANN401  it has no name for its type
    try:
        while part := await to_thread.run_sync(file.read, BYTES_AT_ONCE):
            yield part
    finally:
        file.close()


def _write(tables: Tables, what: What, path: str) -> None:
    """In a thread. All text is text, also what looks like a formula or an address."""
    import pyarrow as pa  # noqa: PLC0415  only exports need it
    from rustpy_xlsxwriter import write_worksheet  # noqa: PLC0415  the same

    failures: list[Exception] = []

    def parts() -> Iterator[Any]:
        try:
            table = head
            while table is not None:
                yield from _sliced(table)
                table = from_thread.run(_following, tables)
        except Exception as error:
            failures.append(error)
            raise

    head = from_thread.run(_following, tables)
    reader = pa.RecordBatchReader.from_batches(head.schema, parts())
    try:
        write_worksheet(
            reader, path, what, freeze_row=1, bold_headers=True, datetime_format="yyyy-mm-dd"
        )
    except RuntimeError:
        # That of the writer is about the real one.
        if failures:
            raise failures[0] from None
        raise


async def _following(tables: Tables) -> Any:  # noqa: ANN401  pyarrow ships no types
    return await anext(tables, None)


def _sliced(table: Any) -> Iterator[Any]:  # noqa: ANN401
    for start in range(0, len(table), ROWS_AT_ONCE):
        from_thread.check_cancelled()
        yield table.slice(start, ROWS_AT_ONCE)
