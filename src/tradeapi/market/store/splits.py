"""The splits of the symbols that a transaction writes."""

import math
from collections.abc import Mapping, Sequence
from datetime import date

from tradeapi.drivers import Raw
from tradeapi.market.calendars.days import day_of

Ratios = Mapping[int, Sequence[tuple[int, float]]]


class Splits:
    """Read once for all of the symbols, and only if somebody asks."""

    def __init__(self, raw: Raw, symbol_ids: Sequence[int]) -> None:
        self._raw = raw
        self._symbol_ids = symbol_ids
        self._ratios: Ratios | None = None

    async def ratio(self, symbol_id: int, after: int, until: int) -> float:
        """How many shares of the day `until` one of the day `after` has become."""
        if self._ratios is None:
            self._ratios = await self._read()
        return math.prod(
            value for day, value in self._ratios.get(symbol_id, ()) if after < day <= until
        )

    async def _read(self) -> Ratios:
        chosen, ids = self._raw.one_of("$1", self._symbol_ids)
        rows = await self._raw.fetch(_SPLITS.format(chosen), ids)
        ratios: dict[int, list[tuple[int, float]]] = {}
        for symbol_id, day, value in rows:
            # SQLite hands out days as text.
            effective = day_of(day if isinstance(day, date) else date.fromisoformat(day))
            ratios.setdefault(symbol_id, []).append((effective, value))
        return ratios


_SPLITS = """
SELECT a.symbol_id, a.ex_date, a.value FROM corporate_actions a
JOIN symbols s ON s.id = a.symbol_id
WHERE a.kind = 'split' AND s.basis = 'raw' AND a.symbol_id {}
"""
