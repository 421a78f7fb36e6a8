"""The levels that one number may reach, in order: a move touches those that it passes alone."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar


class Rung(Protocol):
    """A level that somebody waits for; `holds` is None until it has been seen."""

    level: float
    is_up: bool
    holds: bool | None

    def settle(self, value: float) -> bool:
        """Know of a value without how it came to be; whether that is news."""
        ...


AnyRung = TypeVar("AnyRung", bound=Rung)


class Ladder(Generic[AnyRung]):
    """`value` is the number as it was last, None until it is known."""

    def __init__(self) -> None:
        self.value: float | None = None
        self._up_levels: list[float] = []
        self._ups: list[AnyRung] = []
        self._down_levels: list[float] = []
        self._downs: list[AnyRung] = []

    def __len__(self) -> int:
        return len(self._ups) + len(self._downs)

    def __iter__(self) -> Iterator[AnyRung]:
        yield from self._ups
        yield from self._downs

    def add(self, rung: AnyRung) -> None:
        levels, rungs = self._side(rung)
        place = bisect_right(levels, rung.level)
        levels.insert(place, rung.level)
        rungs.insert(place, rung)

    def remove(self, rung: AnyRung) -> None:
        levels, rungs = self._side(rung)
        place = bisect_left(levels, rung.level)
        while rungs[place] is not rung:
            place += 1
        del levels[place], rungs[place]

    def move(self, high: float, low: float, close: float) -> list[tuple[AnyRung, bool]]:
        """The rungs that are passed on the way to `close`, and whether each was certainly reached.

        The way led over `high` and `low`, in whichever order: what was reached either way counts.
        For a single trade all three are one.
        """
        before, self.value = self.value, close
        if before is None:
            return [(rung, rung.settle(close)) for rung in self]
        top, bottom = max(before, high), min(before, low)
        if top == bottom:
            return []
        touched: list[tuple[AnyRung, bool]] = []
        levels, ups = self._up_levels, self._ups
        if ups and levels[-1] > bottom and levels[0] <= top:
            for rung in ups[bisect_right(levels, bottom) : bisect_right(levels, top)]:
                level = rung.level
                touched.append((rung, before < level <= high or low < level <= close))
                rung.holds = close >= level
        levels, downs = self._down_levels, self._downs
        if downs and levels[-1] >= bottom and levels[0] < top:
            for rung in downs[bisect_left(levels, bottom) : bisect_left(levels, top)]:
                level = rung.level
                touched.append((rung, low <= level < before or close <= level < high))
                rung.holds = close <= level
        return touched

    def _side(self, rung: AnyRung) -> tuple[list[float], list[AnyRung]]:
        if rung.is_up:
            return self._up_levels, self._ups
        return self._down_levels, self._downs
