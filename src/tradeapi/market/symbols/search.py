"""The search among all symbols, in memory: exact, then prefixes, then one typo."""

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import date
from enum import IntEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from rapidfuzz import process
from rapidfuzz.distance import OSA

from tradeapi.analytics.bars import BoolArray

LONGEST_QUERY = 64
MOST_WORDS = 12
# With fewer letters everything is one typo away from something.
SHORTEST_FUZZY = 3
SPELLINGS_AT_ONCE = 20_000

_words = re.compile(r"\w+").finditer


class Rank(IntEnum):
    """How well an entry fits, best first."""

    EXACT = 0
    SYMBOL_PREFIX = 1
    NAME_PREFIX = 2
    WORD_PREFIX = 3
    TYPO = 4


NOT_AT_ALL = len(Rank)
Ranks = npt.NDArray[np.int8]


class Entry(NamedTuple):
    """A symbol as the search lists it."""

    symbol: str
    exchange: str
    ticker: str
    name: str
    type: str
    currency: str
    sector: str | None
    tick_size: float | None
    basis: str
    extended_hours: bool
    calendar: str | None
    listed_from: date | None
    listed_to: date | None
    version: int


class Position(NamedTuple):
    """Where an entry stands in a ranked list; a list goes on after one of these."""

    rank: int
    symbol: str


class Index:
    """A snapshot of all symbols, sorted and never changed.

    Its keys are each symbol, its ticker, and its name from every word on; those that begin with a
    query are neighbours, so that a prefix costs what it finds and not what there is.
    """

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.entries = sorted(entries)
        self._symbols = [entry.symbol for entry in self.entries]
        self._types = np.array([entry.type for entry in self.entries], np.str_)
        self._exchanges = np.array([entry.exchange for entry in self.entries], np.str_)
        keys: list[tuple[str, int, int]] = []
        spellings: dict[str, list[int]] = {}
        for place, entry in enumerate(self.entries):
            symbol, ticker, name = fold(entry.symbol), fold(entry.ticker), fold(entry.name)
            words = [(word.start(), word[0]) for word in _words(name)][:MOST_WORDS]
            keys += (symbol, Rank.SYMBOL_PREFIX, place), (ticker, Rank.SYMBOL_PREFIX, place)
            keys.append((name[:LONGEST_QUERY], Rank.NAME_PREFIX, place))
            keys += (
                (name[start : start + LONGEST_QUERY], Rank.WORD_PREFIX, place)
                for start, _ in words
                if start
            )
            for spelling in {symbol, ticker, name, *(word for _, word in words)}:
                if len(spelling) >= SHORTEST_FUZZY:
                    spellings.setdefault(spelling, []).append(place)
        keys.sort()
        self._keys = [key for key, _, _ in keys]
        self._ranks = np.array([rank for _, rank, _ in keys], np.int8)
        self._places = np.array([place for _, _, place in keys], np.intp)
        self._spellings, self._spelled = spellings, list(spellings)

    def find(
        self,
        query: str,
        *,
        limit: int,
        type: str | None = None,
        exchange: str | None = None,
        after: Position | None = None,
    ) -> list[tuple[Position, Entry]]:
        """What fits the query, the best first; without a query all there is."""
        text = fold(query)[:LONGEST_QUERY]
        ranks = self._prefixes(text) if text else np.zeros(len(self.entries), np.int8)
        wanted = np.ones(len(ranks), np.bool_)
        if type is not None:
            wanted &= self._types == type
        if exchange is not None:
            wanted &= self._exchanges == exchange
        # What has a typo comes last, so a page that is full needs no look for it.
        sure = wanted & (ranks < Rank.TYPO) & self._behind(after, ranks)
        if len(text) >= SHORTEST_FUZZY and np.count_nonzero(sure) < limit:
            near = self._near(text)
            ranks[near] = np.minimum(ranks[near], Rank.TYPO)
        places = np.flatnonzero(wanted & (ranks < NOT_AT_ALL) & self._behind(after, ranks))
        best = places[np.argsort(ranks[places], kind="stable")[:limit]].tolist()
        found = [(int(ranks[place]), self.entries[place]) for place in best]
        return [(Position(rank, entry.symbol), entry) for rank, entry in found]

    def _behind(self, after: Position | None, ranks: Ranks) -> BoolArray:
        """Which entries come behind this position."""
        if after is None:
            return np.ones(len(ranks), np.bool_)
        passed = bisect_right(self._symbols, after.symbol)
        return np.concatenate([ranks[:passed] > after.rank, ranks[passed:] >= after.rank])

    def _near(self, text: str) -> list[int]:
        """The places of what is spelled like the text but for one typo."""
        places: list[int] = []
        # In portions, because each holds the interpreter's lock.
        for begin in range(0, len(self._spelled), SPELLINGS_AT_ONCE):
            portion = self._spelled[begin : begin + SPELLINGS_AT_ONCE]
            near = process.extract(text, portion, scorer=OSA.distance, score_cutoff=1, limit=None)
            places += (place for spelling, _, _ in near for place in self._spellings[spelling])
        return places

    def _prefixes(self, text: str) -> Ranks:
        """The rank of each entry by the keys that begin with the text."""
        ranks = np.full(len(self.entries), NOT_AT_ALL, np.int8)
        begin = bisect_left(self._keys, text)
        same = bisect_right(self._keys, text, begin)
        end = bisect_right(self._keys, text + chr(0x10FFFF), same)
        np.minimum.at(ranks, self._places[begin:end], self._ranks[begin:end])
        exact = self._places[begin:same][self._ranks[begin:same] == Rank.SYMBOL_PREFIX]
        ranks[exact] = Rank.EXACT
        return ranks


def fold(text: str) -> str:
    """Without case and accents, with single spaces: what is compared."""
    if not text.isascii():
        text = "".join(
            letter
            for letter in unicodedata.normalize("NFKD", text)
            if not unicodedata.combining(letter)
        )
    return " ".join(text.casefold().split())
