"""The time partitions of `bar_blocks` on PostgreSQL: made when first written, dropped by age."""

from collections.abc import Iterable, Sequence
from time import monotonic

from tradeapi.database import Database
from tradeapi.drivers import Raw
from tradeapi.market.resolutions import Resolution
from tradeapi.market.store.blocks import window

BLOCKS_PER_PARTITION = 64
# Other processes drop them, too.
TRUSTED_SECONDS = 5.0


class Partitions:
    """Knows which partitions exist, so that not every writer has to ask the database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: set[str] = set()
        self._trusted_until = 0.0

    async def ensure(self, raw: Raw, resolution: Resolution, starts: Iterable[int]) -> None:
        """Make the partitions that blocks with these starts go to, in the writer's transaction."""
        if self._database.is_sqlite:
            return
        span = BLOCKS_PER_PARTITION * window(resolution)
        wanted = {partition_name(resolution, i): i for i in {start // span for start in starts}}
        if monotonic() > self._trusted_until or wanted.keys() - self._known:
            # What this transaction makes it may still roll back, so only what another one sees is
            # known.
            self._known = await self._committed()
            self._trusted_until = monotonic() + TRUSTED_SECONDS
        for name in sorted(wanted.keys() - self._known):
            index = wanted[name]
            await raw.execute(_attach(name, resolution, index * span, (index + 1) * span))

    async def drop_before(self, resolution: Resolution, time: int) -> list[str]:
        """Drop the partitions that hold only bars before `time`; their names."""
        if self._database.is_sqlite:
            return []
        span = BLOCKS_PER_PARTITION * window(resolution)
        prefix = partition_name(resolution, 0)[:-1]
        dropped = []
        for name, is_pending in await self._tables(prefix):
            if (_index(name.removeprefix(prefix)) + 1) * span > time:
                continue
            self._known.discard(name)
            # An attempt before this one may have got half way.
            if is_pending is not None:
                # A plain detach or drop would wait for every reader, and hold up the next one.
                how = "FINALIZE" if is_pending else "CONCURRENTLY"
                await self._database.autocommit(
                    f"ALTER TABLE bar_blocks DETACH PARTITION {name} {how}"
                )
            await self._database.autocommit(f"DROP TABLE {name}")
            dropped.append(name)
        return dropped

    async def _tables(self, prefix: str) -> Sequence[tuple[str, bool | None]]:
        """Partitions by name, those that are none any more too; whether each is being detached."""
        async with self._database.read() as raw:
            rows = await raw.fetch(
                "SELECT relname, inhdetachpending FROM pg_class "
                "LEFT JOIN pg_inherits ON inhrelid = pg_class.oid WHERE relkind = 'r' AND "
                "relnamespace = (SELECT relnamespace FROM pg_class "
                "WHERE oid = 'bar_blocks'::regclass) AND starts_with(relname, $1) ORDER BY relname",
                prefix,
            )
        return [(name, is_pending) for name, is_pending in rows]

    async def _committed(self) -> set[str]:
        async with self._database.read() as raw:
            rows = await raw.fetch(
                "SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid "
                "WHERE inhparent = 'bar_blocks'::regclass AND NOT inhdetachpending"
            )
        return {row[0] for row in rows}


def _attach(name: str, resolution: Resolution, start: int, end: int) -> str:
    # Made apart and attached, because CREATE ... PARTITION OF would lock out every reader. The
    # lock also has this session look again at the partitions that others made meanwhile.
    return f"""
        DO $$ BEGIN
          LOCK TABLE bar_blocks IN SHARE UPDATE EXCLUSIVE MODE;
          IF NOT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = to_regclass('{name}')) THEN
            -- What was detached but not dropped.
            DROP TABLE IF EXISTS {name};
            CREATE TABLE {name} (LIKE bar_blocks INCLUDING ALL);
            ALTER TABLE bar_blocks ATTACH PARTITION {name}
              FOR VALUES FROM ({resolution.seconds}, {start}) TO ({resolution.seconds}, {end});
          END IF;
        END $$
        """  # noqa: S608


def partition_name(resolution: Resolution, index: int) -> str:
    return f"bar_blocks_{resolution.seconds}_{index}".replace("-", "m")


def _index(text: str) -> int:
    return int(text.replace("m", "-"))
