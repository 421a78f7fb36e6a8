"""The floor of reading points: `URL COUNT SECONDS`, the newest of the longest series as they are
kept, by the bare driver, as JSON; says what CPU that cost us and the backend.
"""

import json
import sys
import time

import asyncpg
import numpy as np
import orjson
import uvloop

from benchmarks.processes import cpu_seconds

_LONGEST = "SELECT id FROM chart_series ORDER BY count DESC LIMIT 1"
_NEWEST = """
SELECT count, data FROM chart_points WHERE series_id = $1 ORDER BY start DESC LIMIT $2
"""
POINTS_OF_CHUNK = 2048


async def measure(url: str, count: int, seconds: float) -> tuple[float, float]:
    """CPU seconds per answer: ours, the backend's."""
    connection = await asyncpg.connect(url, server_settings={"jit": "off"})
    backend = connection.get_server_pid()
    series = await connection.fetchval(_LONGEST)
    newest = await connection.prepare(_NEWEST)
    chunks = count // POINTS_OF_CHUNK + 2

    async def answer() -> bytes:
        records = await newest.fetch(series, chunks)
        tables = [np.frombuffer(data, np.float64).reshape(-1, n) for n, data in reversed(records)]
        time, *prices = np.concatenate(tables, axis=1)[:, -count:]
        times, columns = time.astype(np.int64).tolist(), (column.tolist() for column in prices)
        items = [
            {"time": time, "open": open, "high": high, "low": low, "close": close}
            for time, open, high, low, close in zip(times, *columns, strict=True)
        ]
        return orjson.dumps({"items": items})

    for _ in range(20):
        assert len(orjson.loads(await answer())["items"]) == count
    ours, its = time.process_time(), cpu_seconds(backend)
    until, answers = time.perf_counter() + seconds, 0
    while time.perf_counter() < until:
        await answer()
        answers += 1
    spent = (time.process_time() - ours) / answers, (cpu_seconds(backend) - its) / answers
    await connection.close()
    return spent


if __name__ == "__main__":
    url, count, seconds = sys.argv[1:]
    print(json.dumps(uvloop.run(measure(url, int(count), float(seconds)))))
