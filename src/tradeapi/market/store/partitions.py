"""The time partitions of `bar_blocks` on PostgreSQL: made when first written, dropped by age."""

from collections.abc import Iterable

from tradeapi.database import Database
from tradeapi.drivers import Raw
from tradeapi.market.resolutions import Resolution
from tradeapi.market.store.blocks import window

BLOCKS_PER_PARTITION = 64


class Partitions:
    """Knows which partitions exist, so that writers ask the database once for each."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: set[str] = set()

    async def ensure(self, raw: Raw, resolution: Resolution, starts: Iterable[int]) -> None:
        """Make the partitions that blocks with these starts go to, in the writer's transaction."""
        if self._database.is_sqlite:
            return
        span = BLOCKS_PER_PARTITION * window(resolution)
        wanted = {partition_name(resolution, i): i for i in {start // span for start in starts}}
        missing = wanted.keys() - self._known
        if missing:
            # What this transaction makes it may still roll back, so only what another one sees is
            # known for good.
            self._known = await self._committed()
        for name in sorted(missing):
            index = wanted[name]
            await raw.execute(_attach(name, resolution, index * span, (index + 1) * span))

    async def drop_before(self, resolution: Resolution, time: int) -> list[str]:
        """Drop the partitions that hold only bars before `time`; their names."""
        if self._database.is_sqlite:
            return []
        span = BLOCKS_PER_PARTITION * window(resolution)
        prefix = partition_name(resolution, 0)[:-1]
        names = {name for name in await self._committed() if name.startswith(prefix)}
        old = sorted(
            name for name in names if (_index(name.removeprefix(prefix)) + 1) * span <= time
        )
        for name in old:
            # A plain detach or drop would wait for every reader, and hold up the next one.
            await self._database.autocommit(
                f"ALTER TABLE bar_blocks DETACH PARTITION {name} CONCURRENTLY",
                f"DROP TABLE {name}",
            )
            self._known.discard(name)
        return old

    async def _committed(self) -> set[str]:
        async with self._database.read() as raw:
            rows = await raw.fetch(
                "SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid "
                "WHERE inhparent = 'bar_blocks'::regclass"
            )
        return {row[0] for row in rows}


def _attach(name: str, resolution: Resolution, start: int, end: int) -> str:
    # Made apart and attached, because CREATE ... PARTITION OF would lock out every reader. The
    # lock also has this session look again at the partitions that others made meanwhile.
    return f"""
        DO $$ BEGIN
          LOCK TABLE bar_blocks IN SHARE UPDATE EXCLUSIVE MODE;
          IF to_regclass('{name}') IS NULL THEN
            CREATE TABLE {name} (LIKE bar_blocks INCLUDING ALL);
            ALTER TABLE bar_blocks ATTACH PARTITION {name}
              FOR VALUES FROM ({resolution.seconds}, {start}) TO ({resolution.seconds}, {end});
          END IF;
        END $$
        """


def partition_name(resolution: Resolution, index: int) -> str:
    return f"bar_blocks_{resolution.seconds}_{index}".replace("-", "m")


def _index(text: str) -> int:
    return int(text.replace("m", "-"))
