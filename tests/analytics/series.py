"""Bars of every temper, as the inputs of indicators."""

from enum import StrEnum

import numpy as np
import numpy.typing as npt

DAY = 86400
MINUTE = 60

Columns = dict[str, npt.NDArray[np.float64]]


class Temper(StrEnum):
    RANDOM = "random"
    FLAT = "flat"
    RESTING = "resting"  # moves, then stands still, again and again
    TINY = "tiny"
    HUGE = "huge"
    OVERFLOWING = "overflowing"
    CALMING = "calming"  # moves a hundred times as much at first
    HOLED = "holed"  # inputs are missing
    WITHOUT_VOLUME = "without volume"


def bars(temper: Temper, count: int, seed: int) -> tuple[npt.NDArray[np.int64], Columns]:
    """Times with gaps, and columns of which each session is a day."""
    random = np.random.default_rng(seed)
    moves = random.normal(0, 0.002, count)
    if temper is Temper.FLAT:
        moves[:] = 0
    if temper is Temper.RESTING:
        moves *= random.random(count).cumsum() // 40 % 2
    if temper is Temper.CALMING:
        moves[: count // 2] *= 10
        moves[count // 2 :] /= 10
    scale = {Temper.TINY: 1e-9, Temper.HUGE: 1e13, Temper.OVERFLOWING: 2e307}.get(temper, 47.11)
    close = scale * np.exp(moves.cumsum())
    spread = np.abs(moves)
    volume = random.integers(0, 5, count) * random.random(count)
    if temper is Temper.WITHOUT_VOLUME:
        volume[:] = 0
    time = (random.integers(1, 4, count) + 600 * (random.random(count) < 0.02)).cumsum() * MINUTE
    columns = {
        "high": close * (1 + spread * random.random(count)),
        "low": close * (1 - spread * random.random(count)),
        "close": close,
        "volume": volume,
        "session": (time // DAY * DAY).astype(np.float64),
    }
    if temper is Temper.HOLED:
        for name in ("high", "low", "close", "volume"):
            columns[name][random.random(count) < 0.03] = random.choice([np.nan, np.inf])
    return time, columns


def since(columns: Columns, start: int) -> Columns:
    return {name: column[start:] for name, column in columns.items()}


def until(columns: Columns, end: int) -> Columns:
    return {name: column[:end] for name, column in columns.items()}
