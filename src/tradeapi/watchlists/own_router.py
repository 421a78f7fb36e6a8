"""Favourites, and what somebody has looked for, over HTTP."""

from collections.abc import Mapping, Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Response

from tradeapi.market.symbols.schemas import SymbolPath
from tradeapi.watchlists.dependencies import (
    FavouritesDep,
    ReadableFavouritesDep,
    ReadableSearchesDep,
    SearchesDep,
)
from tradeapi.watchlists.models import Search
from tradeapi.watchlists.schemas import FavouritesOut, SearchesOut, SearchIn, SearchText
from tradeapi.web.principal import NEEDS_READ, NEEDS_WRITE
from tradeapi.web.problems import problems

router = APIRouter(tags=["watchlists"])


@router.get(
    "/favourites",
    summary="Your favourites",
    response_model=FavouritesOut,
    dependencies=[NEEDS_READ],
)
async def list_favourites(favourites: ReadableFavouritesDep) -> Mapping[str, Sequence[object]]:
    """The newest first."""
    return {"items": await favourites.list()}


@router.put(
    "/favourites/{symbol}",
    summary="Make a symbol a favourite",
    status_code=204,
    response_class=Response,
    dependencies=[NEEDS_WRITE],
    responses=problems(403, 404, 409, 422),
)
async def add_favourite(favourites: FavouritesDep, symbol: SymbolPath) -> None:
    """It may be one."""
    await favourites.add(symbol)


@router.delete(
    "/favourites/{symbol}",
    summary="Remove a favourite",
    status_code=204,
    response_class=Response,
    dependencies=[NEEDS_WRITE],
    responses=problems(404, 409, 422),
)
async def remove_favourite(favourites: FavouritesDep, symbol: SymbolPath) -> None:
    """The symbol stays on your watchlists."""
    await favourites.remove(symbol)


@router.get(
    "/searches",
    summary="What you have looked for",
    response_model=SearchesOut,
    dependencies=[NEEDS_READ],
)
async def list_searches(searches: ReadableSearchesDep) -> Mapping[str, Sequence[Search]]:
    """The last hundred, the newest first, each once."""
    return {"items": await searches.list()}


@router.post(
    "/searches",
    summary="Keep what you have looked for",
    status_code=204,
    response_class=Response,
    dependencies=[NEEDS_WRITE],
    responses=problems(422),
)
async def add_search(searches: SearchesDep, body: SearchIn) -> None:
    """Asking for symbols keeps nothing by itself: pages look up what is being typed, too."""
    await searches.add(body.query)


@router.delete(
    "/searches",
    summary="Forget what you have looked for",
    status_code=204,
    response_class=Response,
    dependencies=[NEEDS_WRITE],
    responses=problems(422),
)
async def remove_searches(
    searches: SearchesDep,
    query: Annotated[SearchText | None, Query(description="Only this; else all.")] = None,
) -> None:
    """It is no error if there is nothing."""
    await searches.remove(query)
