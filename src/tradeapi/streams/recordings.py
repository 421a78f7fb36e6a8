"""What is kept of a topic's past, for whoever wants to see it once more."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Past:
    """A frame of long ago: what it tells took from `begin` to `end`, and then it was sent."""

    begin: float
    end: float
    type: str
    fields: Mapping[str, object]


class Recording(Protocol):
    """One stretch of a topic's past; it remembers how far it has been read."""

    async def read(self) -> Sequence[Past]:
        """Some of what comes next, nothing when that was all.

        Raises Unavailable to be asked again, another TradeError when it is over.
        """
        ...
