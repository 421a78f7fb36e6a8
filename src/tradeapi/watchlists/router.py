"""Watchlists over HTTP."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Response

from tradeapi.auth.share_schemas import NewShareOut, ShareIn, ShareOut, SharesOut
from tradeapi.market.dependencies import DirectoryDep, KeptYearsDep
from tradeapi.watchlists import answers
from tradeapi.watchlists.dependencies import (
    ItemsDep,
    ReadableItemsDep,
    ReadableWatchlistsDep,
    SharesDep,
    WatchlistsDep,
)
from tradeapi.watchlists.models import Watchlist
from tradeapi.watchlists.priced import priced
from tradeapi.watchlists.schemas import (
    NewWatchlistIn,
    PricedItemsOut,
    StatsOut,
    WatchlistChange,
    WatchlistOut,
    WatchlistsOut,
)
from tradeapi.web.dependencies import ClockDep, SettingsDep
from tradeapi.web.idempotency import Idempotent
from tradeapi.web.preconditions import PreconditionDep
from tradeapi.web.principal import NEEDS_READ, NEEDS_READ_OR_LIST_SHARE, NEEDS_WRITE
from tradeapi.web.problems import problems

router = APIRouter(prefix="/watchlists", tags=["watchlists"])
making_router = APIRouter(prefix="/watchlists", tags=["watchlists"], route_class=Idempotent)


@making_router.post(
    "",
    summary="Make a watchlist",
    status_code=201,
    response_model=WatchlistOut,
    dependencies=[NEEDS_WRITE],
    responses=problems(403, 409, 422),
)
async def create(watchlists: WatchlistsDep, items: ItemsDep, body: NewWatchlistIn) -> Response:
    """An empty one, the last of yours."""
    return await _whole(watchlists, items, await watchlists.create(body.name), status=201)


@making_router.post(
    "/{id}/duplicate",
    summary="Copy a watchlist",
    status_code=201,
    response_model=WatchlistOut,
    dependencies=[NEEDS_WRITE],
    responses=problems(403, 404, 409, 422),
)
async def duplicate(
    watchlists: WatchlistsDep, items: ItemsDep, id: UUID, body: NewWatchlistIn
) -> Response:
    """With all that is on it."""
    copy = await watchlists.duplicate(id, body.name)
    return await _whole(watchlists, items, copy, status=201)


@router.get(
    "",
    summary="Your watchlists",
    response_model=WatchlistsOut,
    dependencies=[NEEDS_READ],
)
async def list_watchlists(watchlists: ReadableWatchlistsDep) -> Mapping[str, Any]:
    """In your order, without what is on them."""
    found = await watchlists.list()
    return {
        "items": [answers.summary(one.watchlist, place=one.place, count=one.count) for one in found]
    }


@router.get(
    "/{id}",
    summary="One watchlist",
    response_model=WatchlistOut,
    dependencies=[NEEDS_READ_OR_LIST_SHARE],
    responses=problems(404, 422),
)
async def get(watchlists: ReadableWatchlistsDep, items: ReadableItemsDep, id: UUID) -> Response:
    """With all that is on it. The ETag is for `If-Match`."""
    return await _whole(watchlists, items, await watchlists.get(id))


@router.get(
    "/{id}/stats",
    summary="What is on a watchlist, counted",
    response_model=StatsOut,
    dependencies=[NEEDS_READ_OR_LIST_SHARE],
    responses=problems(404, 422),
)
async def get_stats(
    watchlists: ReadableWatchlistsDep, items: ReadableItemsDep, id: UUID, clock: ClockDep
) -> Mapping[str, Any]:
    """By category, priority and tag."""
    watchlist = await watchlists.get(id)
    return answers.stats(await items.list(watchlist.id), clock.now())


@router.get(
    "/{id}/quotes",
    summary="A watchlist with its prices",
    response_model=PricedItemsOut,
    dependencies=[NEEDS_READ_OR_LIST_SHARE],
    responses=problems(404, 422),
)
async def get_quotes(  # noqa: PLR0913, PLR0917  they are what it takes
    watchlists: ReadableWatchlistsDep,
    items: ReadableItemsDep,
    id: UUID,
    directory: DirectoryDep,
    years: KeptYearsDep,
    clock: ClockDep,
    settings: SettingsDep,
) -> Response:
    """All in one answer: last price, changes, ranges, and closes for a sparkline."""
    watchlist = await watchlists.get(id)
    quotes = await priced(
        await items.list_to_price(id),
        directory,
        years,
        clock.now(),
        stale_after=settings.quote_stale_seconds,
    )
    return Response(
        orjson.dumps({"version": watchlist.version, "items": quotes}),
        headers={"cache-control": "no-store"},
        media_type="application/json",
    )


@making_router.post(
    "/{id}/shares",
    summary="Share a watchlist",
    status_code=201,
    response_model=NewShareOut,
    dependencies=[NEEDS_WRITE],
    responses=problems(403, 404, 422),
)
async def share(
    shares: SharesDep, id: UUID, body: ShareIn, response: Response
) -> Mapping[str, Any]:
    """Whoever has the token may read this list and its prices, and nothing else."""
    made, token = await shares.create(id, body.expires_in_days)
    response.headers["cache-control"] = "no-store"
    return {**ShareOut.model_validate(made).model_dump(), "token": token}


@router.get(
    "/{id}/shares",
    summary="Shares of a watchlist",
    response_model=SharesOut,
    dependencies=[NEEDS_READ],
    responses=problems(404, 422),
)
async def list_shares(shares: SharesDep, id: UUID) -> Mapping[str, Any]:
    """Those that have not ended, the newest first."""
    return {"items": await shares.list(id)}


@router.delete(
    "/{id}/shares/{share}",
    summary="End a share",
    status_code=204,
    response_class=Response,
    dependencies=[NEEDS_WRITE],
    responses=problems(404, 422),
)
async def end_share(shares: SharesDep, id: UUID, share: UUID) -> None:
    """Requests with its token are refused within seconds, on every process."""
    await shares.end(id, share)


@router.patch(
    "/{id}",
    summary="Rename or move a watchlist",
    response_model=WatchlistOut,
    dependencies=[NEEDS_WRITE],
    responses=problems(404, 409, 412, 422),
)
async def change(
    watchlists: WatchlistsDep,
    items: ItemsDep,
    id: UUID,
    body: WatchlistChange,
    precondition: PreconditionDep,
) -> Response:
    """What is left out stays."""
    return await _whole(watchlists, items, await watchlists.change(id, body, precondition))


@router.delete(
    "/{id}",
    summary="Remove a watchlist",
    status_code=204,
    response_class=Response,
    dependencies=[NEEDS_WRITE],
    responses=problems(404, 412, 422),
)
async def delete(watchlists: WatchlistsDep, id: UUID, precondition: PreconditionDep) -> None:
    """With all that is on it."""
    await watchlists.delete(id, precondition)


async def _whole(
    watchlists: ReadableWatchlistsDep,
    items: ReadableItemsDep,
    watchlist: Watchlist,
    *,
    status: int = 200,
) -> Response:
    listed = await items.list(watchlist.id)
    place = await watchlists.place_of(watchlist)
    return Response(
        orjson.dumps(answers.document(watchlist, place=place, listed=listed)),
        status,
        headers={"etag": watchlist.etag, "cache-control": "no-store"},
        media_type="application/json",
    )
