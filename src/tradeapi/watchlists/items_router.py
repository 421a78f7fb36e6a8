"""What is on watchlists, over HTTP; each answer has the ETag of the list as it is then."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Query, Request, Response

from tradeapi.errors import Invalid
from tradeapi.market.symbols.schemas import SymbolPath
from tradeapi.watchlists import answers, csv_form
from tradeapi.watchlists.dependencies import ItemsDep, ReadableItemsDep, ReadableWatchlistsDep
from tradeapi.watchlists.models import Watchlist
from tradeapi.watchlists.schemas import (
    ItemChange,
    ItemChangesIn,
    ItemIn,
    ItemOut,
    ItemsOut,
    TakenOut,
)
from tradeapi.web.dependencies import SettingsDep
from tradeapi.web.media_types import require_media_type
from tradeapi.web.preconditions import PreconditionDep
from tradeapi.web.principal import NEEDS_READ_OR_LIST_SHARE, NEEDS_WRITE
from tradeapi.web.problems import problems

router = APIRouter(prefix="/watchlists/{id}", tags=["watchlists"])


async def _rows(request: Request, settings: SettingsDep) -> Sequence[ItemIn]:
    require_media_type(request, csv_form.MEDIA_TYPE)
    try:
        text = (await request.body()).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid("The body has to be UTF-8.", code="bad_body") from error
    return csv_form.read(text, most=settings.items_per_watchlist)


# Before any session: while a body is on its way nobody waits for it.
RowsDep = Annotated[Sequence[ItemIn], Depends(_rows)]


@router.post(
    "/items",
    summary="Put a symbol on a watchlist",
    status_code=201,
    response_model=ItemOut,
    dependencies=[NEEDS_WRITE],
    responses=problems(403, 404, 409, 412, 422),
)
async def add_item(
    items: ItemsDep, id: UUID, body: ItemIn, precondition: PreconditionDep
) -> Response:
    """Any symbol: a stock, a coin, an index. Each is on a list once."""
    changed = await items.add(id, body, precondition)
    return _answer(answers.item(changed.items[0]), changed.watchlist, status=201)


@router.patch(
    "/items",
    summary="Change many items",
    response_model=ItemsOut,
    dependencies=[NEEDS_WRITE],
    responses=problems(403, 404, 409, 412, 422),
)
async def change_items(
    items: ItemsDep, id: UUID, body: ItemChangesIn, precondition: PreconditionDep
) -> Response:
    """All of them, or none; moves are made one after the other."""
    changed = await items.change_many(id, body.items, precondition)
    return _answer({"items": answers.items_of(changed.items)}, changed.watchlist)


@router.patch(
    "/items/{symbol}",
    summary="Change or move an item",
    response_model=ItemOut,
    dependencies=[NEEDS_WRITE],
    responses=problems(403, 404, 409, 412, 422),
)
async def change_item(
    items: ItemsDep, id: UUID, symbol: SymbolPath, body: ItemChange, precondition: PreconditionDep
) -> Response:
    """What is left out stays."""
    changed = await items.change(id, symbol, body, precondition)
    return _answer(answers.item(changed.items[0]), changed.watchlist)


@router.delete(
    "/items/{symbol}",
    summary="Take a symbol off a watchlist",
    status_code=204,
    response_class=Response,
    dependencies=[NEEDS_WRITE],
    responses=problems(404, 409, 412, 422),
)
async def remove_item(
    items: ItemsDep, id: UUID, symbol: SymbolPath, precondition: PreconditionDep
) -> Response:
    """The others stay in order."""
    return _done(await items.remove(id, symbol, precondition))


@router.delete(
    "/items",
    summary="Take everything off a watchlist",
    status_code=204,
    response_class=Response,
    dependencies=[NEEDS_WRITE],
    responses=problems(404, 412, 422),
)
async def clear_items(items: ItemsDep, id: UUID, precondition: PreconditionDep) -> Response:
    """The list stays."""
    return _done(await items.clear(id, precondition))


@router.get(
    "/export",
    summary="A watchlist as CSV",
    response_class=Response,
    dependencies=[NEEDS_READ_OR_LIST_SHARE],
    responses={
        200: {"content": {csv_form.MEDIA_TYPE: {"schema": {"type": "string"}}}},
        **problems(404, 422),
    },
)
async def export_items(
    watchlists: ReadableWatchlistsDep, items: ReadableItemsDep, id: UUID
) -> Response:
    """In order; imported again it is the same list."""
    watchlist = await watchlists.get(id)
    return Response(
        csv_form.write(await items.list(watchlist.id)),
        headers={
            "etag": watchlist.etag,
            "cache-control": "no-store",
            "content-disposition": 'attachment; filename="watchlist.csv"',
        },
        media_type=csv_form.MEDIA_TYPE,
    )


@router.post(
    "/import",
    summary="Put the rows of a CSV file on a watchlist",
    response_model=TakenOut,
    dependencies=[NEEDS_WRITE],
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                csv_form.MEDIA_TYPE: {
                    "schema": {"type": "string"},
                    "example": "symbol,category,target_price\nUS:AAPL,hardware,220\n",
                }
            },
        }
    },
    responses=problems(403, 404, 409, 412, 413, 415, 422),
)
async def import_items(  # noqa: PLR0913, PLR0917  they are what it takes
    rows: RowsDep,
    items: ItemsDep,
    id: UUID,
    precondition: PreconditionDep,
    response: Response,
    mode: Annotated[
        Literal["merge", "replace"],
        Query(description="`replace`: what is not in the file is taken off the list."),
    ] = "merge",
) -> Mapping[str, Any]:
    """All rows, or none if one is no good. A row for a symbol that is on the list replaces that
    item; a column that is missing, or an empty cell, is as if it was left out of a new item.
    """
    taken = await items.take(id, rows, precondition, replace=mode == "replace")
    response.headers["etag"] = taken.watchlist.etag
    return {"added": taken.added, "updated": taken.updated, "removed": taken.removed}


def _answer(body: Mapping[str, Any], watchlist: Watchlist, *, status: int = 200) -> Response:
    return Response(
        orjson.dumps(body),
        status,
        headers={"etag": watchlist.etag, "cache-control": "no-store"},
        media_type="application/json",
    )


def _done(watchlist: Watchlist) -> Response:
    return Response(status_code=204, headers={"etag": watchlist.etag})
