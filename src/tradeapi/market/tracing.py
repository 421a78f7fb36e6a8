"""A bar as trades that build it again, bit for bit."""

import math
from collections.abc import Sequence
from random import Random

from tradeapi.market.store.tick_bars import Tick

# Sizes are multiples of some 2^-20 of the bar's volume, not of its last bit: short numbers.
_SIZE_BITS = 20
# A volume in whole lots is split into whole lots where each trade gets about 16 of them.
_LOTS_BITS = 4
# How far a trade strays from the straight way, as a share of the bar's range.
_STRAY = 0.12


def trace(bar: Sequence[float], times: Sequence[float], random: Random) -> list[Tick]:
    """Trades at `times` whose bar is `bar`: open, high, low, close, volume.

    They lead from the open by way of the extremes to the close, the far extreme first. There are
    at least four times, ascending.
    """
    open, high, low, close, volume = bar
    prices = _path(open, high, low, close, len(times), random)
    sizes = split(volume, len(times), random)
    return list(map(Tick, times, prices, sizes))


def split(volume: float, count: int, random: Random) -> list[float]:
    """Parts whose sum from left to right is exactly the volume."""
    # Whatever is a multiple of the volume's last bit and no greater than it is a float, and so is
    # each sum on the way: no addition rounds.
    unit = math.ulp(volume)
    units = int(volume / unit)
    bits = units.bit_length()
    lot = (units & -units).bit_length() - 1
    grid = 1 << max(bits - _SIZE_BITS, min(lot, bits - count.bit_length() - _LOTS_BITS), 0)
    weights = [random.uniform(0.3, 1.7) for _ in range(count)]
    whole = sum(weights)
    parts = [int(units * weight / whole) // grid * grid for weight in weights[:-1]]
    return [part * unit for part in (*parts, units - sum(parts))]


def _path(  # noqa: PLR0913, PLR0917  a bar's four prices belong together
    open: float, high: float, low: float, close: float, count: int, random: Random
) -> list[float]:
    first, second = (low, high) if close >= open else (high, low)
    last = count - 1
    one = random.randint(1, last - 2)
    two = random.randint(one + 1, last - 1)
    prices: list[float] = []
    decimals = max(map(_decimals, (open, high, low, close)))
    stray = (high - low) * _STRAY
    for begin, end, start, goal in (
        (0, one, open, first),
        (one, two, first, second),
        (two, last, second, close),
    ):
        prices.append(start)
        for place in range(begin + 1, end):
            way = start + (goal - start) * (place - begin) / (end - begin)
            price = round(way + random.uniform(-stray, stray), decimals)
            prices.append(min(max(price, low), high))
    return [*prices, close]


def _decimals(price: float) -> int:
    return len(repr(price).partition(".")[2]) if "e" not in repr(price) else 17
