"""What the market's routes ask for, each under one name."""

from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from tradeapi.market.bars.bar_history import BarHistory
from tradeapi.market.bars.bar_writer import BarWriter
from tradeapi.market.bars.tick_writer import TickWriter
from tradeapi.market.calendars.registry import Calendars
from tradeapi.market.quotes.kept_years import KeptYears
from tradeapi.market.store.bar_store import BarStore
from tradeapi.market.symbols.catalogue import Catalogue
from tradeapi.market.symbols.directory import Directory


async def _calendars(connection: HTTPConnection) -> Calendars:
    calendars: Calendars = connection.state.calendars
    return calendars


async def _directory(connection: HTTPConnection) -> Directory:
    directory: Directory = connection.state.directory
    return directory


async def _catalogue(connection: HTTPConnection) -> Catalogue:
    catalogue: Catalogue = connection.state.catalogue
    return catalogue


async def _kept_years(connection: HTTPConnection) -> KeptYears:
    years: KeptYears = connection.state.kept_years
    return years


async def _store(connection: HTTPConnection) -> BarStore:
    store: BarStore = connection.state.store
    return store


def bar_history(connection: HTTPConnection) -> BarHistory:
    """For the one route that is asked for so often that a dependency's 50 µs count."""
    history: BarHistory = connection.state.replicated_history
    return history


async def _bar_writer(connection: HTTPConnection) -> BarWriter:
    writer: BarWriter = connection.state.bar_writer
    return writer


def tick_writer(connection: HTTPConnection) -> TickWriter:
    """No dependency either: there may be a request for each trade."""
    writer: TickWriter = connection.state.tick_writer
    return writer


BarWriterDep = Annotated[BarWriter, Depends(_bar_writer)]
CalendarsDep = Annotated[Calendars, Depends(_calendars)]
DirectoryDep = Annotated[Directory, Depends(_directory)]
CatalogueDep = Annotated[Catalogue, Depends(_catalogue)]
KeptYearsDep = Annotated[KeptYears, Depends(_kept_years)]
StoreDep = Annotated[BarStore, Depends(_store)]
