"""Ticks that several processes write at the same time."""

import asyncio
import random
import signal
import sys
from pathlib import Path

import pytest

from tests.market.places import Market
from tests.market.tick_process import SYMBOL, post
from tradeapi.analytics.resampling import fold
from tradeapi.market.bars.tick_writer import TickWriter
from tradeapi.market.resolutions import Resolution

ROOT = Path(__file__).parents[2]


async def start(url: str, name: str, batches: int, size: int) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.market.tick_process", url, name, str(batches), str(size),
        cwd=ROOT, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip


async def acknowledged(process: asyncio.subprocess.Process) -> int:
    """How many batches the process has said to be committed, now that it has ended."""
    output, _ = await process.communicate()
    return len(output.split())


async def volumes(market: Market) -> dict[Resolution, float]:
    """Of each resolution, which all have to be what the finer one folds to."""
    listing = await market.directory.get(SYMBOL)
    found = {}
    for resolution in Resolution:
        bars = await market.read(listing, resolution)
        if resolution.finer is not None:
            finer = await market.read(listing, resolution.finer)
            labels = listing.calendar.labels(finer.time, resolution)
            assert bars == fold(finer, labels), resolution
        found[resolution] = float(bars.volume.sum())
    return found


async def test_two_writers_of_one_symbol_lose_no_tick(market: Market, database_url: str) -> None:
    """Of one request each for many ticks, and of one each for a few."""
    await market.add(SYMBOL)
    writers = [
        await start(database_url, "a", 200, 50),
        await start(database_url, "b", 100, 100),
        await start(database_url, "c", 200, 5),
    ]
    counts = await asyncio.gather(*map(acknowledged, writers))
    assert counts == [200, 100, 200]
    assert set((await volumes(market)).values()) == {21_000}


@pytest.mark.parametrize("size", [5, 50])
async def test_a_killed_writer_has_committed_what_it_said(
    market: Market, database_url: str, size: int
) -> None:
    """And at most the batch it was at; sending all again with the same ids makes it whole."""
    await market.add(SYMBOL)
    killed, other = [await start(database_url, name, 60, size) for name in ("a", "b")]
    assert killed.stdout is not None
    said = random.randrange(1, 20)
    for _ in range(said):
        await killed.stdout.readline()
    await asyncio.sleep(random.uniform(0, 0.01))
    killed.send_signal(signal.SIGKILL)
    said += await acknowledged(killed)
    assert killed.returncode == -signal.SIGKILL
    assert await acknowledged(other) == 60
    volume = set((await volumes(market)).values())
    assert volume in ({size * (said + 60)}, {size * (said + 61)})
    writer = TickWriter(market.database, market.directory, market.store, market.clock)
    for batch in range(60):
        outcomes = await post(writer, f"a-{batch}", size)
        assert "rejected" not in outcomes.statuses
        if batch < said:
            assert set(outcomes.statuses) == {"duplicate"}
    assert set((await volumes(market)).values()) == {size * 120}
