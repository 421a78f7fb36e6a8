"""Who came into an index and who left it, of many sessions at once."""

from typing import NamedTuple

import numpy as np

from tradeapi.analytics.bars import Float64Array, Int64Array

# Ids are of 32 bits, so that a session and an id are one number.
_SESSION = 1 << 32


class Moves(NamedTuple):
    """Places among the sessions, ascending, and the ids that came in or left at their closes."""

    entered_at: Int64Array
    entered: Int64Array
    exited_at: Int64Array
    exited: Int64Array


def moves(ids: Int64Array, counts: Int64Array) -> Moves:
    """`ids` are those of all sessions one after the other, `counts` how many each has.

    With the first session the others are compared; at its own close nobody moved.
    """
    places = np.repeat(np.arange(len(counts)), counts)
    held = places * _SESSION + ids
    # What the next session holds if nobody moves.
    kept = held[: len(held) - int(counts[-1])] + _SESSION if len(counts) else held
    later = held[int(counts[0]) :] if len(counts) else held
    entered = later[~np.isin(later, kept, assume_unique=True)]
    exited = kept[~np.isin(kept, later, assume_unique=True)]
    return Moves(entered // _SESSION, entered % _SESSION, exited // _SESSION, exited % _SESSION)


def ranks(sizes: Float64Array, names: Int64Array) -> Int64Array:
    """The rank of each by its size, the largest is 1; of equal ones, and where it is unknown (NaN),
    by `names`, the places of their names in order."""
    ranked = np.empty(len(sizes), np.int64)
    ranked[np.lexsort((names, -sizes))] = np.arange(1, len(sizes) + 1)
    return ranked
