"""What an index holds after a session, the largest first."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np

from tradeapi.errors import NotFound
from tradeapi.indices.documents import iso
from tradeapi.indices.holdings.names import Names
from tradeapi.indices.packing import Held
from tradeapi.indices.published import Series
from tradeapi.market.calendars.days import day_of


def session_at(series: Series, asked: date | None) -> int:
    """The last session up to the day that is asked for; raises NotFound before the first."""
    if asked is None:
        return int(series.days[-1])
    place = int(series.days.searchsorted(day_of(asked), side="right"))
    if not place:
        first = iso(int(series.days[0]))
        detail = f"{series.code} has no session up to {asked}; its first is {first}."
        raise NotFound(detail, code="no_session")
    return int(series.days[place - 1])


def composition(series: Series, held: Held, names: Names, asked: date | None) -> Mapping[str, Any]:
    """As it is answered, with arrays for orjson."""
    order = np.lexsort((names.places(held.ids), -held.caps))
    known = [names.known[place] for place in names.find(held.ids[order]).tolist()]
    columns = (
        held.weights,
        held.outstanding,
        held.shares,
        held.price,
        held.caps,
        held.age,
    )
    rows = zip(known, *(column[order].tolist() for column in columns), strict=True)
    return {
        "code": series.code,
        "revision": series.revision,
        "date": iso(held.day),
        "asked": None if asked is None else asked.isoformat(),
        "level": held.level,
        "divisor": held.divisor,
        "currency": series.currency,
        "is_rebalanced": held.before is not None or held.day == int(series.days[0]),
        "count": len(known),
        "items": [
            {
                "rank": rank,
                "symbol": name.symbol,
                "name": name.name,
                "sector": name.sector,
                "weight": weight,
                "shares": shares,
                "index_shares": index_shares,
                "price": price,
                "currency": series.currency,
                "market_cap": cap,
                "stale": age,
            }
            for rank, (name, weight, shares, index_shares, price, cap, age) in enumerate(rows, 1)
        ],
    }
