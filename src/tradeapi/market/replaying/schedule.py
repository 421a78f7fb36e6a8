"""When each trade of a replay is due on the wall clock."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from random import Random

from tradeapi.analytics.bars import Bars
from tradeapi.market.resolutions import Resolution
from tradeapi.market.store.tick_bars import Tick
from tradeapi.market.tracing import trace

# Trades that are due this close together are sent together.
SLOT_SECONDS = 0.05
LONGEST_WAIT_SECONDS = 1.0
MOST_TICKS = 2000
# A bar needs that many trades to show its open, high, low and close.
FEWEST_TICKS = 4
_MINUTE = Resolution.MINUTE.seconds


@dataclass(frozen=True, slots=True)
class Batch:
    """Trades to send together, `due` seconds after the replay began."""

    due: float
    ticks: Sequence[Tick]


def schedule(bars: Bars, speed: float) -> Iterator[Batch]:
    """1-minute bars as trades, `speed` times as fast as they happened.

    A time without bars, such as a night, is shortened to a second.
    """
    at = due = 0.0
    before: Tick | None = None
    batch: list[Tick] = []
    for time, *bar in zip(*(column.tolist() for column in bars.columns()), strict=True):
        for tick in _trades(time, bar, speed):
            if before is not None:
                at += min((tick.time - before.time) / speed, LONGEST_WAIT_SECONDS)
            before = tick
            if batch and (at - due >= SLOT_SECONDS or len(batch) == MOST_TICKS):
                yield Batch(due, batch)
                batch = []
            if not batch:
                due = at
            batch.append(tick)
    if batch:
        yield Batch(due, batch)


def _trades(time: int, bar: Sequence[float], speed: float) -> list[Tick]:
    count = max(FEWEST_TICKS, ceil(_MINUTE / speed / LONGEST_WAIT_SECONDS))
    times = [time + _MINUTE * place / count for place in range(count)]
    return trace(bar, times, Random(time))  # noqa: S311  a way through the bar is no secret
