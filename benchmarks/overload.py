"""More than can be served: how much of it is served all the same, and whether health answers."""

import asyncio
from collections.abc import Iterator
from itertools import count

import uvloop

from benchmarks.figures import Figure
from benchmarks.load import fire
from benchmarks.market import MINUTES, fill
from benchmarks.offering import Offered, offer, percentile
from benchmarks.processes import MEASURING, in_development, on, serving, tradeapi
from benchmarks.workbench import Workbench

SECONDS = 4
BARS = 500
FACTORS = (0.5, 1, 2, 5)
# Of what it serves when nobody asks for more than that.
LEAST = 0.8
_numbers = count(3_000_000_000)


def overload(bench: Workbench) -> Iterator[Figure]:
    """The database is SQLite: what the server does for a request is then all on its core."""
    url = bench.sqlite("overload")
    asyncio.run(fill(url, MINUTES))
    bars = f"/api/v1/bars/{MINUTES.symbol}?resolution=1m&limit={BARS}&end="
    symbol = f"/api/v1/symbols/{MINUTES.symbol}?n="
    # Of what costs little, to say no costs a fair share.
    for what, path, least in (("history, 500 bars", bars, LEAST), ("a symbol", symbol, None)):
        with serving(tradeapi("serve"), in_development(url)) as served:
            before = fire(served.url + path, seconds=SECONDS, counting=True).rate
            offered = [_offer(served.url, path, before * factor) for factor in FACTORS]
            after = fire(served.url + path, seconds=SECONDS, counting=True).rate
        most = offered[-1]
        yield Figure(
            what=f"{what}: served when five times as much is asked",
            unit="answers/s",
            floor=(before + after) / 2,
            ours=most.goodput,
            at_least=least,
            how=", ".join(map(_told, FACTORS, offered)),
        )
        yield Figure(
            what=f"{what}: /health meanwhile, 99 %",
            unit="ms",
            ours=1000 * percentile(most.health, 0.99),
            how=f"50 %: {1000 * percentile(most.health, 0.5):.0f}",
        )


def _offer(url: str, path: str, rate: float) -> Offered:
    paths = (f"{path}{number}" for number in _numbers)
    with on(MEASURING):
        return uvloop.run(offer(url, paths, rate, SECONDS))


def _told(factor: float, offered: Offered) -> str:
    late = 1000 * percentile(offered.took, 0.99)
    return f"{factor:g}x: {offered.goodput:,.0f}/s, {offered.refused:,} refused, 99 % {late:.0f} ms"
