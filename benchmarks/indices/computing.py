"""`python -m benchmarks.indices.computing STOCKS`: seconds of numpy, of ours, and our megabytes."""

import os
import sys
import time

import numpy as np

from benchmarks.processes import Served, peak
from tradeapi.analytics.bars import Float64Array, Int64Array
from tradeapi.analytics.indices.engine import Engine
from tradeapi.analytics.indices.methodology import Methodology
from tradeapi.analytics.indices.panel import Panel

SESSIONS, DAY, COUNT, YEAR = 5031, 86400, 100, 252
HOW = "the peak of a process that has all closes (121 MB) in memory"


def main(stocks: int) -> None:
    generator = np.random.default_rng(7)
    close = generator.normal(0.0003, 0.02, (SESSIONS, stocks))
    np.cumsum(close, axis=0, out=close)
    np.exp(close, out=close)
    shares = np.exp(generator.normal(18, 1.5, stocks))
    days = np.arange(SESSIONS, dtype=np.int64) * DAY
    ours = min(_ours(days, close, shares) for _ in range(3))
    megabytes = peak(Served("", os.getpid()))
    floor = min(_floor(close, shares) for _ in range(3))
    print(floor, ours, megabytes)


def _ours(days: Int64Array, close: Float64Array, shares: Float64Array) -> float:
    stocks = close.shape[1]
    panel = Panel(
        days=days,
        following=SESSIONS * DAY,
        close=close,
        shares=shares,
        listed_from=np.zeros(stocks, np.int64),
        listed_to=np.full(stocks, 2**62),
    )
    begun = time.perf_counter()
    for _ in Engine(Methodology(count=COUNT), stocks).run(panel):
        pass
    return time.perf_counter() - begun


def _floor(close: Float64Array, shares: Float64Array) -> float:
    """The same in numpy, where nobody halts, splits, pays or is delisted: a year at a time the
    constituents in their order, levels, weights before each rebalance, and turnover."""
    begun = time.perf_counter()
    level = 1000.0
    for start in range(0, SESSIONS, YEAR):
        chunk = close[max(start - 1, 0) : start + YEAR]
        caps = chunk * shares
        rows = np.arange(len(caps))[:, None]
        chosen = np.argpartition(caps, -COUNT, axis=1)[:, -COUNT:]
        chosen = np.take_along_axis(chosen, np.argsort(-caps[rows, chosen], axis=1), axis=1)
        growth = chunk[1:][rows[:-1], chosen[:-1]] / chunk[:-1][rows[:-1], chosen[:-1]]
        levels = level * np.cumprod(growth.mean(axis=1))
        before = growth / growth.sum(axis=1, keepdims=True)
        change = np.zeros((len(caps) - 1, close.shape[1]))
        np.put_along_axis(change, chosen[:-1], before, axis=1)
        change[rows[:-1], chosen[1:]] -= 1 / COUNT
        turnover = np.abs(change).sum(axis=1) / 2
        level = float(levels[-1])
        assert len(turnover)
    return time.perf_counter() - begun


if __name__ == "__main__":
    main(int(sys.argv[1]))
