"""Bars as callers get them: one page of a symbol's history, adjusted, and how long it holds."""

from collections.abc import Awaitable, Callable
from copy import copy
from dataclasses import dataclass
from functools import partial
from math import inf
from typing import Self

from tradeapi.analytics.adjustments import Adjustment
from tradeapi.analytics.bars import Bars
from tradeapi.clock import Clock
from tradeapi.database import Database
from tradeapi.drivers import Raw
from tradeapi.errors import NotFound, Unavailable
from tradeapi.market.bars.adjusted import AdjustedBars, Moved, Restated
from tradeapi.market.bars.newest import Newest, State, Watched
from tradeapi.market.resolutions import Resolution
from tradeapi.market.store.finality import closes_at, final_until
from tradeapi.market.store.history import Page, Window, history
from tradeapi.market.symbols.directory import Directory, Listing
from tradeapi.metrics import REPLICA_READS
from tradeapi.replica import Replica

ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Answer:
    """`adjustment` is what the prices really are: as asked, or as stored if that is more.

    `final_until` is not beyond the end of the window that was asked for, so that the answers to a
    closed window are all the same. `is_immutable`: at this revision they are so for ever.
    `restated` says which corporate actions the prices are restated for. `state` is another when
    the answer to the same question is.
    """

    listing: Listing
    resolution: Resolution
    adjustment: Adjustment
    page: Page
    bars: Bars
    final_until: int
    is_immutable: bool
    restated: Restated
    state: str
    is_good: Callable[[], bool]


Found = tuple[Page, Restated]
Find = Callable[[AdjustedBars, Raw], Awaitable[Found]]

_by_replica, _by_primary = map(REPLICA_READS.labels, ("replica", "primary"))


class BarHistory:
    """The reading side of all bars."""

    def __init__(
        self,
        database: Database,
        directory: Directory,
        newest: Newest,
        clock: Clock,
        *,
        lateness: float,
    ) -> None:
        self._database = database
        self._directory = directory
        self._newest = newest
        self._clock = clock
        self._lateness = lateness
        self._adjusted = AdjustedBars()
        self.replica: Replica | None = None
        self._adjusted_there = AdjustedBars(by_version=True)

    def replicated(self, replica: Replica | None) -> Self:
        """The same, which a replica may answer: with nothing that the database would not."""
        same = copy(self)
        same.replica = replica
        return same

    async def read(
        self, symbol: str, resolution: Resolution, window: Window, adjustment: Adjustment
    ) -> Answer:
        """Raises NotFound (unknown_symbol) or Conflict (ambiguous_symbol)."""
        edits = self._directory.edits
        listing = await self._directory.get(symbol)
        for _ in range(ATTEMPTS):
            try:
                return await self._read(listing, edits, resolution, window, adjustment)
            except Moved:
                continue
        raise Unavailable(f"The history of {listing.symbol} is changing too fast to be adjusted.")

    async def _read(
        self,
        listing: Listing,
        edits: int,
        resolution: Resolution,
        window: Window,
        adjustment: Adjustment,
    ) -> Answer:
        watched = self._newest.watch(listing.id)
        now = self._clock.now()
        find = partial(self._find, listing, resolution, window, adjustment, now)
        page, restated = await self._found(find, listing, watched, window)
        watched.saw(page.version, page.revision, listing.version)
        is_closed = _is_closed(page, window)
        final, moves_at = self._finality(listing, resolution, page, now)
        state = State(
            revision=page.revision,
            listed=listing.version,
            edits=edits,
            version=None if is_closed else page.version,
            until=restated.until if is_closed else min(restated.until, moves_at),
        )
        known_final = min(window.end, final)
        return Answer(
            listing=listing,
            resolution=resolution,
            adjustment=max(adjustment, Adjustment(listing.basis), key=list(Adjustment).index),
            page=page,
            bars=restated.bars,
            final_until=known_final,
            is_immutable=is_closed and restated.until == inf,
            restated=restated,
            state=f"{state.name}.{known_final}",
            is_good=self._newest.holds(watched, state),
        )

    async def _found(self, find: Find, listing: Listing, watched: Watched, window: Window) -> Found:
        if self.replica is not None:
            found = await self._found_there(self.replica, find)
            if found is not None and await self._is_newest(*found, listing, watched, window):
                _by_replica.inc()
                return found
            _by_primary.inc()
        async with self._database.read() as raw:
            return await find(self._adjusted, raw)

    async def _found_there(self, replica: Replica, find: Find) -> Found | None:
        try:
            return await replica.read(partial(find, self._adjusted_there))
        except (NotFound, Moved):
            # It has yet to hear of the symbol, or hears of a change right now.
            return None

    async def _is_newest(
        self, page: Page, restated: Restated, listing: Listing, watched: Watched, window: Window
    ) -> bool:
        state = (page.version, page.revision)
        # An action rests on the close of the day before it, which is not of this page.
        is_closed = _is_closed(page, window) and not restated.has_actions
        return await self._newest.is_newest(listing.id, watched, *state, is_closed=is_closed)

    async def _find(  # noqa: PLR0913, PLR0917  they are the question
        self,
        listing: Listing,
        resolution: Resolution,
        window: Window,
        adjustment: Adjustment,
        now: float,
        adjusted: AdjustedBars,
        raw: Raw,
    ) -> Found:
        page = await history(raw, listing.id, resolution, window, fill=listing.calendar.fill)
        return page, await adjusted.restate(raw, listing, resolution, page, adjustment, now)

    def _finality(
        self, listing: Listing, resolution: Resolution, page: Page, now: float
    ) -> tuple[int, float]:
        """The time below which all bars are closed, and when the clock will move it."""
        if page.last is None:
            return 0, inf
        series = (listing.calendar, resolution, page.last)
        closes = closes_at(*series, updated=page.updated, lateness=self._lateness)
        final = final_until(*series, updated=page.updated, now=now, lateness=self._lateness)
        return final, closes if closes > now else inf


def _is_closed(page: Page, window: Window) -> bool:
    """A newer bar has closed all of these, and what comes after it changes nothing here."""
    return page.last is not None and window.end <= page.last
