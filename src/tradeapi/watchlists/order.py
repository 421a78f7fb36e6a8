"""The order of what is kept with a position each."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

Key = TypeVar("Key")


def rearranged(
    placed: Sequence[tuple[Key, int]], moves: Iterable[tuple[Key, int]]
) -> Mapping[Key, int]:
    """The new positions of those that have another, after one move to a place after the other.

    `placed` is in order; a place is counted from 0, and one beyond the end is the end.

    >>> rearranged([("a", 1), ("b", 4), ("c", 5)], [("c", 0)])
    {'c': 1, 'a': 4, 'b': 5}
    """
    order = [key for key, _ in placed]
    for key, place in moves:
        order.remove(key)
        order.insert(place, key)
    before = dict(placed)
    positions = (position for _, position in placed)
    after = dict(zip(order, positions, strict=True))
    return {key: position for key, position in after.items() if position != before[key]}
