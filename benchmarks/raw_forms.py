"""Floors of history: 5,000 bars in three physical forms, by the bare driver, as JSON columns.

Each in a process of its own, which says what CPU a request cost it and its backend.
"""

import json
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import numpy as np
import orjson
import uvloop

from benchmarks.market import ASKED, MINUTES, walk
from benchmarks.processes import cpu_seconds
from tradeapi.analytics.bars import COLUMNS

BARS_PER_BLOCK = 1_000
_COLUMNS = ", ".join(COLUMNS)
_TABLES = """
CREATE TABLE raw_rows (symbol int, time bigint, open float8, high float8, low float8,
  close float8, volume float8, PRIMARY KEY (symbol, time));
CREATE TABLE raw_blocks (symbol int, start bigint, data bytea, PRIMARY KEY (symbol, start));
ALTER TABLE raw_blocks ALTER COLUMN data SET STORAGE EXTERNAL;
"""

Connection = Any  # asyncpg ships no types


async def prepare(url: str) -> None:
    bars = walk(MINUTES.count, MINUTES.resolution)
    connection = await asyncpg.connect(url)
    await connection.execute(_TABLES)
    rows = zip(*(column.tolist() for column in bars.columns()), strict=True)
    await connection.copy_records_to_table("raw_rows", records=[(1, *row) for row in rows])
    blocks = [bars[low : low + BARS_PER_BLOCK] for low in range(0, len(bars), BARS_PER_BLOCK)]
    await connection.copy_records_to_table(
        "raw_blocks",
        records=[
            (1, int(block.time[0]), b"".join(column.tobytes() for column in block.columns()))
            for block in blocks
        ],
    )
    await connection.execute("VACUUM ANALYZE raw_rows")
    await connection.execute("VACUUM ANALYZE raw_blocks")
    await connection.close()


async def blocks(connection: Connection) -> Callable[[], Awaitable[bytes]]:
    """Blocks of 1,000 bars: one bytea of float64 columns each."""
    statement = await connection.prepare(
        "SELECT data FROM raw_blocks WHERE symbol = $1 ORDER BY start DESC LIMIT $2"
    )

    async def answer() -> bytes:
        records = await statement.fetch(1, ASKED // BARS_PER_BLOCK)
        table = np.concatenate(
            [np.frombuffer(record[0], np.float64).reshape(6, -1) for record in reversed(records)],
            axis=1,
        )
        columns = table[0].view(np.int64), *table[1:]
        answer = dict(zip(COLUMNS, columns, strict=True))
        return orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY)

    return answer


async def rows(connection: Connection) -> Callable[[], Awaitable[bytes]]:
    """One row per bar, turned into columns here."""
    statement = await connection.prepare(
        f"SELECT {_COLUMNS} FROM raw_rows WHERE symbol = $1 ORDER BY time DESC LIMIT $2"  # noqa: S608
    )

    async def answer() -> bytes:
        records = await statement.fetch(1, ASKED)
        columns = zip(*reversed(records), strict=True)
        return orjson.dumps(dict(zip(COLUMNS, columns, strict=True)))

    return answer


async def json_columns(connection: Connection) -> Callable[[], Awaitable[bytes]]:
    """One row per bar, turned into columns of JSON by the server."""
    members = ", ".join(f"'{name}', json_agg({name} ORDER BY time)" for name in COLUMNS)
    statement = await connection.prepare(
        f"SELECT json_build_object({members})::text FROM (SELECT * FROM raw_rows "  # noqa: S608
        "WHERE symbol = $1 ORDER BY time DESC LIMIT $2) AS newest"
    )

    async def answer() -> bytes:
        text: str = await statement.fetchval(1, ASKED)
        return text.encode()

    return answer


FORMS = {form.__name__: form for form in (blocks, rows, json_columns)}


async def measure(url: str, form: str, seconds: float) -> tuple[float, float]:
    """CPU seconds per request: ours, the backend's."""
    connection = await asyncpg.connect(url, server_settings={"jit": "off"})
    backend = connection.get_server_pid()
    answer = await FORMS[form](connection)
    for _ in range(20):
        assert len(await answer()) > 100_000
    ours, its = time.process_time(), cpu_seconds(backend)
    until, count = time.perf_counter() + seconds, 0
    while time.perf_counter() < until:
        await answer()
        count += 1
    spent = (time.process_time() - ours) / count, (cpu_seconds(backend) - its) / count
    await connection.close()
    return spent


if __name__ == "__main__":
    print(json.dumps(uvloop.run(measure(sys.argv[1], sys.argv[2], float(sys.argv[3])))))
