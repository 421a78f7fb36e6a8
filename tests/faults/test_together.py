"""Processes on one database, of which one is killed or paused."""

import signal
from contextlib import AsyncExitStack

import anyio
import pytest

from tests.faults.starting import start
from tests.faults.together import Together
from tests.faults.trading import trading
from tests.streams.cable import Cable

pytestmark = pytest.mark.anyio


async def test_processes_that_are_killed_by_turns_cost_nobody_anything(together: Together) -> None:
    """Clients go to another one, which knows what they have missed, and so does a new one."""
    async with trading(*together.places, backfills=0.01) as trades:
        for server in (*together.servers, together.one):
            server.kill()
            await anyio.sleep(0.5)
            await start(server)
            await trades.go_on()
        assert set(trades.closes) == {None}


async def test_clients_that_are_put_out_by_turns_go_on_at_another(together: Together) -> None:
    """Each knows what they have missed, wherever that was."""
    async with AsyncExitStack() as resources:
        cables = [
            await resources.enter_async_context(Cable(server.url)) for server in together.servers
        ]
        trades = await resources.enter_async_context(
            trading(*together.places, guests_at=[cable.url for cable in cables])
        )
        read = trades.kinds["snapshot"]
        for cable in cables * 3:
            await cable.cut()
            await cable.mend()
            await trades.go_on()
        assert trades.kinds["resumed"] > trades.kinds["snapshot"] - read
        assert not trades.kinds["reset"]


async def test_a_paused_process_holds_up_its_own_clients_alone(together: Together) -> None:
    """Those of the others hear of trades all the time; then all have the same, and nobody has been
    put out for three seconds of silence.
    """
    async with trading(*together.places) as trades:
        others = [one for place, one in enumerate(trades.guests) if place % 3 != 1]
        together.two.signal(signal.SIGSTOP)
        await trades.go_on(others)
        await anyio.sleep(3)
        await trades.go_on(others)
        together.two.signal(signal.SIGCONT)
        await trades.go_on()
        assert not trades.closes
