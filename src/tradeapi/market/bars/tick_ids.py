"""The ids of ticks, kept for a day, so that one that is sent again does not count again."""

from collections.abc import Sequence

import orjson

from tradeapi.clock import Clock
from tradeapi.drivers import Raw

LONGEST_ID = 64
KEPT_SECONDS = 86400
# Once so many ids have come, twice as many old ones go, if there are.
PRUNED_AFTER = 1000

# A symbol's id and a tick's.
Key = tuple[int, str]


class TickIds:
    """To be used under the lock of the symbols' heads, in the transaction that writes the bars."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._claimed = 0

    async def claim(self, raw: Raw, keys: Sequence[Key]) -> set[Key]:
        """Remember these; which of them are new."""
        if not keys:
            return set()
        now = int(self._clock.now())
        if raw.dialect == "postgresql":
            symbols, ids = zip(*keys, strict=True)
            rows = await raw.fetch(_CLAIM_ON_POSTGRESQL, now, list(symbols), list(ids))
        else:
            rows = await raw.fetch(_CLAIM_ON_SQLITE, now, orjson.dumps(keys).decode())
        await self.prune(raw, len(keys))
        return {(row[0], row[1]) for row in rows}

    async def prune(self, raw: Raw, claimed: int) -> None:
        """So many more are claimed: as they come, old ones go."""
        self._claimed += claimed
        if self._claimed >= PRUNED_AFTER:
            old = int(self._clock.now()) - KEPT_SECONDS
            await raw.execute(_PRUNE[raw.dialect], old, 2 * self._claimed)
            self._claimed = 0

    async def release(self, raw: Raw, keys: Sequence[Key]) -> None:
        """Forget these: their ticks were not taken."""
        if keys:
            await raw.executemany("DELETE FROM tick_ids WHERE symbol_id = $1 AND id = $2", keys)


_CLAIM_ON_POSTGRESQL = """
INSERT INTO tick_ids (symbol_id, id, seen)
SELECT claimed.symbol_id, claimed.id, $1
FROM unnest($2::bigint[], $3::text[]) AS claimed (symbol_id, id)
ON CONFLICT DO NOTHING RETURNING symbol_id, id
"""
_CLAIM_ON_SQLITE = """
INSERT INTO tick_ids (symbol_id, id, seen)
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), $1 FROM json_each($2) WHERE true
ON CONFLICT DO NOTHING RETURNING symbol_id, id
"""
_OLD = """
DELETE FROM tick_ids WHERE (symbol_id, id) IN (
  SELECT symbol_id, id FROM tick_ids WHERE seen < $1 LIMIT $2 {}
)
"""
# Two who prune at the same time must not wait for each other.
_PRUNE = {"postgresql": _OLD.format("FOR UPDATE SKIP LOCKED"), "sqlite": _OLD.format("")}
