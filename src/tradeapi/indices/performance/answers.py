"""Answers about how an index has done, as bytes that are kept for as long as they hold."""

from collections.abc import Mapping
from math import isnan
from typing import Any

import orjson
from fastapi import Request, Response

from tradeapi.indices.dependencies import published_of
from tradeapi.indices.performance.benchmarks import Benchmark, Source
from tradeapi.indices.performance.shown import Shown
from tradeapi.indices.published import Series
from tradeapi.indices.spans import dates
from tradeapi.market.bars.answers import REVALIDATED, VARY
from tradeapi.web.cache import keep


def about(series: Series, shown: Shown) -> Mapping[str, Any]:
    first, last = dates(shown.days[[0, -1]])
    return {
        "code": series.code,
        "revision": series.revision,
        "currency": series.currency,
        "return_type": series.return_type,
        "start": first,
        "end": last,
    }


def answer(request: Request, body: bytes, *sources: Source) -> Response:
    """Kept for as long as all that it is made of is the same."""
    keep(
        request.scope,
        lambda: all(source.is_good() for source in sources),
        state="-".join(source.state for source in sources),
    )
    whose = "public" if request.state.settings.public_read else "private"
    headers = {"cache-control": f"{whose}, {REVALIDATED}", "vary": VARY}
    return Response(body, headers=headers, media_type="application/json")


def source_of(request: Request, series: Series) -> Source:
    return Source(series.state, published_of(request).holds(series))


def json(told: Mapping[str, Any]) -> bytes:
    # NaN is written as null.
    return orjson.dumps(told, option=orjson.OPT_SERIALIZE_NUMPY)


def csv(shown: Shown, benchmark: Benchmark | None) -> bytes:
    """What there is none of is empty."""
    columns = dict(shown.columns())
    if benchmark is not None:
        columns["benchmark"] = shown.aligned(benchmark)
    numbers = [
        ["" if isnan(value) else str(value) for value in columns[name].tolist()]
        for name in columns
        if name != "date"
    ]
    rows = (",".join(row) for row in zip(map(str, columns["date"]), *numbers, strict=True))
    return "\r\n".join([",".join(columns), *rows, ""]).encode()
