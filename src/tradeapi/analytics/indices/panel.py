"""What is known of many symbols over a run of sessions."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

import numpy as np

from tradeapi.analytics.bars import Float64Array, Int64Array

Kind = Literal["split", "dividend", "special", "shares"]
_ORDER = {"split": 0, "special": 1, "dividend": 2, "shares": 3}


class Event(NamedTuple):
    """What happens to the symbol of a column as a session opens.

    `value` is a split's new shares per old, a cash dividend per share, ordinary or special, in the
    index's currency, or the shares outstanding from now on.
    """

    column: int
    kind: Kind
    value: float


def ordered(events: Iterable[Event]) -> list[Event]:
    """Those of one morning in the order in which they happen: dividends are per share as it is
    after the split, and so are counts of shares."""
    return sorted(events, key=lambda event: (_ORDER[event.kind], event.column))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Panel:
    """Consecutive sessions, one row each, by symbols, one column each, ascending by name.

    `days` are the sessions' labels in epoch seconds (int64), `following` that of the session after
    the last of them. `close` (float64, sessions x symbols) is what the symbols closed at, in the
    index's currency and not adjusted, NaN where they did not trade. `shares` (float64, a value for
    each symbol) are those outstanding as the first session opens, NaN where nobody knows. Symbols
    are listed from `listed_from` up to, and without, `listed_to` (int64 labels). `events` are those
    before the session of a row, in the order in which they happen.
    """

    days: Int64Array
    following: int
    close: Float64Array
    shares: Float64Array
    listed_from: Int64Array
    listed_to: Int64Array
    events: Mapping[int, Sequence[Event]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.days)

    def part(self, start: int, stop: int) -> "Panel":
        """Some of its sessions; `shares` are of its own first one, and so of no other's."""
        following = self.days[stop] if stop < len(self) else self.following
        return replace(
            self,
            days=self.days[start:stop],
            following=int(following),
            close=self.close[start:stop],
            events={
                row - start: events for row, events in self.events.items() if start <= row < stop
            },
        )

    @property
    def ends(self) -> Int64Array:
        """Of each session the label of the next one."""
        return np.append(self.days[1:], self.following)
