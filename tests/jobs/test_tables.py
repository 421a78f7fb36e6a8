"""pgqueuer finds the tables that our migrations have made."""

import asyncpg
import pytest
from pgqueuer import AsyncpgDriver, Queries
from pgqueuer.adapters.persistence import qb

from tradeapi.jobs.names import NAMES, Names


async def test_pgqueuer_misses_nothing(postgres_url: str) -> None:
    """A newer one that does comes with a migration of ours."""
    connection = await asyncpg.connect(postgres_url)
    try:
        queries = Queries(AsyncpgDriver(connection), qb.QueryBuilderEnvironment(NAMES))
        assert (await queries.plan_upgrade()).statements == ()
    finally:
        await connection.close()


def test_the_environment_names_no_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor a function, though others may well have such variables."""
    for name in ("FUNCTION", "CHANNEL", "TRIGGER", "PGQUEUER_PREFIX", "PGQUEUER_SCHEMA"):
        monkeypatch.setenv(name, "other")
    assert Names(prefix="tradeapi_") == NAMES
