"""More than can be served: how much of it is served all the same, and whether health answers."""

import asyncio
from collections.abc import Iterator
from itertools import count

import uvloop

from benchmarks.figures import Figure
from benchmarks.load import fire
from benchmarks.market import MINUTES, fill
from benchmarks.offering import Offered, offer, percentile
from benchmarks.processes import (
    MEASURING,
    Served,
    cpu_seconds,
    in_development,
    on,
    serving,
    tradeapi,
)
from benchmarks.workbench import Workbench

SECONDS = 4
BARS = 500
FACTORS = (0.5, 1, 2, 5)
# Of what it serves when nobody asks for more than that.
LEAST = 0.8
_numbers = count(3_000_000_000)


def overload(bench: Workbench) -> Iterator[Figure]:
    """What came in time, beside the most that did, however much was asked for."""
    url = bench.sqlite("overload")
    asyncio.run(fill(url, MINUTES))
    bars = f"/api/v1/bars/{MINUTES.symbol}?resolution=1m&limit={BARS}&end="
    symbol = f"/api/v1/symbols/{MINUTES.symbol}?n="
    # Of what costs little, to say no costs a fair share.
    for what, path, least in (("history, 500 bars", bars, LEAST), ("a symbol", symbol, None)):
        with serving(tradeapi("serve"), in_development(url)) as served:
            load = fire(served.url + path, seconds=SECONDS, counting=True)
            tried = [_offer(served, path, load.rate * factor) for factor in FACTORS]
        most, _ = tried[-1]
        yield Figure(
            what=f"{what}: served when five times as much is asked",
            unit="in time/s",
            floor=max(offered.goodput for offered, _ in tried),
            ours=most.goodput,
            at_least=least,
            how=", ".join(map(_told, FACTORS, tried)),
        )
        yield Figure(
            what=f"{what}: /health meanwhile, 99 %",
            unit="ms",
            ours=1000 * percentile(most.health, 0.99),
            how=f"50 %: {1000 * percentile(most.health, 0.5):.0f}",
        )


def _offer(served: Served, path: str, rate: float) -> tuple[Offered, float]:
    """What became of it, and how many answers a CPU second made."""
    paths, begun = (f"{path}{number}" for number in _numbers), cpu_seconds(served.pid)
    with on(MEASURING):
        offered = uvloop.run(offer(served.url, paths, rate, SECONDS))
    return offered, offered.served / (cpu_seconds(served.pid) - begun)


def _told(factor: float, tried: tuple[Offered, float]) -> str:
    offered, by_cpu = tried
    late = 1000 * percentile(offered.took, 0.99)
    return (
        f"{factor:g}x: {offered.goodput:,.0f}/s in time, {by_cpu:,.0f} by CPU second, "
        f"{offered.refused:,} refused, 99 % {late:.0f} ms"
    )
