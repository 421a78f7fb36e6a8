"""Levels before and after the costs of a trade, which are paid of the level that they are part of.

Both are found by going on until the level stays.
"""

import numpy as np

from tradeapi.analytics.bars import Float64Array
from tradeapi.analytics.indices.basket import total

_PRECISION = 1e-15
_MOST_ROUNDS = 100


def after_costs(
    level: float, left: Float64Array, old: Float64Array, new: Float64Array, cost: float
) -> float:
    """The level V after costs: V = level - cost * (sum |new * V - old * level| + sum left * level).

    `old` are the weights before of those that are `new`, `left` those of who is sold altogether.
    """
    if not cost:
        return level
    sold = total(left) * level
    value = level
    for _ in range(_MOST_ROUNDS):
        paid = level - cost * (total(np.abs(new * value - old * level)) + sold)
        if abs(paid - value) <= _PRECISION * level:
            return paid
        value = paid
    return value


def before_costs(level: float, old: Float64Array, new: Float64Array, cost: float) -> float:
    """The level V of which `level` is left: V = level + cost * sum |new * level - old * V|.

    `old` and `new` are the weights before and after of all who were or are held.
    """
    if not cost or not level:
        return level
    value = level
    for _ in range(_MOST_ROUNDS):
        found = level + cost * total(np.abs(new * level - old * value))
        if abs(found - value) <= _PRECISION * value:
            return found
        value = found
    return value
