"""Answers about what is published of indices, kept as long as all that they are made of holds."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import orjson
from fastapi import Request, Response

from tradeapi.indices.dependencies import published_of
from tradeapi.indices.published import Series
from tradeapi.market.bars.answers import REVALIDATED, VARY
from tradeapi.web.cache import keep

NOT_MODIFIED: dict[int | str, dict[str, Any]] = {
    304: {"description": "What the caller has (If-None-Match) is still right."}
}


class Source(NamedTuple):
    """What an answer is made of: `state` names it, and it is good as long as it is that."""

    state: str
    is_good: Callable[[], bool]


def source_of(request: Request, series: Series) -> Source:
    return Source(series.state, published_of(request).holds(series))


def answer(request: Request, body: bytes, *sources: Source) -> Response:
    """Of JSON."""
    keep(
        request.scope,
        lambda: all(source.is_good() for source in sources),
        state="-".join(source.state for source in sources),
    )
    whose = "public" if request.state.settings.public_read else "private"
    headers = {"cache-control": f"{whose}, {REVALIDATED}", "vary": VARY}
    return Response(body, headers=headers, media_type="application/json")


def json(told: Mapping[str, Any]) -> bytes:
    # NaN is written as null.
    return orjson.dumps(told, option=orjson.OPT_SERIALIZE_NUMPY)
