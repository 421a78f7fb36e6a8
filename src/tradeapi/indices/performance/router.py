"""How indices have done, over HTTP: levels and measures, drawdowns, rolling and monthly returns."""

from anyio import to_thread
from fastapi import APIRouter, Request, Response

from tradeapi.errors import FieldError, Invalid
from tradeapi.indices.answers import NOT_MODIFIED, Source, answer, json, source_of
from tradeapi.indices.dependencies import periods_per_year, published_of
from tradeapi.indices.performance import answers
from tradeapi.indices.performance.answers import about, csv
from tradeapi.indices.performance.benchmarks import Benchmark, Benchmarks
from tradeapi.indices.performance.queries import (
    DrawdownsQuery,
    Format,
    MonthlyQuery,
    PerformanceQuery,
    Rolling,
    RollingQuery,
)
from tradeapi.indices.performance.rolling import rollings
from tradeapi.indices.performance.schemas import (
    DrawdownsOut,
    MonthlyOut,
    PerformanceOut,
    RollingOut,
)
from tradeapi.indices.performance.shown import Shown, falls, months
from tradeapi.indices.published import Series
from tradeapi.indices.schemas import IndexPath
from tradeapi.market.dependencies import bar_history
from tradeapi.web.large_reads import turn
from tradeapi.web.principal import NEEDS_MARKET_DATA
from tradeapi.web.problems import problems
from tradeapi.web.query import describe_query, parse_query

router = APIRouter(prefix="/indices", tags=["indices"])

# What is computed while everybody waits: 5,000 sessions take 5 ms, and so do 200,000 values.
MANY_SESSIONS = 5000
MANY_VALUES = 200_000


@router.get(
    "/{code}/performance",
    summary="How an index has done",
    dependencies=[NEEDS_MARKET_DATA],
    openapi_extra=describe_query(PerformanceQuery),
    responses={
        200: {
            "model": PerformanceOut,
            "content": {"text/csv": {"schema": {"type": "string"}}},
            "description": "Columns and measures, or a file.",
        },
        **NOT_MODIFIED,
        **problems(404, 409, 422),
    },
)
async def performance(request: Request, code: IndexPath) -> Response:
    """Levels and returns by session, and every measure of them. All of it is about the returns
    between the sessions that are shown: the first is the base, and has none. With a `benchmark`
    also the measures against it, on the days that both have.
    """
    asked = parse_query(request, PerformanceQuery)
    series = await published_of(request).get(code)
    shown = Shown.of(series, asked.of(series.days))
    against = await _benchmark(request, asked.benchmark, series, shown)
    terms = asked.terms(await periods_per_year(request, series))

    def body() -> bytes:
        if asked.format is Format.CSV:
            return csv(shown, against)
        return json(answers.performance(series, shown, against, terms))

    is_much = len(shown.days) > MANY_SESSIONS
    content = await to_thread.run_sync(body) if is_much else body()
    found = answer(request, content, *_sources(request, series, against))
    if asked.format is Format.CSV:
        found.headers["content-type"] = "text/csv; charset=utf-8"
        found.headers["content-disposition"] = f'attachment; filename="{series.code}.csv"'
    return found


@router.get(
    "/{code}/drawdowns",
    summary="The falls of an index",
    dependencies=[NEEDS_MARKET_DATA],
    openapi_extra=describe_query(DrawdownsQuery),
    responses={200: {"model": DrawdownsOut}, **NOT_MODIFIED, **problems(404, 422)},
)
async def drawdowns(request: Request, code: IndexPath) -> Response:
    """The deepest falls from a high among the sessions that are shown, and how far below its high
    the level was on each."""
    asked = parse_query(request, DrawdownsQuery)
    series = await published_of(request).get(code)
    shown = Shown.of(series, asked.of(series.days))
    told = {**about(series, shown), **falls(shown, asked.count)}
    return answer(request, json(told), source_of(request, series))


@router.get(
    "/{code}/rolling",
    summary="Measures of an index over a moving window",
    dependencies=[NEEDS_MARKET_DATA],
    openapi_extra=describe_query(RollingQuery),
    responses={200: {"model": RollingOut}, **NOT_MODIFIED, **problems(404, 409, 422)},
)
async def rolling(request: Request, code: IndexPath) -> Response:
    """One value of each measure for each session from `start` to `end` that has `window` returns
    behind it, be they of before `start`."""
    asked = parse_query(request, RollingQuery)
    measures = _measures(asked)
    series = await published_of(request).get(code)
    places = asked.of(series.days)
    shown = Shown.of(series, places)
    reached = Shown.of(series, slice(max(places.start - asked.window, 0), places.stop))
    name = asked.benchmark if Rolling.BETA in measures else None
    against = await _benchmark(request, name, series, reached)
    terms = asked.terms(await periods_per_year(request, series))

    def body() -> bytes:
        told = {
            **about(series, shown),
            "window": asked.window,
            "periods_per_year": terms.periods_per_year,
            "benchmark": None if against is None else against.symbol,
            **rollings(reached, asked.window, measures, terms, against),
        }
        return json(told)

    sources = _sources(request, series, against)
    if len(shown.days) * asked.window <= MANY_VALUES:
        return answer(request, body(), *sources)
    async with turn(request):
        return answer(request, await to_thread.run_sync(body), *sources)


@router.get(
    "/{code}/monthly",
    summary="The returns of an index by month and year",
    dependencies=[NEEDS_MARKET_DATA],
    openapi_extra=describe_query(MonthlyQuery),
    responses={200: {"model": MonthlyOut}, **NOT_MODIFIED, **problems(404, 422)},
)
async def monthly(request: Request, code: IndexPath) -> Response:
    """A table of months by years. A month's return is that since the last session before it, so
    that here the base is the session before `start`, if there is one."""
    asked = parse_query(request, MonthlyQuery)
    series = await published_of(request).get(code)
    places = asked.of(series.days)
    based = Shown.of(series, slice(max(places.start - 1, 0), places.stop))
    told = {**about(series, Shown.of(series, places)), **months(based)}
    return answer(request, json(told), source_of(request, series))


def _measures(asked: RollingQuery) -> list[Rolling]:
    known = {str(one): one for one in Rolling}
    names = [name.strip() for name in asked.measures.split(",")]
    for name in names:
        if name not in known:
            raise _wrong("measures", f"There is no {name[:40]!r}; there are {', '.join(known)}.")
    if Rolling.BETA in names and asked.benchmark is None:
        raise _wrong("benchmark", "A beta takes a benchmark.")
    return [*dict.fromkeys(known[name] for name in names)]


def _wrong(name: str, detail: str) -> Invalid:
    return Invalid(detail, errors=[FieldError(f"/query/{name}", detail)])


async def _benchmark(
    request: Request, name: str | None, series: Series, shown: Shown
) -> Benchmark | None:
    if name is None:
        return None
    benchmarks = Benchmarks(published_of(request), bar_history(request))
    return await benchmarks.read(name, series, int(shown.days[0]), int(shown.days[-1]))


def _sources(request: Request, series: Series, benchmark: Benchmark | None) -> list[Source]:
    own = source_of(request, series)
    return [own] if benchmark is None else [own, benchmark.source]
