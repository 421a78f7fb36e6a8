"""The import of five years of stocks, against what the databases can do with the same rows.

The floor on PostgreSQL is asyncpg's COPY into a temporary table, merged into a table of plain rows;
on SQLite one transaction of `executemany` upserts. Both are given their rows ready made, and
validate nothing. Ours is what the command says that it took, from the opened file to the last
commit. The file is not part of the project: without it there is nothing to measure.
"""

import asyncio
import os
import re
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import asyncpg
import numpy as np
import pyarrow as pa
import pyarrow.parquet
from sqlalchemy import make_url

from benchmarks.figures import Figure
from benchmarks.processes import ROOT, in_development, tradeapi
from benchmarks.workbench import Workbench

ROUNDS = 3
SAMPLE = ROOT.parent / "shared" / "data" / "sp500_daily_2015_2020.parquet"
TABLE = """
CREATE TABLE floor_bars (symbol_id integer, resolution integer, time bigint,
  open double precision, high double precision, low double precision, close double precision,
  volume double precision, PRIMARY KEY (symbol_id, resolution, time))
"""
MERGE = """
INSERT INTO floor_bars SELECT * FROM stage
ON CONFLICT (symbol_id, resolution, time) DO UPDATE SET open = excluded.open, high = excluded.high,
  low = excluded.low, close = excluded.close, volume = excluded.volume
"""
UPSERT = MERGE.replace("SELECT * FROM stage", "VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
Row = tuple[int, int, int, float, float, float, float, float]


class Imported(NamedTuple):
    """`whole` is the time of the process; `megabytes` its peak."""

    seconds: float
    whole: float
    megabytes: float


def imports(bench: Workbench) -> Iterator[Figure]:
    file = SAMPLE if SAMPLE.exists() else made_up(bench.folder / "bars.parquet")
    rows = rows_of(file)
    peaks = []
    for name, at_once, floor_of, new in (
        ("PostgreSQL", "COPY and merge", postgres_floor, bench.databases.clone),
        ("SQLite", "executemany", sqlite_floor, lambda: bench.sqlite(f"import-{time.time_ns()}")),
    ):
        rounds = [(floor_of(new(), rows), ours(bench, file, new())) for _ in range(ROUNDS)]
        floor = min(seconds for seconds, _ in rounds)
        best = min(imported for _, imported in rounds)
        peaks.append(max(imported.megabytes for _, imported in rounds))
        yield Figure(
            what=f"import of {len(rows):,} bars, {name}",
            unit="s",
            floor=floor,
            ours=best.seconds,
            at_most=2,
            how=f"floor: {at_once}; {len(rows) / best.seconds:,.0f} rows/s, "
            f"{best.whole:.1f} s with the start of the process",
        )
    yield Figure(what="peak memory of an import", unit="MB", ours=max(peaks), at_most=300)


def made_up(path: Path) -> Path:
    """A file of the sample's shape, for machines without the sample: 482 stocks, 1,229 days."""
    random = np.random.default_rng(7)
    days = np.arange("2015-01-12", "2019-10-01", dtype="datetime64[D]")
    days = days[np.is_busday(days)][:1229]
    opens = np.round(100 * np.exp(random.normal(0, 0.01, (482, len(days))).cumsum(axis=1)), 2)
    closes = np.round(opens * random.uniform(0.99, 1.01, opens.shape), 2)
    columns = {
        "date": np.tile(days.astype(str), 482),
        "ticker": np.repeat([f"T{number}" for number in range(482)], len(days)),
        "open": opens.ravel(),
        "high": np.maximum(opens, closes).ravel(),
        "low": np.minimum(opens, closes).ravel(),
        "close": closes.ravel(),
        "adj_close": closes.ravel(),
        "volume": random.integers(1_000, 10_000_000, opens.size).astype(np.float64),
    }
    pyarrow.parquet.write_table(pa.table(columns), path)
    return path


def rows_of(path: Path) -> list[Row]:
    """One row per ticker and date."""
    table = pyarrow.parquet.read_table(path)
    tickers = table["ticker"].to_pylist()
    codes = {ticker: code for code, ticker in enumerate(dict.fromkeys(tickers))}
    days = np.array(table["date"].to_pylist(), "datetime64[s]").astype(np.int64).tolist()
    columns = [table[name].to_pylist() for name in ("open", "high", "low", "close", "volume")]
    rows = {
        (ticker, day): (codes[ticker], 86400, day, *values)
        for ticker, day, *values in zip(tickers, days, *columns, strict=True)
    }
    return [*rows.values()]


def postgres_floor(url: str, rows: list[Row]) -> float:
    async def merge() -> float:
        address = make_url(url).set(drivername="postgresql")
        connection = await asyncpg.connect(address.render_as_string(hide_password=False))
        await connection.execute(TABLE)
        begun = time.perf_counter()
        async with connection.transaction():
            await connection.execute("CREATE TEMP TABLE stage (LIKE floor_bars) ON COMMIT DROP")
            await connection.copy_records_to_table("stage", records=rows)
            await connection.execute(MERGE)
        seconds = time.perf_counter() - begun
        await connection.close()
        return seconds

    return asyncio.run(merge())


def sqlite_floor(url: str, rows: list[Row]) -> float:
    connection = sqlite3.connect(make_url(url).database or "", isolation_level=None)
    for statement in ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=NORMAL", TABLE):
        connection.execute(statement)
    begun = time.perf_counter()
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(UPSERT, rows)
    connection.execute("COMMIT")
    seconds = time.perf_counter() - begun
    connection.close()
    return seconds


def ours(bench: Workbench, file: Path, url: str) -> Imported:
    begun = time.perf_counter()
    process = subprocess.Popen(
        [*tradeapi("import"), "bars", str(file), "--exchange", "US", "--rejects", "rejects.csv"],
        cwd=bench.folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **in_development(url)},
        stdout=subprocess.PIPE,
        text=True,
    )
    # Its own account of this would include ours, which it was while it was being started.
    status, peak = Path(f"/proc/{process.pid}/status"), 0
    while process.poll() is None:
        peak = max(peak, *map(int, re.findall(r"VmHWM:\s+(\d+)", status.read_text())), 0)
        time.sleep(0.01)
    whole = time.perf_counter() - begun
    said, _ = process.communicate()
    assert process.returncode == 0, said
    seconds = re.search(r"read in ([\d.]+) s", said)
    assert seconds is not None, said
    return Imported(float(seconds[1]), whole, peak * 1024 / 1e6)
