"""Symbols over HTTP: the search, and each with its corporate actions and shares."""

from collections.abc import Sequence
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from tradeapi.auth.audit import Audit
from tradeapi.auth.dependencies import AuditDep, CallerDep
from tradeapi.market.dependencies import CalendarsDep, CatalogueDep, DirectoryDep, StoreDep
from tradeapi.market.models import CorporateAction
from tradeapi.market.symbols.actions import Actions, recorded
from tradeapi.market.symbols.directory import Listing
from tradeapi.market.symbols.edits import SymbolEdits
from tradeapi.market.symbols.schemas import (
    ActionsIn,
    ActionsOut,
    NewSymbolPath,
    SharesIn,
    SharesOut,
    SymbolIn,
    SymbolOut,
    SymbolPath,
    SymbolQuery,
)
from tradeapi.market.symbols.search import Position
from tradeapi.market.symbols.service import etag
from tradeapi.market.symbols.shares import Count, Shares, counted
from tradeapi.web.dependencies import ClockDep, CursorsDep, DatabaseDep, SessionDep
from tradeapi.web.pages import Page
from tradeapi.web.preconditions import PreconditionDep
from tradeapi.web.principal import NEEDS_ADMIN, NEEDS_MARKET_DATA
from tradeapi.web.problems import problems

router = APIRouter(prefix="/symbols", tags=["symbols"])


async def _listing(directory: DirectoryDep, symbol: SymbolPath) -> Listing:
    return await directory.read(symbol)


async def _edits(  # noqa: PLR0913, PLR0917  they are what edits are made of
    database: DatabaseDep,
    store: StoreDep,
    calendars: CalendarsDep,
    directory: DirectoryDep,
    caller: CallerDep,
    clock: ClockDep,
) -> SymbolEdits:
    audit = partial(Audit, caller=caller, now=clock.now())
    return SymbolEdits(database, store, calendars, directory, audit)


ListingDep = Annotated[Listing, Depends(_listing)]
EditsDep = Annotated[SymbolEdits, Depends(_edits)]


async def _actions(session: SessionDep, store: StoreDep, audit: AuditDep) -> Actions:
    return Actions(session, store, audit)


async def _recorded(database: DatabaseDep, listing: ListingDep) -> Sequence[CorporateAction]:
    async with database.reading() as session:
        return await recorded(session, listing.id)


async def _shares(session: SessionDep, audit: AuditDep) -> Shares:
    return Shares(session, audit)


async def _counts(database: DatabaseDep, listing: ListingDep) -> Sequence[Count]:
    async with database.reading() as session:
        return await counted(session, listing.id)


ActionsDep = Annotated[Actions, Depends(_actions)]
RecordedDep = Annotated[Sequence[CorporateAction], Depends(_recorded)]
SharesDep = Annotated[Shares, Depends(_shares)]
CountsDep = Annotated[Sequence[Count], Depends(_counts)]


@router.get(
    "",
    summary="Search symbols",
    dependencies=[NEEDS_MARKET_DATA],
    response_model=Page[SymbolOut],
    responses=problems(422),
)
async def search(
    catalogue: CatalogueDep, cursors: CursorsDep, asked: Annotated[SymbolQuery, Query()]
) -> dict[str, object]:
    """The best first: the very symbol or ticker, then what begins with the query, then names that
    do, then names with a word that does, then what is one typo away. Without a query: all.
    """
    list_name = f"symbols:{asked.type}:{asked.exchange}:{asked.query}"
    found = await catalogue.search(
        asked.query,
        limit=asked.limit + 1,
        type=asked.type,
        exchange=asked.exchange,
        after=Position._make(cursors.decode(list_name, asked.cursor)) if asked.cursor else None,
    )
    page = found[: asked.limit]
    more = len(found) > asked.limit
    return {
        "items": [entry for _, entry in page],
        "next_cursor": cursors.encode(list_name, page[-1][0]) if more else None,
    }


@router.get(
    "/{symbol}",
    summary="One symbol",
    dependencies=[NEEDS_MARKET_DATA],
    response_model=SymbolOut,
    responses=problems(404, 409, 422),
)
async def get(listing: ListingDep, response: Response) -> Listing:
    response.headers["etag"] = etag(listing)
    return listing


@router.put(
    "/{symbol}",
    summary="Create or replace a symbol",
    dependencies=[NEEDS_ADMIN],
    response_model=SymbolOut,
    responses={201: {"model": SymbolOut, "description": "Created"}, **problems(412, 422)},
)
async def put(
    edits: EditsDep,
    symbol: NewSymbolPath,
    body: SymbolIn,
    precondition: PreconditionDep,
    response: Response,
) -> Listing:
    """Its bars stay; those that follow from finer ones are built again if its hours change."""
    listing, is_new = await edits.put(symbol, body.fields(), precondition)
    response.status_code = 201 if is_new else 200
    response.headers["etag"] = etag(listing)
    return listing


@router.delete(
    "/{symbol}",
    summary="Remove a symbol and all its bars",
    dependencies=[NEEDS_ADMIN],
    status_code=204,
    response_class=Response,
    responses=problems(404, 409, 412, 422),
)
async def delete(edits: EditsDep, listing: ListingDep, precondition: PreconditionDep) -> None:
    await edits.delete(listing.symbol, precondition)


@router.get(
    "/{symbol}/actions",
    summary="Splits and dividends",
    dependencies=[NEEDS_MARKET_DATA],
    response_model=ActionsOut,
    responses=problems(404, 409, 422),
)
async def get_actions(
    listing: ListingDep, items: RecordedDep, response: Response
) -> dict[str, object]:
    """In order of their days. They belong to the symbol, whose version they raise."""
    response.headers["etag"] = etag(listing)
    return {"items": items}


@router.put(
    "/{symbol}/actions",
    summary="Replace the splits and dividends",
    dependencies=[NEEDS_ADMIN],
    response_model=ActionsOut,
    responses=problems(404, 409, 412, 422),
)
async def put_actions(
    listing: ListingDep,
    actions: ActionsDep,
    body: ActionsIn,
    precondition: PreconditionDep,
    response: Response,
) -> dict[str, object]:
    """Stored bars stay as they are; `adjustment=splits|all` restates them on read.

    A change raises `revision`, and streams of the symbol's bars begin anew. A dividend has to be
    below the last close before its day.
    """
    symbol = await actions.replace(listing, [item.term() for item in body.items], precondition)
    response.headers["etag"] = etag(symbol)
    return {"items": sorted(body.items, key=lambda item: (item.ex_date, item.kind))}


@router.get(
    "/{symbol}/shares",
    summary="Shares outstanding",
    dependencies=[NEEDS_MARKET_DATA],
    response_model=SharesOut,
    responses=problems(404, 409, 422),
)
async def get_shares(
    listing: ListingDep, items: CountsDep, response: Response
) -> dict[str, object]:
    """In order of their days, the undated number first. They belong to the symbol, whose version
    they raise.
    """
    response.headers["etag"] = etag(listing)
    return {"items": items}


@router.put(
    "/{symbol}/shares",
    summary="Replace the shares outstanding",
    dependencies=[NEEDS_ADMIN],
    response_model=SharesOut,
    responses=problems(404, 409, 412, 422),
)
async def put_shares(
    listing: ListingDep,
    shares: SharesDep,
    body: SharesIn,
    precondition: PreconditionDep,
    response: Response,
) -> dict[str, object]:
    """Each number is that of its day and those after it, until the next; they move no price."""
    counts = [item.count() for item in body.items]
    symbol = await shares.replace(listing, counts, precondition)
    response.headers["etag"] = etag(symbol)
    return {"items": sorted(counts, key=lambda count: count.day)}
