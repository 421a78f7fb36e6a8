"""Files of bars: read in chunks, validated, and written a few symbols at a time."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

from tradeapi.analytics.bars import Bars
from tradeapi.market.bars.validation import Reason, Verdict, validate
from tradeapi.market.calendars.calendar import Continuous
from tradeapi.market.importing.bar_reader import BarReader
from tradeapi.market.importing.detection import detect
from tradeapi.market.importing.market import Market
from tradeapi.market.importing.rejects import Rejects
from tradeapi.market.importing.rows import FileRows
from tradeapi.market.importing.seen import Seen
from tradeapi.market.resolutions import Resolution
from tradeapi.market.symbols.directory import Listing

SYMBOLS_AT_ONCE = 50
BARS_AT_ONCE = 100_000

Groups = Sequence[tuple[str, FileRows]]


class BarImport:
    """Takes in one file. What is written is committed as it goes; a second run finds it there.

    Of several valid rows of one time in the file the first is kept. Symbols that don't exist are
    created, if they have a bar.
    """

    def __init__(
        self, market: Market, reader: BarReader, rejects: Rejects, resolution: Resolution | None
    ) -> None:
        self.statuses: Counter[str] = Counter()
        self._resolution = resolution
        self._created = 0
        self._market = market
        self._reader = reader
        self._rejects = rejects
        self._seen: dict[str, Seen] = {}

    @property
    def read(self) -> int:
        return self._reader.read

    def remarks(self) -> list[str]:
        remarks = [f"The bars are of {self._resolution}."] if self._resolution else []
        if self._created:
            remarks.append(f"New symbols: {self._created:,}.")
        if self._rejects.by_reason.keys() & {Reason.MISALIGNED, Reason.OUTSIDE_SESSION}:
            remarks.append(
                "Some bars don't fit the hours of their exchange, and a new exchange trades 24x7: "
                "set them with `tradeapi exchange set`, then import again."
            )
        if self._reader.has_adjusted_close:
            remarks.append(
                "Adjusted closes are not stored: prices are adjusted by the splits and dividends "
                "that `tradeapi import actions` takes in."
            )
        if self._reader.ignored:
            remarks.append(f"Not used: {', '.join(self._reader.ignored)}.")
        return remarks

    async def run(self, advance: Callable[[int], None]) -> None:
        """`advance` is told the number of rows as they are done with."""
        for chunk in self._reader.chunks():
            if self._resolution is None:
                self._resolution = detect(chunk.codes, chunk.seconds)
            await self._take_all(chunk, advance)
            # Before the next one is read.
            del chunk

    async def _take_all(self, chunk: FileRows, advance: Callable[[int], None]) -> None:
        for groups in _batches(chunk, self._reader.symbols):
            await self._take(groups)
            advance(sum(len(rows) for _, rows in groups))

    async def _take(self, groups: Groups) -> None:
        listed = await self._listed(groups)
        judged = [
            (listing, self._bars(symbol, rows, listing))
            for symbol, rows in groups
            if (listing := listed.get(symbol)) is not None
        ]
        await self._write(judged)

    async def _listed(self, groups: Groups) -> Mapping[str, Listing]:
        """The symbols' listings; those without a bar that are not listed yet stay so."""
        listed = await self._market.listed([symbol for symbol, _ in groups])
        new = []
        for symbol, rows in groups:
            if symbol not in listed:
                if self._has_bar(rows):
                    new.append(symbol)
                else:
                    self._reject(rows, self._validate(rows, None))
        if new:
            self._created += await self._market.create(new)
            listed |= await self._market.listed(new)
        return listed

    def _has_bar(self, rows: FileRows) -> bool:
        # Mostly the first few tell.
        return any(len(self._validate(some, None).bars) for some in (rows[:20], rows[20:]))

    def _bars(self, symbol: str, rows: FileRows, listing: Listing) -> Bars:
        """The bars among the rows that the file has had none of the same time of."""
        verdict = self._validate(rows, listing)
        self._reject(rows, verdict)
        assert self._resolution is not None  # noqa: S101  there are rows, so it is known
        seen = self._seen.setdefault(symbol, Seen(self._resolution.seconds))
        is_repeated = seen.has(verdict.bars.time)
        self._rejects.add(Reason.DUPLICATE, rows.lines[::-1][verdict.rows[is_repeated]])
        bars = verdict.bars[~is_repeated]
        seen.add(bars.time)
        return bars

    def _validate(self, rows: FileRows, listing: Listing | None) -> Verdict:
        assert self._resolution is not None  # noqa: S101  as above
        return validate(
            rows.candidates(self._resolution),
            self._resolution,
            listing.calendar if listing else Continuous(),
            now=self._market.clock.now(),
            tick_size=listing.tick_size if listing else None,
            extended_hours=listing.extended_hours if listing else False,
        )

    def _reject(self, rows: FileRows, verdict: Verdict) -> None:
        # The candidates were in the opposite order.
        lines = rows.lines[::-1]
        by_reason: dict[Reason, list[int]] = {}
        for row, reason in verdict.rejected:
            by_reason.setdefault(reason, []).append(row)
        for reason, found in by_reason.items():
            self._rejects.add(reason, lines[found])

    async def _write(self, judged: Sequence[tuple[Listing, Bars]]) -> None:
        assert self._resolution is not None  # noqa: S101  as above
        judged = [(listing, bars) for listing, bars in judged if len(bars)]
        if not judged:
            return
        statuses: Counter[str] = Counter()
        async with self._market.database.transaction() as session:
            books = await self._market.store.open(session, [listing.facts for listing, _ in judged])
            for book, (_, bars) in zip(books, judged, strict=True):
                statuses.update(await book.upsert(self._resolution, bars))
            await self._market.store.flush(session, books)
        # Only what is committed has happened.
        self.statuses += statuses


def _batches(chunk: FileRows, symbols: Sequence[str]) -> Iterator[Groups]:
    """The rows of each symbol, as many symbols and rows at once as fit a transaction."""
    groups: list[tuple[str, FileRows]] = []
    size = 0
    for code, every in chunk.by_symbol():
        for start in range(0, len(every), BARS_AT_ONCE):
            rows = every[start : start + BARS_AT_ONCE]
            if groups and (len(groups) == SYMBOLS_AT_ONCE or size + len(rows) > BARS_AT_ONCE):
                yield groups
                groups, size = [], 0
            groups.append((symbols[code], rows))
            size += len(rows)
    if groups:
        yield groups
