"""History that a standby answers, with nothing that the database itself would not."""

import asyncpg
import httpx2
import pytest

from tests.hostile.serving import Server
from tests.hostile.writing import Worker
from tests.replica.conftest import Pair, Serve
from tests.replica.market import (
    COUNT,
    FIRST,
    MINUTE,
    SYMBOL,
    answered,
    fill,
    is_of_replica,
    newest,
    old,
    post,
    reason,
    seconds_behind,
    wait_for_reason,
    wait_for_replica,
)

UNKEPT = {"RESPONSE_CACHE_BYTES": "0"}
READS = [
    f"/api/v1/bars/{SYMBOL}?resolution=1m&limit=5000",
    f"/api/v1/bars/{SYMBOL}?resolution=1h&max_points=10",
    f"/api/v1/bars/{SYMBOL}?resolution=1m&adjustment=all&end={FIRST + MINUTE}",
    f"/api/v1/bars/{SYMBOL}?resolution=1m&format=csv",
    f"/udf/history?symbol={SYMBOL}&resolution=1&from={FIRST}&to={FIRST + COUNT * MINUTE}",
]


async def test_the_standby_answers_for_history(pair: Pair, served: Serve) -> None:
    """In every form, and with the same bytes as the primary."""
    await pair.standby_does("SELECT pg_wal_replay_pause()")
    server = served(**UNKEPT)
    fill(server)
    of_primary = [content(server, path) for path in READS]
    assert answered(server)[0] == 0
    await pair.standby_does("SELECT pg_wal_replay_resume()")
    wait_for_replica(server)
    before = answered(server)
    assert [content(server, path) for path in READS] == of_primary
    after = answered(server)
    assert after[0] >= before[0] + len(READS)
    assert after[1] == before[1]


def content(server: Server, path: str) -> bytes:
    return server.client.get(path).raise_for_status().content


async def test_it_has_connections_of_its_own(pair: Pair, served: Serve, database: str) -> None:
    """On the standby, where they bear a name."""
    server = served(**UNKEPT)
    fill(server)
    wait_for_replica(server)
    connection = await asyncpg.connect(pair.standby.url)
    try:
        count = await connection.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = $1 AND application_name = $2",
            database,
            "tradeapi replica",
        )
    finally:
        await connection.close()
    assert count >= 1


@pytest.mark.parametrize("kept", ["0", "1000000"])
async def test_what_was_posted_is_read(pair: Pair, served: Serve, kept: str) -> None:
    """At once, while the standby has yet to hear of it: new bars, and corrections of old ones."""
    server = served(RESPONSE_CACHE_BYTES=kept)
    fill(server)
    await pair.standby_does("SELECT pg_wal_replay_pause()")
    for number in range(1, 20):
        # Where answers are kept, these are.
        newest(server)
        old(server)
        post(server, float(number), number=COUNT + number)
        post(server, float(number))
        assert newest(server) == number
        assert old(server) == number
    await pair.standby_does("SELECT pg_wal_replay_resume()")
    for _ in range(50):
        assert newest(server) == number
        assert old(server) == number


async def test_what_another_process_was_given_is_read(served: Serve, redis_url: str) -> None:
    """At once, too, where it may still change: it is held against the primary."""
    one, other = (served(**UNKEPT, REDIS_URL=redis_url) for _ in range(2))
    fill(one)
    wait_for_replica(other)
    for number in range(1, 100):
        post(one, float(number), number=COUNT)
        assert newest(other) == number
    assert answered(other)[0] > 0


async def test_a_standby_that_is_far_behind_is_not_asked(pair: Pair, served: Serve) -> None:
    """Health and metrics say so; once it has caught up it is asked again."""
    server = served(**UNKEPT, DATABASE_REPLICA_LAG_SECONDS="1")
    fill(server)
    wait_for_replica(server)
    assert seconds_behind(server) < 1
    await pair.standby_does("SELECT pg_wal_replay_pause()")
    post(server, 7.0, number=COUNT)
    wait_for_reason(server, "It is more than 1 seconds behind.")
    assert seconds_behind(server) > 1
    assert not is_of_replica(server)
    await pair.standby_does("SELECT pg_wal_replay_resume()")
    wait_for_replica(server)
    assert reason(server) is None


class Asking(Worker):
    """For a window that stays as it is, and for the newest bar."""

    def work(self, client: httpx2.Client) -> None:
        for path in (READS[0], READS[2]):
            self.ask(client, path.removeprefix("/api/v1"))


@pytest.mark.parametrize("way", ["killed", "silent"])
async def test_nobody_notices_that_the_standby_is_gone(pair: Pair, served: Serve, way: str) -> None:
    """The primary answers those who have asked it; once it is back it is asked again."""
    server = served(**UNKEPT)
    fill(server)
    wait_for_replica(server)
    with Asking(server) as one, Asking(server) as other:
        wait_for_replica(server)
        if way == "killed":
            pair.standby.kill()
            wait_for_reason(server, "It does not answer")
            pair.standby.start()
        else:
            with pair.silent_standby():
                wait_for_reason(server, "It does not answer")
        wait_for_replica(server)
    assert one.statuses | other.statuses == {200}
    assert server.crashes == []


async def test_it_starts_without_the_standby(pair: Pair, served: Serve) -> None:
    """And finds it when it is there."""
    pair.standby.kill()
    server = served(**UNKEPT)
    fill(server)
    wait_for_reason(server, "It does not answer")
    assert newest(server) == COUNT
    pair.standby.start()
    wait_for_replica(server)
