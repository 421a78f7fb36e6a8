"""Files to import, and imports without a command line."""

import csv
import gzip
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.market.places import Market as Place
from tradeapi.market.importing.actions import ActionImport
from tradeapi.market.importing.bar_reader import BarReader
from tradeapi.market.importing.bars import BarImport
from tradeapi.market.importing.market import Market
from tradeapi.market.importing.rejects import Rejects
from tradeapi.market.importing.runs import Import, Run, Summary
from tradeapi.market.importing.shares import SharesImport
from tradeapi.market.importing.symbols import SymbolImport
from tradeapi.market.importing.tables import Table
from tradeapi.market.resolutions import Resolution
from tradeapi.market.symbols.names import Name

HEADER = "date,ticker,open,high,low,close,volume"


class Display:
    """Keeps what it was shown."""

    def __init__(self) -> None:
        self.shown: list[tuple[int, float]] = []

    def begin(self, path: Path) -> None:
        self.path = path

    def show(self, done: int, total: float) -> None:
        self.shown.append((done, total))


def write(path: Path, *lines: str) -> Path:
    """A file of these lines, zipped if it is called so."""
    text = "\n".join(lines) + "\n"
    data = text.encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def day(number: int) -> str:
    """2020-01-01 and the days after it."""
    return datetime.fromtimestamp(1577836800 + number * 86400, UTC).date().isoformat()


def rejected(path: Path) -> list[tuple[int, str, str]]:
    """Line, reason and row of each rejected row."""
    with path.open(newline="", encoding="utf-8") as file:
        return [(int(row["line"]), row["reason"], row["row"]) for row in csv.DictReader(file)]


async def import_bars(
    place: Place,
    *paths: Path,
    exchange: str | None = "US",
    symbol: str | None = None,
    resolution: Resolution | None = None,
    rejects_to: Path | None = None,
    reader: type[BarReader] = BarReader,
) -> list[Summary]:
    name = Name.parse(symbol).symbol if symbol else None

    def begin(market: Market, table: Table, rejects: Rejects) -> Import:
        rows = reader(table, rejects, exchange=exchange, symbol=name)
        return BarImport(market, rows, rejects, resolution)

    return await run(place, paths, begin, rejects_to)


async def import_symbols(place: Place, *paths: Path, exchange: str = "US") -> list[Summary]:
    return await run(place, paths, lambda *parts: SymbolImport(*parts, exchange=exchange))


async def import_actions(place: Place, *paths: Path, exchange: str = "US") -> list[Summary]:
    return await run(place, paths, lambda *parts: ActionImport(*parts, exchange=exchange))


async def import_shares(place: Place, *paths: Path, exchange: str = "US") -> list[Summary]:
    return await run(place, paths, lambda *parts: SharesImport(*parts, exchange=exchange))


async def run(
    place: Place,
    paths: Sequence[Path],
    begin: Callable[[Market, Table, Rejects], Import],
    rejects_to: Path | None = None,
) -> list[Summary]:
    place.directory.clear()
    market = Market(place.database, place.store, place.directory, place.clock)
    summaries: list[Summary] = []
    imports = Run(paths, lambda table, rejects: begin(market, table, rejects), rejects_to)
    await imports.run(Display(), summaries.append)
    return summaries


def counts(summary: Summary) -> tuple[int, int, int, int]:
    """Inserted, updated, unchanged and rejected."""
    statuses = summary.statuses
    return (
        statuses["inserted"],
        statuses["updated"],
        statuses["unchanged"],
        summary.rejected.total(),
    )
