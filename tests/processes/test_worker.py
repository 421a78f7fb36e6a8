"""`tradeapi worker`."""

import signal
from collections.abc import Iterator

import pytest

from tests.hostile.postgres import Postgres, postgres
from tests.processes.conftest import Start
from tests.processes.waiting import eventually
from tests.shell.test_serving import run

DEAD = "redis://127.0.0.1:1"


@pytest.fixture
def late() -> Iterator[Postgres]:
    """A PostgreSQL that is not running yet, with nothing in it."""
    with postgres() as database:
        database.kill()
        yield database


def test_it_waits_for_its_database(tradeapi: Start, late: Postgres) -> None:
    """And without Redis, which is away all the time; then it migrates and works."""
    worker = tradeapi("worker", DATABASE_URL=late.url, REDIS_URL=DEAD, DEMO="false")
    eventually(lambda: worker.has_logged("database.away"))
    late.start()
    eventually(lambda: worker.has_logged("jobs.ready"))
    worker.process.send_signal(signal.SIGTERM)
    assert worker.process.wait(timeout=20) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_when_asked(tradeapi: Start, sqlite_url: str, number: signal.Signals) -> None:
    """With nothing to say but what it logs; while its exchange opens, too."""
    worker = tradeapi("worker", DATABASE_URL=sqlite_url)
    eventually(lambda: worker.has_logged("lease.taken", lease="feed"))
    worker.process.send_signal(number)
    assert worker.process.wait(timeout=20) == 0
    assert worker.process.stderr is not None
    assert worker.process.stderr.read() == ""
    assert worker.events[-1]["event"] == "worker.stopped"


def test_it_plays_the_roles_that_it_is_given(tradeapi: Start, sqlite_url: str) -> None:
    """And no other."""
    worker = tradeapi("worker", "--roles", "jobs", DATABASE_URL=sqlite_url)
    eventually(lambda: worker.has_logged("jobs.ready"))
    assert worker.has_logged("worker.started", roles=["jobs"])
    assert not worker.has_logged("lease.taken", lease="feed")


def test_without_a_role_there_is_nothing_to_do() -> None:
    """It says so."""
    refused = run("worker", ROLES="")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith("ROLES:")


def test_without_redis_it_is_one_process_too_many(tradeapi: Start, sqlite_url: str) -> None:
    """Those who follow the API process would hear of its ticks late."""
    tradeapi("serve", "--port", "0", DATABASE_URL=sqlite_url, DEMO="false").address()
    refused = run("worker", DATABASE_URL=sqlite_url)
    assert refused.returncode == 2
    assert "REDIS_URL" in refused.stderr
    assert "Traceback" not in refused.stderr
