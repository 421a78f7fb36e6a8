"""PostgreSQL does not do what is asked of it; once it does, all goes on by itself."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy.engine import make_url

from tests.faults.asking import Asking, assert_sorry
from tests.hostile.postgres import Postgres
from tests.hostile.serving import Server, eventually, serve

pytestmark = pytest.mark.anyio

ROLE = "refused"
Order = Callable[..., Awaitable[None]]


@pytest.fixture
async def order(database: Postgres) -> AsyncIterator[Order]:
    """Has the server change how it treats the role; those who are connected are thrown out."""
    connection = await asyncpg.connect(database.url)

    async def change(statement: str, *, stay: bool = False) -> None:
        await connection.execute(statement)
        if stay:
            return
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1", ROLE
        )

    yield change
    await connection.close()


@pytest.fixture
async def server(database: Postgres, order: Order, tmp_path: Path) -> AsyncIterator[Server]:
    """It connects as nobody special."""
    await order(f"DROP ROLE IF EXISTS {ROLE}")
    await order(f"CREATE ROLE {ROLE} LOGIN PASSWORD 'secret'")
    url = make_url(await database.create(ROLE))
    await order(f"ALTER DATABASE {ROLE} OWNER TO {ROLE}")
    address = url.set(username=ROLE, password="secret").render_as_string(hide_password=False)
    with serve(address, tmp_path, REQUEST_TIMEOUT_SECONDS="3") as server:
        yield server
        assert server.is_running
        assert server.crashes == []
    await order(f"DROP DATABASE {ROLE}")


async def test_a_primary_that_became_a_replica_is_left(server: Server, order: Order) -> None:
    """Reads go on; writes are refused, and succeed as soon as there is a primary again."""
    caller = Asking(server)
    caller.until_taken()
    read_only = f"ALTER ROLE {ROLE} SET default_transaction_read_only"
    await order(f"{read_only} = on")
    refused = [caller.until_refused().json()["code"] for _ in range(20)]
    assert refused[-1] == "database_unavailable"
    assert caller.read().status_code == 200
    # Those that are there still lead to the replica.
    await order(f"{read_only} = off", stay=True)
    caller.until_taken()
    caller.assert_all_is_there()


async def test_one_without_a_connection_to_spare(server: Server, order: Order) -> None:
    """Others have them all."""
    caller = Asking(server)
    caller.until_taken()
    await order(f"ALTER ROLE {ROLE} CONNECTION LIMIT 0")
    for _ in eventually():
        if caller.until_refused().json()["code"] == "database_busy":
            break
    assert server.client.get("/health/ready").status_code == 503
    assert server.client.get("/health").status_code == 200
    await order(f"ALTER ROLE {ROLE} CONNECTION LIMIT -1")
    caller.until_taken()
    caller.assert_all_is_there()


async def test_one_that_hangs(server: Server, database: Postgres) -> None:
    """Nobody waits for it for long, and who does not need it is served."""
    caller = Asking(server)
    caller.until_taken()
    database.hang()
    try:
        for _ in range(3):
            assert_sorry(caller.trade())
        assert_sorry(caller.read())
        assert_sorry(server.client.get("/health/ready"))
        assert server.client.get("/health").status_code == 200
    finally:
        database.go_on()
    caller.until_taken()
    caller.assert_all_is_there()
