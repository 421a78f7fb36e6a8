"""The market for TradingView's charts: what their stock client of a UDF server asks for.

Addresses with a path token in them come here without it.
"""

from typing import Annotated

import orjson
from anyio import to_thread
from fastapi import APIRouter, Depends, Request, Response

from tradeapi.analytics.adjustments import Adjustment
from tradeapi.clock import Clock
from tradeapi.market.bars.answers import REVALIDATED, VARY
from tradeapi.market.dependencies import CalendarsDep, CatalogueDep, DirectoryDep, bar_history
from tradeapi.market.store.history import Window
from tradeapi.market.symbols.actions import recorded
from tradeapi.market.symbols.directory import Directory, Listing
from tradeapi.market.symbols.exchanges import Exchanges
from tradeapi.market.symbols.search import Entry
from tradeapi.udf import examples, history, resolutions
from tradeapi.udf.marks import marks_of
from tradeapi.udf.quotes import list_quotes
from tradeapi.udf.schemas import (
    UDF_ERRORS,
    GroupParameters,
    HistoryParameters,
    QuotesParameters,
    RangeParameters,
    SearchParameters,
    SymbolParameters,
    answers,
)
from tradeapi.udf.symbols import (
    LISTED,
    TYPE_NAMES,
    TYPES,
    Facts,
    Info,
    describe,
    facts_of_exchange,
    facts_of_symbol,
    table,
)
from tradeapi.web.cache import keep
from tradeapi.web.dependencies import ClockDep, DatabaseDep, SettingsDep
from tradeapi.web.principal import NEEDS_MARKET_DATA
from tradeapi.web.query import describe_query, parse_query

router = APIRouter(
    prefix="/udf", tags=["udf"], dependencies=[NEEDS_MARKET_DATA], responses=UDF_ERRORS
)

NOTHING_KNOWN = Facts(None, frozenset())


async def _exchanges(
    database: DatabaseDep, calendars: CalendarsDep, directory: DirectoryDep
) -> Exchanges:
    return Exchanges(database, calendars, directory)


ExchangesDep = Annotated[Exchanges, Depends(_exchanges)]


@router.get("/config", summary="What this server can do", responses=answers(examples.CONFIG))
async def config(exchanges: ExchangesDep) -> Response:
    every = {"value": "", "name": "All exchanges", "desc": ""}
    return _json(
        {
            "supports_search": True,
            "supports_group_request": False,
            # Nobody sets any.
            "supports_marks": False,
            "supports_timescale_marks": True,
            "supports_time": True,
            "supported_resolutions": [*resolutions.NAMES.values()],
            "exchanges": [
                every,
                *(
                    {"value": one.code, "name": one.code, "desc": one.name}
                    for one in await exchanges.list()
                ),
            ],
            "symbols_types": [
                {"value": "", "name": "All types"},
                *({"value": value, "name": name} for value, name in TYPE_NAMES.items()),
            ],
        }
    )


@router.get("/time", summary="The time in seconds", responses=answers(examples.TIME))
async def time(clock: ClockDep) -> Response:
    return _json(int(clock.now()))


@router.get(
    "/symbols",
    summary="One symbol, described",
    openapi_extra=describe_query(SymbolParameters),
    responses=answers(examples.SYMBOL),
)
async def symbols(
    request: Request, directory: DirectoryDep, database: DatabaseDep, clock: ClockDep
) -> Response:
    listing = await directory.get(parse_query(request, SymbolParameters).symbol)
    async with database.read() as raw:
        facts = await facts_of_symbol(raw, listing.id)
    name = await _name(directory, listing)
    return _json(describe(listing, facts, listing.calendar, clock.now(), name=name))


@router.get(
    "/symbol_info",
    summary="All symbols of an exchange, described",
    openapi_extra=describe_query(GroupParameters),
    responses=answers(examples.TABLE),
)
async def symbol_info(  # noqa: PLR0913, PLR0917  they are what it is made of
    request: Request,
    exchanges: ExchangesDep,
    catalogue: CatalogueDep,
    calendars: CalendarsDep,
    database: DatabaseDep,
    clock: ClockDep,
) -> Response:
    """For clients that load a whole group at once; `/config` sends them to the search."""
    exchange = await exchanges.get(parse_query(request, GroupParameters).group.upper())
    async with database.read() as raw:
        facts = await facts_of_exchange(raw, exchange.code)
    found = await catalogue.search("", limit=max(len(facts), 1), exchange=exchange.code)
    entries = [entry for _, entry in found]
    known = {
        code: await calendars.get(code)
        for code in {entry.calendar or exchange.calendar for entry in entries}
    }

    def info(entry: Entry) -> Info:
        calendar = known[entry.calendar or exchange.calendar]
        at_hand = facts.get(entry.symbol, NOTHING_KNOWN)
        return describe(entry, at_hand, calendar, clock.now(), name=entry.ticker)

    return _json(await to_thread.run_sync(lambda: table(map(info, entries))))


@router.get(
    "/search",
    summary="Symbols that fit what was typed",
    openapi_extra=describe_query(SearchParameters),
    responses=answers(examples.FOUND),
)
async def search(request: Request, catalogue: CatalogueDep) -> Response:
    asked = parse_query(request, SearchParameters)
    type = TYPES.get(asked.type, "") if asked.type else None
    found = await catalogue.search(
        asked.query, limit=asked.limit, type=type, exchange=asked.exchange.upper() or None
    )
    return _json(
        [
            {
                "symbol": entry.ticker,
                "full_name": entry.symbol,
                "ticker": entry.symbol,
                "description": entry.name or entry.ticker,
                "exchange": entry.exchange,
                "type": LISTED[entry.type],
            }
            for _, entry in found
        ]
    )


@router.get(
    "/history",
    summary="Bars of a symbol",
    openapi_extra=describe_query(HistoryParameters),
    responses=answers(examples.BARS),
)
async def bars(request: Request) -> Response:
    """`from <= time < to`, restated for splits; the last ones where they are more than 10,000.

    The newest bars are at least two, because clients want as many.
    """
    # Asked for so often that the 50 µs of each dependency count.
    directory: Directory = request.state.directory
    clock: Clock = request.state.clock
    asked = parse_query(request, HistoryParameters)
    resolution = resolutions.parse(asked.resolution)
    listing = await directory.get(asked.symbol)
    answer = await history.read(bar_history(request), listing, resolution, asked, clock.now())
    # Whom a bare ticker means may change at any time.
    is_named = ":" in asked.symbol
    keep(request.scope, answer.is_good if is_named else lambda: False, state=answer.state)
    whose = "public" if request.state.settings.public_read else "private"
    return Response(
        orjson.dumps(history.columns(answer), option=orjson.OPT_SERIALIZE_NUMPY),
        headers={"cache-control": f"{whose}, {REVALIDATED}", "vary": VARY},
        media_type="application/json",
    )


@router.get(
    "/marks",
    summary="Marks on bars",
    openapi_extra=describe_query(RangeParameters),
    responses=answers(examples.NO_MARKS),
)
async def marks(request: Request, directory: DirectoryDep) -> Response:
    """There are none: nobody sets any here."""
    asked = parse_query(request, RangeParameters)
    resolutions.parse(asked.resolution)
    await directory.get(asked.symbol)
    return _json([])


@router.get(
    "/timescale_marks",
    summary="Splits and dividends",
    openapi_extra=describe_query(RangeParameters),
    responses=answers(examples.MARKS),
)
async def timescale_marks(
    request: Request, directory: DirectoryDep, database: DatabaseDep
) -> Response:
    """One mark for each bar that is the first on other terms."""
    asked = parse_query(request, RangeParameters)
    resolution = resolutions.parse(asked.resolution)
    listing = await directory.get(asked.symbol)
    window = Window(
        history.MOST_BARS, start=int(min(asked.start, asked.end)), end=int(asked.end) + 1
    )
    async with database.reading() as session:
        actions = await recorded(session, listing.id)
    if not actions:
        return _json([])
    answer = await bar_history(request).read(listing.symbol, resolution, window, Adjustment.RAW)
    times, previous = answer.bars.time, answer.page.previous_time
    return _json(marks_of(actions, listing, resolution, times, previous))


@router.get(
    "/quotes",
    summary="The newest prices of several symbols",
    openapi_extra=describe_query(QuotesParameters),
    responses=answers(examples.QUOTES),
)
async def quotes(
    request: Request,
    database: DatabaseDep,
    directory: DirectoryDep,
    clock: ClockDep,
    settings: SettingsDep,
) -> Response:
    items = await list_quotes(
        parse_query(request, QuotesParameters).symbols.split(","),
        database,
        directory,
        clock.now(),
        stale_after=settings.quote_stale_seconds,
    )
    return _json({"s": "ok", "d": items})


async def _name(directory: Directory, listing: Listing) -> str:
    """The bare ticker, unless another symbol has it too: charts ask for it again by this name."""
    found = (await directory.get_many([listing.ticker]))[listing.ticker]
    is_only = isinstance(found, Listing) and found.id == listing.id
    return listing.ticker if is_only else listing.symbol


def _json(value: object) -> Response:
    return Response(
        orjson.dumps(value),
        headers={"cache-control": "no-cache"},
        media_type="application/json",
    )
