"""Health and readiness."""

import asyncio
from collections.abc import Callable

import httpx2
import pytest

from tradeapi import __version__, migrations
from tradeapi.database import Database
from tradeapi.ops.readiness import (
    Dependency,
    Outlook,
    Readiness,
    database_dependencies,
    readiness,
)


async def _fine() -> None:
    pass


async def _away() -> None:
    raise ConnectionRefusedError


def test_a_live_process_is_healthy(client: httpx2.Client) -> None:
    """And says what it is."""
    assert client.get("/health").json() == {"status": "healthy", "version": __version__}


def test_a_process_with_its_database_is_ready(client: httpx2.Client) -> None:
    """Each dependency has its state."""
    response = client.get("/health/ready")
    assert response.status_code == 200
    assert response.json() == {
        "status": "ready",
        "version": __version__,
        "dependencies": {
            "database": {"status": "up", "detail": None},
            "migrations": {"status": "up", "detail": None},
        },
    }


def test_a_missing_migration_is_not_ready(
    serve_app: Callable[..., httpx2.Client], sqlite_url: str
) -> None:
    """503 as a problem, with what is missing; liveness does not care."""
    migrations.downgrade(sqlite_url, "base")
    client = serve_app()
    response = client.get("/health/ready")
    assert (response.status_code, response.json()["code"]) == (503, "not_ready")
    assert response.json()["dependencies"]["database"]["status"] == "up"
    assert response.json()["dependencies"]["migrations"]["status"] == "down"
    assert client.get("/health").status_code == 200


async def test_a_newer_schema_is_ready(database: Database) -> None:
    """While a release is rolled out the database is ahead of the older processes."""
    async with database.transaction() as session:
        connection = await session.connection()
        await connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    assert (await readiness(database_dependencies(database))).state == "ready"


async def test_an_empty_database_is_not_ready(tmp_path: pytest.TempPathFactory) -> None:
    """Nothing has ever migrated it."""
    async with Database(f"sqlite:///{tmp_path}/empty.db") as database:
        assert (await readiness(database_dependencies(database))).state == "unavailable"


def test_it_starts_without_its_database(serve_app: Callable[..., httpx2.Client]) -> None:
    """It lives and says that it is not ready, until the database comes."""
    client = serve_app(database_url="postgresql://nobody@127.0.0.1:1/none")
    assert client.get("/health").status_code == 200
    response = client.get("/health/ready")
    assert response.status_code == 503
    states = {name: state["detail"] for name, state in response.json()["dependencies"].items()}
    assert states == {"database": "It does not answer.", "migrations": "It does not answer."}


@pytest.mark.parametrize(("essential", "state"), [(True, "unavailable"), (False, "degraded")])
async def test_what_is_not_essential_only_degrades(essential: bool, state: str) -> None:
    """And the others keep their own states."""
    found = await readiness([Dependency("a", _fine), Dependency("b", _away, essential=essential)])
    assert (found.state, found.dependencies) == (state, {"a": None, "b": "It does not answer."})


async def test_a_crowd_that_asks_costs_one_look() -> None:
    """Whoever leaves meanwhile takes it from nobody; and who comes later has a new one."""
    looks = 0
    seen = asyncio.Event()

    async def look() -> None:
        nonlocal looks
        looks += 1
        await seen.wait()

    outlook = Outlook([Dependency("a", look)])
    asking = [asyncio.create_task(outlook.readiness()) for _ in range(100)]
    await asyncio.sleep(0)
    asking[0].cancel()
    seen.set()
    answers = await asyncio.gather(*asking, return_exceptions=True)
    assert isinstance(answers[0], asyncio.CancelledError)
    assert {one.state for one in answers if isinstance(one, Readiness)} == {"ready"}
    assert looks == 1
    await outlook.readiness()
    assert looks == 2
