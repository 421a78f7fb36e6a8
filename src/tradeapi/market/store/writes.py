"""The statements of a writing transaction, gathered so that each is sent once for all symbols."""

from collections.abc import Sequence

from tradeapi.drivers import Raw

Rows = list[Sequence[object]]


class Writes:
    """Rows for each statement, in the order in which the statements have to run."""

    def __init__(self, raw: Raw) -> None:
        self._raw = raw
        self.unsealed_dropped: Rows = []
        self.rows_dropped: Rows = []
        self.rows: Rows = []
        self.blocks_dropped: Rows = []
        self.blocks: Rows = []
        self.series_dropped: Rows = []
        self.series: Rows = []
        self.heads: Rows = []

    @property
    def is_of_rows(self) -> bool:
        """Whether nothing is to be removed, and no block written."""
        return not (
            self.unsealed_dropped
            or self.rows_dropped
            or self.blocks_dropped
            or self.blocks
            or self.series_dropped
        )

    async def execute(self) -> None:
        for statement, rows in (
            (_DROP_UNSEALED, self.unsealed_dropped),
            (_DROP_ROW, self.rows_dropped),
            (_PUT_ROW, self.rows),
            (_DROP_BLOCK, self.blocks_dropped),
            (_PUT_BLOCK, self.blocks),
            (_DROP_SERIES, self.series_dropped),
            (_PUT_SERIES, self.series),
            (_PUT_HEAD, self.heads),
        ):
            if rows:
                await self._raw.executemany(statement, rows)
                rows.clear()


# What becomes of a row that is there already.
KEEP_ROW = """
ON CONFLICT (symbol_id, resolution, time) DO UPDATE SET open = excluded.open,
  high = excluded.high, low = excluded.low, close = excluded.close, volume = excluded.volume,
  native = excluded.native, first_tick = excluded.first_tick, last_tick = excluded.last_tick
"""
KEEP_SERIES = """
ON CONFLICT (symbol_id, resolution)
DO UPDATE SET first = excluded.first, last = excluded.last, sealed = excluded.sealed
"""
# From a row `new`.
_FACTS = (
    *("version", "revision", "updated", "last", "last_time", "day"),
    *("open", "high", "low", "volume", "previous_close"),
)
SET_HEAD = ", ".join(f"{name} = new.{name}" for name in _FACTS)

_DROP_UNSEALED = "DELETE FROM bar_rows WHERE symbol_id = $1 AND resolution = $2 AND time <= $3"
_DROP_ROW = "DELETE FROM bar_rows WHERE symbol_id = $1 AND resolution = $2 AND time = $3"
_PUT_ROW = f"""
INSERT INTO bar_rows (symbol_id, resolution, time, open, high, low, close, volume,
  native, first_tick, last_tick)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) {KEEP_ROW}
"""  # noqa: S608  columns, no data
_DROP_BLOCK = "DELETE FROM bar_blocks WHERE symbol_id = $1 AND resolution = $2 AND start = $3"
_PUT_BLOCK = """
INSERT INTO bar_blocks (symbol_id, resolution, start, count, last, data)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (symbol_id, resolution, start)
DO UPDATE SET count = excluded.count, last = excluded.last, data = excluded.data
"""
_DROP_SERIES = "DELETE FROM bar_series WHERE symbol_id = $1 AND resolution = $2"
_PUT_SERIES = f"""
INSERT INTO bar_series (symbol_id, resolution, first, last, sealed) VALUES ($1, $2, $3, $4, $5)
{KEEP_SERIES}
"""  # noqa: S608
_PUT_HEAD = """
UPDATE heads SET version = $2, revision = $3, updated = $4, last = $5, last_time = $6, day = $7,
  open = $8, high = $9, low = $10, volume = $11, previous_close = $12
WHERE symbol_id = $1
"""
