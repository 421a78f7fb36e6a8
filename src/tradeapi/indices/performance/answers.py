"""How an index has done, as it is told."""

from collections.abc import Mapping
from math import isnan
from typing import Any

from tradeapi.analytics.indices.sample import Terms
from tradeapi.indices.performance.benchmarks import Benchmark
from tradeapi.indices.performance.shown import Shown
from tradeapi.indices.published import Series
from tradeapi.indices.spans import dates


def about(series: Series, shown: Shown) -> Mapping[str, Any]:
    """What all that is told of some sessions begins with."""
    first, last = dates(shown.days[[0, -1]])
    return {
        "code": series.code,
        "revision": series.revision,
        "currency": series.currency,
        "return_type": series.return_type,
        "start": first,
        "end": last,
    }


def performance(
    series: Series, shown: Shown, benchmark: Benchmark | None, terms: Terms
) -> Mapping[str, Any]:
    conventions = {
        "periods_per_year": terms.periods_per_year,
        "ddof": 1,
        "returns": "simple",
        "units": "fractions",
        "risk_free": terms.risk_free,
        "minimum": terms.minimum,
        "compounding": terms.compounding,
        "confidence": terms.confidence,
    }
    return {
        **about(series, shown),
        **shown.columns(),
        **shown.summary(terms),
        "conventions": conventions,
        "benchmark": None if benchmark is None else shown.against(benchmark, terms),
    }


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
