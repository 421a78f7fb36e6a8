"""Two processes on one database, of which one is killed or paused."""

import signal

import anyio
import pytest

from tests.faults.starting import start
from tests.faults.together import Together
from tests.faults.trading import trading
from tests.streams.cable import Cable

pytestmark = pytest.mark.anyio


async def test_processes_that_are_killed_by_turns_cost_nobody_anything(together: Together) -> None:
    """Clients go to the other one, which knows what they have missed, and so does a new one."""
    async with trading(*together.places, backfills=0.01) as trades:
        for server in (together.one, together.two, together.one):
            server.kill()
            await anyio.sleep(0.5)
            await start(server)
            await trades.go_on()
        assert set(trades.closes) == {None}


async def test_clients_that_are_put_out_by_turns_go_on_at_the_other(together: Together) -> None:
    """Both know what they have missed, wherever that was."""
    async with (
        Cable(together.one.url) as one,
        Cable(together.two.url) as two,
        trading(*together.places, guests_at=[one.url, two.url]) as trades,
    ):
        read = trades.kinds["snapshot"]
        for cable in (one, two) * 4:
            await cable.cut()
            await cable.mend()
            await trades.go_on()
        assert trades.kinds["resumed"] > trades.kinds["snapshot"] - read
        assert not trades.kinds["reset"]


async def test_a_paused_process_holds_up_its_own_clients_alone(together: Together) -> None:
    """Those of the other one hear of trades all the time; then all have the same."""
    async with trading(*together.places) as trades:
        together.two.signal(signal.SIGSTOP)
        await trades.go_on(trades.guests[::2])
        await anyio.sleep(1)
        await trades.go_on(trades.guests[::2])
        together.two.signal(signal.SIGCONT)
        await trades.go_on()
        assert not trades.closes
