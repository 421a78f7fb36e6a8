"""The JSON of chunks, kept for whoever asks for some of their points next."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import anyio
from anyio import to_thread

from tradeapi.charts.chunks import POINTS_PER_CHUNK
from tradeapi.charts.cuts import Cut
from tradeapi.charts.pages import Page
from tradeapi.charts.points import Points, decode
from tradeapi.charts.texts import Text, in_json, write
from tradeapi.metrics import CACHE_BYTES, CACHE_ENTRIES, CACHE_HITS, CACHE_MISSES

# What an entry takes beside its bytes.
OVERHEAD_BYTES = 512
# One chunk must not push out all the others.
LARGEST_SHARE = 8

_hits = CACHE_HITS.labels("points")
_misses = CACHE_MISSES.labels("points")
_entries = CACHE_ENTRIES.labels("points")
_held = CACHE_BYTES.labels("points")

# The series and where its chunk begins.
Place = tuple[Any, float]


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """A chunk and its text."""

    data: bytes
    columns: Sequence[str]
    text: Text

    @property
    def size(self) -> int:
        return len(self.data) + len(self.text.body) + self.text.starts.nbytes + OVERHEAD_BYTES


class KeptTexts:
    """Those asked for last stay, up to `bytes` in all. Of many who ask at the same time one writes.

    Nobody says when one is out of date: each is compared, byte by byte, with the chunk that has
    just been read, which takes a hundredth of the time of writing it anew.
    """

    def __init__(self, bytes: int) -> None:
        self._bytes = bytes
        self._used = 0
        self._kept: dict[Place, Kept] = {}
        self._turn = anyio.Lock()

    async def in_json(self, page: Page, points: Points) -> bytes:
        """As an array: those of the page, or others that are shown in their place."""
        if points is not page.points or not page.cuts:
            return await in_json(points, page.target.type.columns)
        texts = await self._texts(page)
        parts: list[bytes | memoryview] = [b"["]
        for cut in page.cuts:
            parts += texts[cut.start].between(cut.low, cut.high), b","
        parts[-1] = b"]"
        return b"".join(parts)

    async def _texts(self, page: Page) -> dict[float, Text]:
        """Of the page's chunks, by where they begin."""
        texts: dict[float, Text] = {}
        missing = self._gather(page, page.cuts, texts)
        if sum(cut.count for cut in missing) <= POINTS_PER_CHUNK:
            self._keep(page, missing, _write(missing, page.target.type.columns), texts)
            return texts
        # Who has waited finds what was written meanwhile; threads would not be faster together.
        async with self._turn:
            missing = self._gather(page, missing, texts)
            written = await to_thread.run_sync(_write, missing, page.target.type.columns)
            self._keep(page, missing, written, texts)
        return texts

    def _gather(self, page: Page, cuts: Sequence[Cut], texts: dict[float, Text]) -> Sequence[Cut]:
        """Puts what is kept into `texts`; those of the cuts that are not."""
        missing = []
        for cut in cuts:
            text = self._find((page.target.key, cut.start), page.target.type.columns, cut)
            if text is None:
                missing.append(cut)
            else:
                texts[cut.start] = text
        return missing

    def _keep(
        self, page: Page, cuts: Sequence[Cut], written: Sequence[Kept], texts: dict[float, Text]
    ) -> None:
        _misses.inc(len(cuts))
        for cut, kept in zip(cuts, written, strict=True):
            self._put((page.target.key, cut.start), kept)
            texts[cut.start] = kept.text

    def _find(self, place: Place, columns: Sequence[str], cut: Cut) -> Text | None:
        kept = self._kept.pop(place, None)
        if kept is not None and kept.data == cut.data and kept.columns == columns:
            # Back in at the end: what is asked for least is at the front.
            self._kept[place] = kept
            _hits.inc()
            return kept.text
        if kept is not None:
            self._used -= kept.size
            self._count()
        return None

    def _put(self, place: Place, kept: Kept) -> None:
        if kept.size > self._bytes // LARGEST_SHARE:
            return
        replaced = self._kept.pop(place, None)
        self._used += kept.size - (replaced.size if replaced else 0)
        self._kept[place] = kept
        while self._used > self._bytes:
            self._used -= self._kept.pop(next(iter(self._kept))).size
        self._count()

    def _count(self) -> None:
        _entries.set(len(self._kept))
        _held.set(self._used)


def _write(cuts: Sequence[Cut], columns: Sequence[str]) -> list[Kept]:
    chunks = ((cut.data, decode(cut.count, len(columns), cut.data)) for cut in cuts)
    return [Kept(data, columns, write(points, columns)) for data, points in chunks]
