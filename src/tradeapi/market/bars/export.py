"""Bars as files: CSV and Parquet, of any length, made and sent a page at a time."""

from collections.abc import AsyncIterator

from anyio import to_thread
from fastapi.responses import StreamingResponse

from tradeapi.analytics.bars import COLUMNS, Bars
from tradeapi.market.bars.bar_history import BarHistory
from tradeapi.market.bars.query import BarsQuery, Format, window_of
from tradeapi.web.outgoing import Outgoing

# Few enough that neither reading nor compressing a page is felt by other callers.
BARS_PER_PAGE = 10_000

MEDIA_TYPES = {Format.CSV: "text/csv", Format.PARQUET: "application/vnd.apache.parquet"}


async def export(history: BarHistory, symbol: str, query: BarsQuery) -> StreamingResponse:
    """Every page is as it was when it was read; without a limit all bars in range are exported."""
    pages = _pages(history, symbol, query)
    # Read ahead of the answer, so that what is wrong with the request can still be told.
    name, first = await anext(pages)
    file = await to_thread.run_sync(_File, query)
    filename = f"{name.replace(':', '_')}_{query.resolution}.{query.format}"
    return StreamingResponse(
        _stream(file, first, pages),
        media_type=MEDIA_TYPES[query.format],
        headers={
            "cache-control": "private, no-cache",
            "content-disposition": f'attachment; filename="{filename}"',
            # The compression adds Accept-Encoding.
            "vary": "Authorization, X-API-Key, Accept",
        },
    )


async def _pages(
    history: BarHistory, symbol: str, query: BarsQuery
) -> AsyncIterator[tuple[str, Bars]]:
    """The symbol's name and its bars; at least one page, which may be empty."""
    if query.limit is not None:
        answer = await history.read(symbol, query.resolution, query.window, query.adjustment)
        yield answer.listing.symbol, answer.bars
        return
    start = query.start
    while True:
        window = window_of(start, query.end, limit=BARS_PER_PAGE, earliest=True)
        answer = await history.read(symbol, query.resolution, window, query.adjustment)
        yield answer.listing.symbol, answer.bars
        if len(answer.bars) < BARS_PER_PAGE:
            return
        start = int(answer.bars.time[-1]) + 1


async def _stream(
    file: "_File", first: Bars, pages: AsyncIterator[tuple[str, Bars]]
) -> AsyncIterator[bytes]:
    yield await to_thread.run_sync(file.add, first)
    async for _, bars in pages:
        yield await to_thread.run_sync(file.add, bars)
    yield await to_thread.run_sync(file.end)


class _File:
    """A file in the making, of which only what is not sent yet is held."""

    def __init__(self, query: BarsQuery) -> None:
        # It takes 0.2 s to import, and only exports need it.
        import pyarrow as pa  # noqa: PLC0415
        from pyarrow import csv, parquet  # noqa: PLC0415

        self._arrow = pa
        self._outgoing = Outgoing()
        if query.format is Format.PARQUET:
            time = pa.timestamp("ms", "UTC")
        else:
            time = pa.timestamp("s", "UTC") if query.resolution.is_intraday else pa.date32()
        self._schema = pa.schema(
            [(COLUMNS[0], time), *((name, pa.float64()) for name in COLUMNS[1:])]
        )
        if query.format is Format.PARQUET:
            self._writer = parquet.ParquetWriter(self._outgoing, self._schema)
        else:
            options = csv.WriteOptions(quoting_header="none")
            self._writer = csv.CSVWriter(self._outgoing, self._schema, write_options=options)

    def add(self, bars: Bars) -> bytes:
        time, *values = bars.columns()
        seconds = self._arrow.array(time).cast(self._arrow.timestamp("s", "UTC"))
        columns = [seconds.cast(self._schema.field(0).type), *map(self._arrow.array, values)]
        self._writer.write(self._arrow.table(columns, schema=self._schema))
        return self._outgoing.take()

    def end(self) -> bytes:
        self._writer.close()
        return self._outgoing.take()
