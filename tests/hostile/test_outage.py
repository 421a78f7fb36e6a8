"""PostgreSQL is killed while the service works, and comes back."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import anyio
import pytest

from tests.hostile.consistency import is_consistent, volumes
from tests.hostile.postgres import Postgres, postgres
from tests.hostile.serving import Server, serve
from tests.hostile.writing import POSTED, TICKED, Reader, Writer, assert_all_is_there, prepare
from tests.streams.client import client
from tests.streams.waiting import until

pytestmark = pytest.mark.anyio

HOURS, QUOTE = f"bars:{TICKED}:1h", f"quotes:{TICKED}"
COLUMNS = ("time", "open", "high", "low", "close", "volume")
# A connection that breaks is noticed at once, and so is one that can't be made.
LONGEST_WAIT_SECONDS = 5
OUTAGE = {"database_unavailable", "database_busy", "database_timeout"}


@pytest.fixture
def database() -> Iterator[Postgres]:
    with postgres() as database:
        yield database


async def test_the_service_survives_its_database(database: Postgres, tmp_path: Path) -> None:
    """Meanwhile everybody is told at once to come back later; then all goes on, with all it had."""
    with serve(database.url, tmp_path) as server:
        prepare(server)
        async with client("ws://{}:{}/ws".format(*server.address)) as guest:
            await guest.subscribe(HOURS, QUOTE)
            with Writer(server) as writer, Reader(server) as reader, Reader(server) as other:
                for seconds in (0.0, 1.5):
                    with anyio.move_on_after(0.5):
                        await guest.hear_until(lambda: False)
                    database.kill()
                    await until(lambda: readiness(server) == 503)
                    await anyio.sleep(seconds)
                    database.start()
                    await until(lambda: readiness(server) == 200)
                    known = len(writer.acknowledged)
                    await until(partial(has_more, writer, known))
            # Longer than it takes to find what nobody has announced.
            await guest.hear_rest(2.5)
            found = server.get(f"/bars/{TICKED}", resolution="1h")
            rows = zip(*(found[name] for name in COLUMNS), strict=True)
            assert guest.charts[HOURS].rows == list(map(list, rows))
        for worker in (writer, reader, other):
            assert worker.statuses == {200, 503}
            assert worker.problems <= OUTAGE
            assert worker.longest < LONGEST_WAIT_SECONDS
        assert server.crashes == []
        assert_all_is_there(server, writer)
        assert set(await volumes(database.url, TICKED)) == {len(writer.sent)}
        assert await is_consistent(database.url, TICKED, POSTED)


def readiness(server: Server) -> int:
    return server.client.get("/health/ready").status_code


def has_more(writer: Writer, known: int) -> bool:
    return len(writer.acknowledged) > known
