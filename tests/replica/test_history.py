"""History that a standby answers, with nothing that the database itself would not."""

import asyncpg
import httpx2
import pytest

from tests.hostile.serving import Server
from tests.hostile.writing import Worker
from tests.replica.conftest import TEMPLATE, Pair, Start
from tests.replica.market import (
    COUNT,
    FIRST,
    MINUTE,
    SYMBOL,
    answered,
    change,
    fill,
    is_of_replica,
    newest,
    old,
    reason,
    seconds_behind,
    wait_for_reason,
    wait_for_replica,
)

PAUSE, RESUME = "SELECT pg_wal_replay_pause()", "SELECT pg_wal_replay_resume()"
READS = [
    f"/api/v1/bars/{SYMBOL}?resolution=1m&limit=5000",
    f"/api/v1/bars/{SYMBOL}?resolution=1h&max_points=10",
    f"/api/v1/bars/{SYMBOL}?resolution=1m&adjustment=all&end={FIRST + MINUTE}",
    f"/api/v1/bars/{SYMBOL}?resolution=1m&adjustment=splits",
    f"/api/v1/bars/{SYMBOL}?resolution=1m&format=csv",
    f"/udf/history?symbol={SYMBOL}&resolution=1&from={FIRST}&to={FIRST + COUNT * MINUTE}",
]


async def test_the_standby_answers_for_history(pair: Pair, server: Server) -> None:
    """In every form, and with the same bytes as the primary."""
    await pair.standby_does(PAUSE)
    change(server)
    before = answered(server)
    of_primary = [content(server, path) for path in READS]
    assert answered(server)[0] == before[0]
    await pair.standby_does(RESUME)
    wait_for_replica(server)
    before = answered(server)
    assert [content(server, path) for path in READS] == of_primary
    after = answered(server)
    assert after[0] >= before[0] + len(READS)
    assert after[1] == before[1]


def content(server: Server, path: str) -> bytes:
    return server.client.get(path).raise_for_status().content


async def test_it_has_connections_of_its_own(pair: Pair, server: Server) -> None:
    """On the standby, where they bear a name."""
    assert is_of_replica(server)
    connection = await asyncpg.connect(pair.standby.url)
    try:
        names = await connection.fetch(
            "SELECT application_name FROM pg_stat_activity WHERE datname = 'shared'"
        )
    finally:
        await connection.close()
    assert {name for (name,) in names} == {"tradeapi replica"}


async def test_what_was_posted_is_read(pair: Pair, server: Server) -> None:
    """At once, whatever the standby has heard of: new bars, and corrections of old ones."""
    for sql in (PAUSE, RESUME):
        await pair.standby_does(sql)
        for _ in range(20):
            close = change(server)
            assert newest(server) == close
            assert old(server) == close


async def test_no_kept_answer_is_older(pair: Pair, start: Start) -> None:
    """What the standby has said is kept no longer than it holds."""
    await pair.primary.create("kept", TEMPLATE)
    server = start("kept")
    fill(server)
    wait_for_reply_of_replica(server)
    for sql in (PAUSE, RESUME):
        await pair.standby_does(sql)
        for _ in range(20):
            close = change(server)
            for _ in range(2):
                assert newest(server) == close
                assert old(server) == close
    assert answered(server)[0] > 0
    assert server.metric("cache_hits_total") > 0


def wait_for_reply_of_replica(server: Server) -> None:
    """Where answers are kept each question is new for once only."""
    while not is_of_replica(server):
        change(server)


async def test_what_another_process_was_given_is_read(
    pair: Pair, start: Start, redis_url: str
) -> None:
    """At once, too, where it may still change: it is held against the primary."""
    await pair.primary.create("two", TEMPLATE)
    one, other = (start("two", RESPONSE_CACHE_BYTES="0", REDIS_URL=redis_url) for _ in range(2))
    fill(one)
    wait_for_replica(other)
    for _ in range(50):
        close = change(one)
        assert newest(other) == close
    assert answered(other)[0] > 0


async def test_a_standby_that_is_far_behind_is_not_asked(pair: Pair, server: Server) -> None:
    """Health and metrics say so; once it has caught up it is asked again."""
    assert reason(server) is None
    assert seconds_behind(server) < 3
    await pair.standby_does(PAUSE)
    change(server)
    wait_for_reason(server, "It is more than 3 seconds behind.")
    assert seconds_behind(server) > 3
    assert not is_of_replica(server)
    await pair.standby_does(RESUME)
    wait_for_replica(server)
    assert reason(server) is None


class Asking(Worker):
    """For a window that stays as it is, and for the newest bar."""

    def work(self, client: httpx2.Client) -> None:
        for path in (READS[0], READS[2]):
            self.ask(client, path.removeprefix("/api/v1"))


@pytest.mark.parametrize("way", ["killed", "silent"])
async def test_nobody_notices_that_the_standby_is_gone(
    pair: Pair, server: Server, way: str
) -> None:
    """The primary answers those who have asked it; once it is back it is asked again."""
    with Asking(server) as worker:
        if way == "killed":
            pair.standby.kill()
            wait_for_reason(server, "It does not answer")
            pair.standby.start()
        else:
            with pair.silent_standby():
                wait_for_reason(server, "It does not answer")
        wait_for_replica(server)
    assert worker.statuses == {200}
    assert server.crashes == []


async def test_it_starts_without_the_standby(pair: Pair, start: Start) -> None:
    """And finds it when it is there."""
    await pair.primary.create("alone", TEMPLATE)
    pair.standby.kill()
    server = start("alone", RESPONSE_CACHE_BYTES="0")
    fill(server)
    wait_for_reason(server, "It does not answer")
    assert newest(server) == COUNT
    pair.standby.start()
    wait_for_replica(server)
