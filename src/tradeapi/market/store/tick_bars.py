"""1-minute bars from trades."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tradeapi.market.store.blocks import (
    CLOSE,
    FIRST_TICK,
    HIGH,
    LAST_TICK,
    LOW,
    NATIVE,
    OPEN,
    VOLUME,
    StoredBars,
)

# The label of an instant that belongs to no bar.
NONE = -1

TickStatus = Literal["accepted", "outside_session", "bar_is_native"]


@dataclass(frozen=True, slots=True)
class Tick:
    """A trade; `time` in epoch seconds, `size` in units of the symbol."""

    time: float
    price: float
    size: float


def build(
    ticks: Sequence[Tick], labels: Sequence[int], existing: Mapping[int, list[float]]
) -> tuple[StoredBars, list[TickStatus]]:
    """Fold ticks in order of arrival into the bars with these labels; NONE is outside of all.

    `existing` are the values of the bars that are there already. Open is the earliest trade by
    time (of equal ones the first to arrive), close the latest (of equal ones the last to arrive).
    """
    rows = dict(existing)
    built: set[int] = set()
    statuses: list[TickStatus] = []
    for tick, label in zip(ticks, labels, strict=True):
        row = rows.get(label)
        if label == NONE:
            statuses.append("outside_session")
        elif row is not None and row[NATIVE]:
            statuses.append("bar_is_native")
        else:
            rows[label] = _with_tick(row, tick)
            built.add(label)
            statuses.append("accepted")
    if not built:
        return StoredBars.empty(), statuses
    times = np.array(sorted(built), np.int64)
    values = np.array([rows[time] for time in times.tolist()], np.float64)
    return StoredBars(times, values.reshape(len(times), -1)), statuses


def _with_tick(row: list[float] | None, tick: Tick) -> list[float]:
    if row is None:
        return [tick.price] * (CLOSE + 1) + [tick.size, 0.0, tick.time, tick.time]
    # A bar that ticks built always knows its first and last trade.
    if tick.time < row[FIRST_TICK]:
        row[OPEN], row[FIRST_TICK] = tick.price, tick.time
    if tick.time >= row[LAST_TICK]:
        row[CLOSE], row[LAST_TICK] = tick.price, tick.time
    row[HIGH] = max(row[HIGH], tick.price)
    row[LOW] = min(row[LOW], tick.price)
    row[VOLUME] += tick.size
    return row
