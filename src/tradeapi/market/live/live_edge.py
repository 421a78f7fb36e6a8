"""The newest bar of a series as a stream has announced it, and what to announce of a change."""

from collections.abc import Iterator
from typing import Literal, NamedTuple

from tradeapi.market.events import BarChange

# Time, open, high, low, close, volume.
Row = tuple[int, float, float, float, float, float]


class Announcement(NamedTuple):
    """`bar` replaces the newest bar or follows it, `revise` changes an older or a closed one."""

    type: Literal["bar", "revise"]
    bar: Row
    final: bool


class LiveEdge:
    """Each bar is announced as final once, when a newer one, a writer or the clock closes it.

    What changes a bar after that is a revision.
    """

    def __init__(self, newest: Row | None, *, is_closed: bool) -> None:
        self.newest = newest
        self.is_closed = is_closed

    @property
    def time(self) -> int | None:
        """The time of the newest bar."""
        return None if self.newest is None else self.newest[0]

    def apply(self, change: BarChange) -> Iterator[Announcement]:
        bar = change[1:]
        if self.newest is None or change.time > self.newest[0]:
            yield from self.close()
            self.newest, self.is_closed = bar, change.kind != "bar"
            yield Announcement("bar", bar, self.is_closed)
        elif change.time < self.newest[0]:
            yield Announcement("revise", bar, final=True)
        else:
            yield from self._replace(bar, closes=change.kind != "bar")

    def close(self) -> Iterator[Announcement]:
        """The last word on the newest bar, unless it has been said."""
        if self.newest is not None and not self.is_closed:
            self.is_closed = True
            yield Announcement("bar", self.newest, final=True)

    def _replace(self, bar: Row, *, closes: bool) -> Iterator[Announcement]:
        is_same = bar == self.newest
        self.newest = bar
        if self.is_closed:
            if not is_same:
                yield Announcement("revise", bar, final=True)
        elif closes:
            yield from self.close()
        elif not is_same:
            yield Announcement("bar", bar, final=False)
