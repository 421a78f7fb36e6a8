"""One symbol that is followed: its changes in order, each once, none left out.

The bus brings the news of a commit, but may bring it late, twice, in another order or not at all.
A watch therefore counts versions: the next one is applied, an older one dropped, and one that comes
too early waits for those before it.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import methodcaller
from typing import Protocol

import structlog

from tradeapi.market.events import Changed, Quote, decode, encode
from tradeapi.market.symbols.directory import Listing

RECENT = 256
# More news than this out of order is not waited for: reading again is cheaper.
MOST_WAITING = 256

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """A symbol at one version, without its bars; `epoch` names what counts the versions."""

    epoch: str
    version: int
    revision: int
    updated: float
    quote: Quote


class Follower(Protocol):
    """One topic that follows a symbol."""

    def apply(self, change: Changed) -> None:
        """Announce the change that follows what has been announced."""
        ...

    async def catch_up(self) -> None:
        """Read, and announce what has changed up to now."""
        ...

    def settle(self, state: State) -> None:
        """Everybody has caught up with this state."""
        ...

    def tick(self, now: float) -> None:
        """Announce what time alone has changed."""
        ...

    def reset(self) -> None:
        """Have everybody read anew."""
        ...


class Watch:
    """One symbol that is followed, as far as it has been announced in this process."""

    def __init__(self, listing: Listing) -> None:
        self.listing = listing
        self.state: State | None = None
        self.is_gone = False
        self.holders = 0
        self.turn = asyncio.Lock()
        self.followers: dict[Follower, None] = {}
        self.is_settling = False
        # Versions, and changes as they travel: the garbage collector would look at so many objects
        # that the process stood still for a quarter of a second.
        self._recent: deque[tuple[int, bytes]] = deque(maxlen=RECENT)
        self._recent_after = 0
        self._waiting: dict[int, Changed] = {}

    @property
    def version(self) -> int:
        return -1 if self.state is None else self.state.version

    @property
    def epoch(self) -> str:
        """Under which the versions of this symbol, and of no other, mean something."""
        return "" if self.state is None else f"{self.state.epoch}-{self.listing.id}"

    def hear(self, change: Changed) -> bool:
        """Apply the change once it is its turn; whether one before it is missing."""
        if change.version <= self.version:
            return False
        self._waiting[change.version] = change
        if len(self._waiting) > MOST_WAITING:
            del self._waiting[min(self._waiting)]
        self._apply_next()
        return bool(self._waiting)

    def settle(self, state: State) -> None:
        """Everything up to this state has been announced by reading."""
        if state.version > self.version:
            self.state = state
            self._recent.clear()
            self._recent_after = state.version
            self._tell(methodcaller("settle", state))
        self._waiting = {
            version: change for version, change in self._waiting.items() if version > self.version
        }
        self._apply_next()

    def since(self, version: int) -> list[Changed] | None:
        """The changes that followed a version; None when they are no longer all here."""
        if not self._recent_after <= version <= self.version:
            return None
        return [decode(change) for at, change in self._recent if at > version]

    def until(self, version: int) -> list[Changed]:
        """The changes that led to a version, as far back as they are here without a gap."""
        if not self._recent_after <= version <= self.version:
            return []
        return [decode(change) for at, change in self._recent if at <= version]

    def remember(self, changes: Sequence[Changed]) -> None:
        """Know of changes that came before it was followed; those that lead here are kept."""
        first = self._recent[0][0] if self._recent else self.version + 1
        for change in reversed(changes):
            if change.version == first - 1 and len(self._recent) < RECENT:
                self._recent.appendleft((change.version, encode(change)))
                first = change.version
                self._recent_after = first - 1

    def _apply_next(self) -> None:
        while self.state and (change := self._waiting.pop(self.version + 1, None)):
            self.state = State(
                epoch=self.state.epoch,
                version=change.version,
                revision=change.revision,
                updated=change.updated,
                quote=change.quote,
            )
            if len(self._recent) == RECENT:
                self._recent_after = self._recent[0][0]
            self._recent.append((change.version, encode(change)))
            self._tell(methodcaller("apply", change))

    def _tell(self, tell: Callable[[Follower], None]) -> None:
        for follower in tuple(self.followers):
            try:
                tell(follower)
            except Exception:  # one follower's fault must not keep the change from the others
                log.exception("watch.failed", symbol=self.listing.symbol)
