"""A process that is killed, held up or replaced, while everybody trades and follows."""

import signal

import anyio
import anyio.to_thread
import pytest

from tests.faults.conftest import DRAIN_SECONDS
from tests.faults.trading import eventually, trading
from tests.hostile.serving import Server
from tests.hostile.wire import say, stream

pytestmark = pytest.mark.anyio

NOT_IN_TIME, RESTART = 1011, 1012


async def test_a_killed_process_costs_nobody_anything(server: Server) -> None:
    """It is killed in the middle of its work and started again, twice."""
    async with trading(server.url, backfills=0.01) as trades:
        for _ in range(2):
            server.kill()
            await anyio.to_thread.run_sync(server.start)
            await trades.go_on()
        assert set(trades.closes) == {None}


async def test_a_process_that_is_replaced_says_goodbye(server: Server) -> None:
    """To everybody, one after the other, and is gone in time, whoever does not listen; the next one
    goes on with all of them."""
    with stream(server.address, room=4096) as deaf:
        async with trading(server.url, crowd=100) as trades:
            deaf.sendall(say(op="subscribe", topics=list(trades.guests[0].charts)))
            server.signal(signal.SIGTERM)
            assert await anyio.to_thread.run_sync(server.wait) == 0
            await eventually(lambda: all(guest.left for guest in trades.guests))
            assert trades.closes == {RESTART: len(trades.guests)}
            left = [guest.left[0] for guest in trades.guests]
            assert max(left) - min(left) > DRAIN_SECONDS / 3
            await anyio.to_thread.run_sync(server.start)


@pytest.mark.parametrize("seconds", [3, 8])
async def test_a_process_that_is_held_up_catches_up(server: Server, seconds: int) -> None:
    """Nobody is put out for a pause that is shorter than one may take to answer a ping."""
    async with trading(server.url) as trades:
        server.signal(signal.SIGSTOP)
        await anyio.sleep(seconds)
        server.signal(signal.SIGCONT)
        await trades.go_on()
        assert set(trades.closes) <= (set() if seconds == 3 else {NOT_IN_TIME})
