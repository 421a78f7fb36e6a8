"""Exchanges over HTTP, and when they trade."""

from collections.abc import Sequence
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response

from tradeapi.auth.audit import Audit
from tradeapi.auth.dependencies import CallerDep
from tradeapi.market.dependencies import CalendarsDep, DirectoryDep
from tradeapi.market.models import Exchange
from tradeapi.market.symbols.exchanges import Exchanges
from tradeapi.market.symbols.names import EXCHANGE
from tradeapi.market.symbols.schemas import ExchangeCode, ExchangeIn, ExchangeOut, ExchangesOut
from tradeapi.market.symbols.status import MarketStatus, market_status
from tradeapi.web.dependencies import ClockDep, DatabaseDep
from tradeapi.web.principal import NEEDS_ADMIN, NEEDS_MARKET_DATA
from tradeapi.web.problems import problems

router = APIRouter()

ExchangePath = Annotated[
    str, Path(description="In any case.", examples=["US"], pattern=f"^{EXCHANGE}$")
]


async def _exchanges(
    database: DatabaseDep, calendars: CalendarsDep, directory: DirectoryDep
) -> Exchanges:
    return Exchanges(database, calendars, directory)


async def _recorded(
    database: DatabaseDep,
    calendars: CalendarsDep,
    directory: DirectoryDep,
    caller: CallerDep,
    clock: ClockDep,
) -> Exchanges:
    audit = partial(Audit, caller=caller, now=clock.now())
    return Exchanges(database, calendars, directory, audit)


ExchangesDep = Annotated[Exchanges, Depends(_exchanges)]
RecordedExchangesDep = Annotated[Exchanges, Depends(_recorded)]


@router.get(
    "/exchanges",
    tags=["exchanges"],
    summary="All exchanges",
    dependencies=[NEEDS_MARKET_DATA],
    response_model=ExchangesOut,
)
async def list(exchanges: ExchangesDep) -> dict[str, Sequence[Exchange]]:
    return {"items": await exchanges.list()}


@router.put(
    "/exchanges/{code}",
    tags=["exchanges"],
    summary="Create or replace an exchange",
    dependencies=[NEEDS_ADMIN],
    response_model=ExchangeOut,
    responses={201: {"model": ExchangeOut, "description": "Created"}, **problems(409, 422)},
)
async def put(
    exchanges: RecordedExchangesDep, code: ExchangePath, body: ExchangeIn, response: Response
) -> Exchange:
    """The first use of a calendar takes some seconds.

    Once the exchange has bars its calendar is changed with `tradeapi exchange set`, which builds
    them again; here that is a conflict.
    """
    exchange, is_new = await exchanges.put(code, **body.model_dump())
    response.status_code = 201 if is_new else 200
    return exchange


@router.get(
    "/market/status",
    tags=["market"],
    summary="Which markets are open",
    dependencies=[NEEDS_MARKET_DATA],
    response_model=MarketStatus,
    responses=problems(404, 422),
)
async def status(
    exchanges: ExchangesDep,
    calendars: CalendarsDep,
    clock: ClockDep,
    exchange: Annotated[ExchangeCode | None, Query(description="Only this one.")] = None,
) -> dict[str, object]:
    """Each exchange's regular hours: whether it is open now, and when that ends or begins.

    `session` is the one that is on, else the next; a market that never closes has none to come.
    """
    chosen = await exchanges.list() if exchange is None else [await exchanges.get(exchange)]
    return {"items": [await market_status(calendars, one, clock.now()) for one in chosen]}
