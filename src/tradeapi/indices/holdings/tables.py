"""What an index holds, and its levels, as tables of Arrow."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tradeapi.analytics.bars import Float64Array, Int64Array
from tradeapi.indices.holdings.names import Names
from tradeapi.indices.holdings.reading import Levels
from tradeapi.indices.packing import Held


def levels_table(levels: Levels) -> Any:  # noqa: ANN401  pyarrow ships no types
    return _table(
        date=_dates(levels.days),
        level=levels.levels,
        divisor=levels.divisors,
        turnover=levels.turnover,
        count=levels.counts.astype(np.int32),
    )


def composition_table(rows: Sequence[Sequence[Any]], names: Names, currency: str) -> Any:  # noqa: ANN401
    """The constituents of these sessions, of each the largest first."""
    held = [Held.of(row) for row in rows]
    orders = [np.lexsort((names.places(one.ids), -one.caps)) for one in held]
    days = np.array([one.day for one in held], np.int64)
    counts = np.array([len(order) for order in orders])

    def column(values: Sequence[Float64Array] | Sequence[Int64Array]) -> Any:  # noqa: ANN401
        return np.concatenate([one[order] for one, order in zip(values, orders, strict=True)])

    known = names.find(column([one.ids for one in held]))
    return _table(
        date=_dates(np.repeat(days, counts)),
        rank=np.concatenate([np.arange(1, count + 1, dtype=np.int32) for count in counts]),
        symbol=_texts([name.symbol for name in names.known], known),
        name=_texts([name.name for name in names.known], known),
        sector=_texts([name.sector for name in names.known], known),
        weight=column([one.weights for one in held]),
        shares=column([one.outstanding for one in held]),
        index_shares=column([one.shares for one in held]),
        price=column([one.price for one in held]),
        currency=_texts([currency], np.zeros(len(known), np.int64)),
        market_cap=column([one.caps for one in held]),
        stale=column([one.age for one in held]).astype(np.int32),
    )


def _dates(days: Int64Array) -> Any:  # noqa: ANN401
    return days.astype("datetime64[s]").astype("datetime64[D]")


def _texts(texts: Sequence[str | None], places: Int64Array) -> Any:  # noqa: ANN401
    import pyarrow as pa  # noqa: PLC0415  it takes 0.2 s, and only exports need it

    return pa.array(texts, pa.string()).take(pa.array(places))


def _table(**columns: Any) -> Any:  # noqa: ANN401
    """What is not known (NaN) is null."""
    import pyarrow as pa  # noqa: PLC0415  the same

    arrays = [
        values if isinstance(values, pa.Array) else pa.array(values, from_pandas=True)
        for values in columns.values()
    ]
    return pa.record_batch(arrays, names=[*columns])
