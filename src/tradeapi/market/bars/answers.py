"""Answers as bytes: columns straight from the arrays, rows, and what caches may do with them."""

from typing import Any

import orjson
from anyio import to_thread
from fastapi import Response

from tradeapi.analytics.adjustments import Adjustment
from tradeapi.analytics.bars import COLUMNS
from tradeapi.market.bars.bar_history import Answer
from tradeapi.market.bars.query import BarsQuery, Format
from tradeapi.market.bars.wider import shown

REVALIDATED = "no-cache"
IMMUTABLE = "max-age=31536000, immutable"
VARY = "Authorization, X-API-Key, Accept, Accept-Encoding"
# The most that are written while everybody waits: 50,000 take 50 ms.
MANY_ROWS = 5000


async def bars_response(
    answer: Answer, query: BarsQuery, revision: int | None, *, is_public: bool
) -> Response:
    """`revision` is the one that the caller's URL names; what is public others may keep, too."""
    is_lasting = answer.is_immutable and revision == answer.page.revision
    whose = "public" if is_public else "private"
    lasting = IMMUTABLE if is_lasting else REVALIDATED
    headers = {"cache-control": f"{whose}, {lasting}", "vary": VARY}
    is_more_work = query.format is Format.ROWS or query.max_points is not None
    if is_more_work and len(answer.bars) > MANY_ROWS:
        body = await to_thread.run_sync(_body, answer, query)
    else:
        body = _body(answer, query)
    return Response(body, headers=headers, media_type="application/json")


def _body(answer: Answer, query: BarsQuery) -> bytes:
    page, seen = answer.page, shown(answer, query.max_points)
    body: dict[str, Any] = {
        "symbol": answer.listing.symbol,
        "resolution": seen.resolution,
        "adjustment": answer.adjustment,
    }
    if answer.listing.basis != Adjustment.RAW:
        body["basis"] = answer.listing.basis
    if query.range is not None:
        body["start"] = query.start
    if seen.thinned_from is not None:
        body["thinned_from"] = seen.thinned_from
    columns = dict(zip(COLUMNS, seen.bars.columns(), strict=True))
    if query.format is Format.ROWS:
        values = zip(*(column.tolist() for column in columns.values()), strict=True)
        body["items"] = [dict(zip(COLUMNS, row, strict=True)) for row in values]
    else:
        body |= columns
    body |= {
        "has_more_before": page.has_more_before,
        "has_more_after": page.has_more_after,
        "final_until": seen.final_until,
        "previous_time": page.previous_time,
        "revision": page.revision,
    }
    return orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY)
