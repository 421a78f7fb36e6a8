"""Years of symbols, of which all but the newest day is kept."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import anyio

from tradeapi.database import Database
from tradeapi.market.bars.adjusted import Ex
from tradeapi.market.quotes.reading import Stretch, read_days, read_newest, read_splits
from tradeapi.market.quotes.years import Newest, Past, Terms, Year, past_of, terms_of, year_of
from tradeapi.market.symbols.directory import Listing
from tradeapi.metrics import CACHE_ENTRIES, CACHE_HITS, CACHE_MISSES

MOST_KEPT = 10_000

_hits = CACHE_HITS.labels("years")
_misses = CACHE_MISSES.labels("years")
_entries = CACHE_ENTRIES.labels("years")


class _Wanted(NamedTuple):
    listing: Listing
    newest: Newest
    terms: Terms


class KeptYears:
    """Those asked for last stay, up to `most`. Of many who ask at the same time one reads.

    Nobody says when one is out of date: what is kept is compared with the revision and the newest
    day, which are read each time, together with the quotes.
    """

    def __init__(self, database: Database, *, most: int = MOST_KEPT) -> None:
        self._database = database
        self._most = most
        self._kept: dict[int, Past] = {}
        self._turn = anyio.Lock()

    async def read(self, listings: Sequence[Listing], now: float) -> Mapping[int, Year]:
        """By the id of the symbol, without those that have just gone; in one statement, or a few
        more if some are not kept.
        """
        async with self._database.read() as raw:
            newest = await read_newest(raw, [listing.id for listing in listings])
        wanted = {
            listing.id: _Wanted(
                listing, newest[listing.id], terms_of(newest[listing.id], listing, now)
            )
            for listing in listings
            if listing.id in newest
        }
        pasts = self._find(wanted, now)
        _hits.inc(len(pasts))
        if len(pasts) < len(wanted):
            # Who has waited finds what was read meanwhile.
            async with self._turn:
                pasts |= self._find(_without(wanted, pasts), now)
                pasts |= await self._read(_without(wanted, pasts), now)
        return {id: year_of(newest[id], past) for id, past in pasts.items()}

    def _find(self, wanted: Mapping[int, _Wanted], now: float) -> dict[int, Past]:
        found = {}
        for id, one in wanted.items():
            past = self._kept.get(id)
            if past is not None and past.is_of(one.terms, one.listing.calendar, now):
                # Back in at the end: what is asked for least is at the front.
                found[id] = self._kept[id] = self._kept.pop(id)
        return found

    async def _read(self, wanted: Mapping[int, _Wanted], now: float) -> Mapping[int, Past]:
        if not wanted:
            return {}
        _misses.inc(len(wanted))
        since = min(one.terms.since for one in wanted.values())
        async with self._database.read() as raw:
            # Before the bars: at the revision that comes with those they have not changed since.
            splits = await read_splits(raw, [one.listing for one in wanted.values()])
            days = await read_days(raw, [*wanted], since)
        pasts = {}
        for id, stretch in days.items():
            pasts[id] = self._take(wanted[id], stretch, splits.get(id, ()), now)
        return pasts

    def _take(self, wanted: _Wanted, stretch: Stretch, splits: Sequence[Ex], now: float) -> Past:
        listing, newest, terms = wanted
        table = stretch.table()
        if not newest.is_apart or stretch.state != (terms.revision, terms.day):
            # It has moved on meanwhile, or has no newest day apart: the whole, for this once.
            return past_of(table, splits, terms._replace(day=None), listing.calendar, now)
        past = past_of(table, splits, terms, listing.calendar, now)
        self._kept.pop(listing.id, None)
        self._kept[listing.id] = past
        if len(self._kept) > self._most:
            del self._kept[next(iter(self._kept))]
        _entries.set(len(self._kept))
        return past


def _without(wanted: Mapping[int, _Wanted], found: Mapping[int, Past]) -> Mapping[int, _Wanted]:
    return {id: one for id, one in wanted.items() if id not in found}
