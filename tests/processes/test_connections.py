"""How many connections to PostgreSQL a process takes: never more than it says."""

import time
from contextlib import ExitStack
from pathlib import Path

import anyio
import asyncpg
import httpx2
import pytest

from tests.deploy.connections import taken
from tests.hostile.serving import serve
from tests.hostile.writing import Worker
from tradeapi.connections import FEWEST, MOST, Connections
from tradeapi.settings import Role

SYMBOL = "CRYPTO:BUSY"
GUESTS = 12
SECONDS = 3


@pytest.mark.parametrize("most", range(FEWEST, 100, 7))
def test_the_shares_are_all_there_is(most: int) -> None:
    """Nothing is left over, and everybody has some."""
    shares = Connections.of(most)
    assert shares.writers + shares.readers + shares.singles + 2 == most == taken(most, [*Role])
    assert min(shares.writers, shares.readers, shares.singles) >= 2


def test_the_shares_of_the_default() -> None:
    """As the documentation has them."""
    assert Connections.of(MOST) == Connections(writers=15, readers=8, singles=7)


class Guest(Worker):
    """Writes and reads in every way that has connections of its own."""

    def work(self, client: httpx2.Client) -> None:
        now = time.time()
        bar = dict.fromkeys(("open", "high", "low", "close", "volume"), 1)
        bars = [{"symbol": SYMBOL, "resolution": "1h", "time": int(now) // 3600 * 3600, **bar}]
        self.ask(client, "/bars", bars)
        self.ask(client, "/ticks", [{"symbol": SYMBOL, "price": 1, "size": 1, "time": now}])
        self.ask(client, f"/bars/{SYMBOL}?resolution=1m&end={now}")
        self.ask(client, "/charts")


@pytest.mark.parametrize("roles", ["jobs", ""])
async def test_a_busy_process_takes_no_more(postgres_url: str, tmp_path: Path, roles: str) -> None:
    """With as few as there may be everybody is still answered."""
    settings = {"DATABASE_CONNECTIONS": str(FEWEST), "RESPONSE_CACHE_BYTES": "0"}
    with serve(postgres_url, tmp_path, **settings, ROLES=roles) as server:
        server.put(f"/symbols/{SYMBOL}")
        with ExitStack() as guests:
            workers = [guests.enter_context(Guest(server)) for _ in range(GUESTS)]
            seen = await most_open(postgres_url)
    most = taken(FEWEST, roles.split(","))
    assert most - 2 <= seen <= most
    for worker in workers:
        assert worker.statuses == {200}, worker.problems


async def most_open(url: str) -> int:
    """The most that were seen of the database's, without our own."""
    connection = await asyncpg.connect(url)
    seen = 0
    try:
        with anyio.move_on_after(SECONDS):
            while True:
                open = await connection.fetchval(
                    "SELECT count(*) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
                seen = max(seen, open)
                await anyio.sleep(0.01)
    finally:
        await connection.close()
    return seen
