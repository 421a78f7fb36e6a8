"""Redis hangs up, hangs, dies or forgets, while everybody trades and follows at three processes."""

import time
from pathlib import Path
from urllib.parse import urlsplit

import anyio
import pytest

from tests.faults.together import Together
from tests.faults.trading import Trading, eventually, trading
from tests.servers.redis import call
from tests.web.redis_process import home, redis_process

pytestmark = pytest.mark.anyio

STREAM = "{tradeapi:p0}:bus"
HOUR = 3600


async def test_readers_that_are_hung_up_on_go_on(together: Together) -> None:
    """Nobody even hears of it."""
    async with trading(*together.places) as trades:
        for _ in range(10):
            call(together.redis.url, "CLIENT", "KILL", "TYPE", "normal")
            await anyio.sleep(0.05)
        await recovers(together, trades)
        assert not was_degraded(trades)


@pytest.mark.parametrize("seconds", [0.3, 5])
async def test_without_redis_trades_are_heard_all_the_same(
    together: Together, seconds: float
) -> None:
    """Of another process a little later, and all of them are told."""
    async with trading(*together.places, backfills=0.01) as trades:
        together.cut()
        await anyio.sleep(seconds)
        if seconds > 1:
            await trades.go_on()
            await become(trades, "degraded")
        together.mend()
        await recovers(together, trades)


@pytest.mark.parametrize("keeps", [True, False], ids=["with what it had", "empty"])
async def test_a_redis_that_dies_comes_back(together: Together, keeps: bool) -> None:
    """What it had matters to nobody."""
    async with trading(*together.places) as trades:
        together.redis.kill()
        await anyio.sleep(0.5)
        if not keeps:
            together.redis.forget()
        together.redis.start()
        await recovers(together, trades)


async def test_a_redis_that_hangs_holds_up_nobody(together: Together) -> None:
    """It takes what it is sent, and does not answer."""
    async with trading(*together.places) as trades:
        together.redis.hang()
        await become(trades, "degraded")
        await trades.go_on()
        together.redis.go_on()
        await recovers(together, trades)


async def test_a_redis_that_is_emptied_is_no_gap(together: Together) -> None:
    """Again and again, in the middle of what is on its way."""
    async with trading(*together.places) as trades:
        for _ in range(100):
            call(together.redis.url, "FLUSHALL")
            await anyio.sleep(0.005)
        await recovers(together, trades)
        assert not was_degraded(trades)


async def test_news_whose_ids_go_backwards_is_heard(together: Together) -> None:
    """The clock of Redis was an hour ahead until it was emptied."""
    async with trading(*together.places) as trades:
        ahead = round(1000 * (time.time() + HOUR))
        call(together.redis.url, "XADD", STREAM, f"{ahead}-0", "t", "from the future")
        await trades.go_on()
        call(together.redis.url, "FLUSHALL")
        await recovers(together, trades)


async def test_a_replica_that_lacks_the_last_news_takes_over(
    together: Together, tmp_path: Path
) -> None:
    """It was a replica no more when the last of it came; and later all goes back again."""
    port = str(urlsplit(together.redis.url).port)
    with home() as folder, redis_process(tmp_path, folder) as replica:
        async with trading(*together.places) as trades:
            call(replica.url, "REPLICAOF", "127.0.0.1", port)
            await eventually(lambda: "master_link_status:up" in call(replica.url, "INFO"))
            call(replica.url, "REPLICAOF", "NO", "ONE")
            await trades.go_on()
            for server in (replica, together.redis):
                together.cut()
                together.cable.lead_to(server.url)
                together.mend()
                await recovers(together, trades)


async def recovers(together: Together, trades: Trading) -> None:
    """Until news travels again, and everybody has been told that it does."""
    await trades.go_on()
    received = together.received
    await eventually(lambda: together.received > received)
    await become(trades, "live")


async def become(trades: Trading, state: str) -> None:
    """Until everybody has been told."""
    await eventually(lambda: all(guest.states[-1] == state for guest in trades.guests))


def was_degraded(trades: Trading) -> bool:
    """Whether anybody has been told so."""
    return any("degraded" in guest.states for guest in trades.guests)
