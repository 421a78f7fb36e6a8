"""Where the returns and the risk of indices come from, over HTTP."""

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from anyio import to_thread
from fastapi import APIRouter, Request, Response

from tradeapi.analytics.bars import Int64Array
from tradeapi.indices.answers import NOT_MODIFIED, Source, answer, json, source_of
from tradeapi.indices.dependencies import periods_per_year, published_of
from tradeapi.indices.performance.answers import about
from tradeapi.indices.performance.shown import Shown
from tradeapi.indices.published import Series
from tradeapi.indices.risk.attribution import attributed
from tradeapi.indices.risk.portfolio import portfolio_of
from tradeapi.indices.risk.risks import risks
from tradeapi.indices.risk.schemas import AttributionOut, AttributionQuery, RiskOut, RiskQuery
from tradeapi.indices.schemas import IndexPath
from tradeapi.indices.sessions import sessions_before
from tradeapi.indices.spans import Span, bad_range, dates
from tradeapi.market.calendars.days import DAY, date_at
from tradeapi.market.calendars.registry import Calendars
from tradeapi.web.dependencies import DatabaseDep
from tradeapi.web.large_reads import turn
from tradeapi.web.principal import NEEDS_MARKET_DATA
from tradeapi.web.problems import problems
from tradeapi.web.query import describe_query, parse_query

router = APIRouter(prefix="/indices", tags=["indices"])

# Prices, sectors and actions of constituents change without a build of the index.
KEPT_SECONDS = 60.0
# For how long a constituent may not have traded before the first return.
_CARRIED = 5


@router.get(
    "/{code}/attribution",
    summary="Which sectors made an index differ from another",
    dependencies=[NEEDS_MARKET_DATA],
    openapi_extra=describe_query(AttributionQuery),
    responses={200: {"model": AttributionOut}, **NOT_MODIFIED, **problems(404, 422, 503)},
)
async def attribution(request: Request, code: IndexPath, database: DatabaseDep) -> Response:
    """Brinson and Fachler's effects of each session, by the sectors of the constituents, linked
    over all sessions as Carino does. By default these are all sessions that both indices have.
    """
    asked = parse_query(request, AttributionQuery)
    published = published_of(request)
    ours = await published.get(code)
    theirs = await published.get(asked.benchmark.upper())
    places, others = _common(asked, ours, theirs)

    async with turn(request):
        portfolio = await portfolio_of(database, ours, places)
        benchmark = await portfolio_of(database, theirs, others)
        found = await to_thread.run_sync(attributed, portfolio, benchmark)
    told = {
        **about(ours, Shown.of(ours, places)),
        "sessions": places.stop - places.start,
        "benchmark_code": theirs.code,
        "benchmark_revision": theirs.revision,
        "benchmark_currency": theirs.currency,
        **found,
    }
    return answer(request, json(told), _for_a_while(request, ours), _for_a_while(request, theirs))


@router.get(
    "/{code}/risk",
    summary="Which constituents bring the risk of an index",
    dependencies=[NEEDS_MARKET_DATA],
    openapi_extra=describe_query(RiskQuery),
    responses={200: {"model": RiskOut}, **NOT_MODIFIED, **problems(404, 422, 503)},
)
async def risk(request: Request, code: IndexPath, database: DatabaseDep) -> Response:
    """Volatility and CVaR of the constituents of a day, had their weights been the same all the
    time, and the part of each: they add up. Whoever has a shorter history is left out.
    """
    asked = parse_query(request, RiskQuery)
    series = await published_of(request).get(code)
    place = Span(start=None, end=asked.date).of(series.days).stop - 1
    day = int(series.days[place])
    per_year = await periods_per_year(request, series)

    def told(found: Mapping[str, Any]) -> bytes:
        return json(
            {
                "code": series.code,
                "revision": series.revision,
                "date": dates(series.days[[place]])[0],
                "window": asked.window,
                "periods_per_year": per_year,
                "confidence": asked.confidence,
                **found,
            }
        )

    async with turn(request):
        days = await _before(request, series, day, asked.window)
        held = await portfolio_of(database, series, slice(place, place + 1), days)
        body = await to_thread.run_sync(
            lambda: told(risks(held, asked.window, per_year, asked.confidence))
        )
    return answer(request, body, _for_a_while(request, series))


def _common(asked: AttributionQuery, ours: Series, theirs: Series) -> tuple[slice, slice]:
    """Where the sessions stand in both; raises Invalid unless they are the same, and two."""
    span = Span(
        start=asked.start or date_at(int(max(ours.days[0], theirs.days[0]))),
        end=asked.end or date_at(int(min(ours.days[-1], theirs.days[-1]))),
    )
    places, others = span.of(ours.days), span.of(theirs.days)
    if not np.array_equal(ours.days[places], theirs.days[others]):
        detail = f"{ours.code} and {theirs.code} do not have the same sessions in this range."
        raise bad_range("benchmark", detail)
    if places.stop - places.start < 2:
        raise bad_range("end", "A return takes two sessions.")
    return places, others


async def _before(request: Request, series: Series, day: int, window: int) -> Int64Array:
    """The sessions whose closes are looked at, up to a day."""
    calendars: Calendars = request.state.calendars
    calendar = await calendars.get(series.calendar)
    return sessions_before(calendar, day + DAY, window + 1 + _CARRIED)


def _for_a_while(request: Request, series: Series) -> Source:
    source, until = source_of(request, series), time.monotonic() + KEPT_SECONDS
    return Source(source.state, lambda: source.is_good() and time.monotonic() < until)
