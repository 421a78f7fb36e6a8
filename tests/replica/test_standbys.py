"""Which servers are read from: those that follow the one of DATABASE_URL."""

import anyio
from sqlalchemy import make_url

from tests.hostile.postgres import postgres
from tests.replica.conftest import READER, Pair, execute, on
from tradeapi.database import Database
from tradeapi.replica import Replica


async def fault(url: str, primary: str) -> str | None:
    """What is wrong with the server at a URL, as a replica of another."""
    async with Database(primary) as database:
        replica = Replica(url, database, connections=10, longest_lag=60)
        try:
            await replica.look()
            assert replica.is_good is (replica.fault is None)
            return replica.fault
        finally:
            await replica.close()


async def test_a_standby_of_the_database(pair: Pair) -> None:
    """It is read from."""
    assert await fault(pair.standby.url, pair.primary.url) is None


async def test_another_server(pair: Pair, postgres_url: str) -> None:
    """With a database that may look the same."""
    assert "no copy of the server" in str(await fault(postgres_url, pair.primary.url))


async def test_another_database_of_the_standby(pair: Pair) -> None:
    """Its server is the right one."""
    url = on(pair.standby, "template1")
    assert "another database" in str(await fault(url, pair.primary.url))


async def test_the_primary_itself(pair: Pair) -> None:
    """It would be asked twice."""
    assert "no standby" in str(await fault(pair.primary.url, pair.primary.url))


async def test_both_the_same_standby(pair: Pair) -> None:
    """Nothing could be compared."""
    assert "standby itself" in str(await fault(pair.standby.url, pair.standby.url))


async def test_nobody_there(pair: Pair) -> None:
    """Nothing is known of it."""
    nowhere = "postgresql://nobody@127.0.0.1:1/none"
    assert "does not answer" in str(await fault(nowhere, pair.primary.url))


async def test_a_change_of_the_primary(pair: Pair) -> None:
    """Who was promoted is no standby, and of who follows it nobody knows so at first."""
    with postgres(pair.primary) as promoted, postgres(promoted) as follower:
        for standby in (promoted, follower):
            assert await fault(standby.url, pair.primary.url) is None
        await execute(promoted, "SELECT pg_promote()")
        assert "has been promoted" in str(await fault(promoted.url, pair.primary.url))
        # At the restart point that this is to the follower.
        await execute(promoted, "CHECKPOINT")
        assert "another timeline" in str(await fault(follower.url, promoted.url))
        with anyio.fail_after(20):
            while await fault(follower.url, promoted.url) is not None:
                await execute(follower, "CHECKPOINT")
        assert "another timeline" in str(await fault(follower.url, pair.primary.url))


async def test_a_role_without_rights(pair: Pair) -> None:
    """What a server says of itself anybody may ask."""
    standby, primary = (
        make_url(server.url).set(username=READER).render_as_string(hide_password=False)
        for server in (pair.standby, pair.primary)
    )
    assert await fault(standby, primary) is None
