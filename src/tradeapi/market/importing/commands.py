"""`tradeapi import`: files of bars, symbols, corporate actions and shares."""

import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.progress import Progress

    from tradeapi.market.importing.market import Market
    from tradeapi.market.importing.rejects import Rejects
    from tradeapi.market.importing.runs import Display, Import
    from tradeapi.market.importing.tables import Table
    from tradeapi.settings import Settings

commands = typer.Typer()
_import = typer.Typer(
    no_args_is_help=True,
    help="Take in files: CSV (also .gz) or Parquet, with the names of their columns.",
)
commands.add_typer(_import, name="import")

Files = Annotated[list[Path], typer.Argument(help="CSV (also .gz) or Parquet.")]
Exchange = Annotated[
    str | None, typer.Option(help="Where bare tickers are listed; created when it is new.")
]
RejectsTo = Annotated[
    Path | None,
    typer.Option(help="Where faulty rows go. Default: next to each file, as FILE.rejects.csv."),
]


@_import.command()
def bars(
    files: Files,
    exchange: Exchange = None,
    symbol: Annotated[
        str | None, typer.Option(help="Whose bars these are; for files without a symbol column.")
    ] = None,
    resolution: Annotated[
        str | None, typer.Option(help="Such as 1m, 1h or 1d. Default: told by the spacing.")
    ] = None,
    rejects: RejectsTo = None,
) -> None:
    """Import bars; a bar that is there already is replaced, and left alone when it is equal."""
    from tradeapi.market.importing.bar_reader import BarReader
    from tradeapi.market.importing.bars import BarImport
    from tradeapi.market.resolutions import Resolution
    from tradeapi.market.symbols.names import Name, parse_exchange

    with _explained():
        code = parse_exchange(exchange) if exchange else None
        width = Resolution.parse(resolution) if resolution else None
        if symbol and code and ":" not in symbol:
            symbol = f"{code}:{symbol}"
        name = Name.parse(symbol).symbol if symbol else None

        def begin(market: "Market", table: "Table", rejected: "Rejects") -> "Import":
            reader = BarReader(table, rejected, exchange=code, symbol=name)
            return BarImport(market, reader, rejected, width)

        _run(files, begin, rejects)


@_import.command()
def symbols(files: Files, exchange: Exchange = None, rejects: RejectsTo = None) -> None:
    """Import symbols: ticker, name, sector, type, currency, tick_size, shares_outstanding,
    listed_from and listed_to.

    What a file has no column or no value for stays as it is.
    """
    from tradeapi.market.importing.symbols import SymbolImport
    from tradeapi.market.symbols.names import parse_exchange

    with _explained():
        code = parse_exchange(exchange) if exchange else None
        _run(files, lambda *parts: SymbolImport(*parts, exchange=code), rejects)


@_import.command()
def actions(files: Files, exchange: Exchange = None, rejects: RejectsTo = None) -> None:
    """Import splits, dividends and special ones: ticker, ex_date, kind (split, dividend, special)
    and value (of a split 4, 4:1 or 4/1).
    """
    from tradeapi.market.importing.actions import ActionImport
    from tradeapi.market.symbols.names import parse_exchange

    with _explained():
        code = parse_exchange(exchange) if exchange else None
        _run(files, lambda *parts: ActionImport(*parts, exchange=code), rejects)


@_import.command()
def shares(files: Files, exchange: Exchange = None, rejects: RejectsTo = None) -> None:
    """Import shares outstanding: ticker, shares and effective (none: from the first bar on)."""
    from tradeapi.market.importing.shares import SharesImport
    from tradeapi.market.symbols.names import parse_exchange

    with _explained():
        code = parse_exchange(exchange) if exchange else None
        _run(files, lambda *parts: SharesImport(*parts, exchange=code), rejects)


def _run(
    files: list[Path],
    begin: Callable[["Market", "Table", "Rejects"], "Import"],
    rejects_to: Path | None,
) -> None:
    import asyncio

    from tradeapi import migrations
    from tradeapi.market.importing.runs import Run
    from tradeapi.settings import Environment, load

    settings = load()
    if sys.stderr.isatty():
        typer.echo(f"Importing into {_place(settings.database_url)}", err=True)

    async def run() -> None:
        async with _market(settings) as market:
            imports = Run(files, lambda table, faulty: begin(market, table, faulty), rejects_to)
            if settings.environment is Environment.DEVELOPMENT:
                await asyncio.to_thread(migrations.upgrade, settings.database_url)
            with _display() as display:
                await imports.run(display, lambda summary: typer.echo(str(summary)))

    asyncio.run(run())


def _place(url: str) -> str:
    from sqlalchemy.engine import make_url

    database = make_url(url)
    if database.get_backend_name() == "sqlite":
        # A relative path names another file in another folder.
        database = database.set(database=str(Path(database.database or "").resolve()))
    return database.render_as_string(hide_password=True)


@asynccontextmanager
async def _market(settings: "Settings") -> AsyncIterator["Market"]:
    from tradeapi.bus.memory import MemoryBus
    from tradeapi.clock import SystemClock
    from tradeapi.database import Database
    from tradeapi.market.calendars.registry import Calendars
    from tradeapi.market.importing.market import Market
    from tradeapi.market.store.bar_store import BarStore
    from tradeapi.market.symbols.directory import Directory

    clock = SystemClock()
    async with Database(settings.database_url) as database:
        # A process that serves hears of what is committed from the database, not from this bus.
        store = BarStore(database, MemoryBus(), clock, lateness=settings.bar_lateness_seconds)
        yield Market(database, store, Directory(database, Calendars(database, clock)), clock)


@contextmanager
def _display() -> Iterator["Display"]:
    """A bar on a terminal, nothing elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%")
    with Progress(
        *columns,
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    ) as progress:
        yield _Bar(progress)


class _Bar:
    def __init__(self, progress: "Progress") -> None:
        self._progress = progress

    def begin(self, path: Path) -> None:
        self._task = self._progress.add_task(path.name, total=None)

    def show(self, done: int, total: float) -> None:
        self._progress.update(self._task, completed=done, total=total)


@contextmanager
def _explained() -> Iterator[None]:
    """Errors as a sentence: 2 for what was asked wrongly, 1 for what went wrong."""
    import sqlite3

    import asyncpg
    from sqlalchemy.exc import SQLAlchemyError

    from tradeapi.errors import TradeError
    from tradeapi.web.outages import outage

    try:
        yield
    except TradeError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
    except BrokenPipeError:
        raise
    except (
        SQLAlchemyError,
        asyncpg.PostgresError,
        asyncpg.InterfaceError,
        sqlite3.Error,
        OSError,
    ) as error:
        message = outage(error) or f"The import broke off: {getattr(error, 'orig', None) or error}"
        typer.echo(str(message), err=True)
        raise typer.Exit(1) from error
