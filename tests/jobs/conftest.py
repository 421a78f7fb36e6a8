"""Background jobs, held to one suite on both databases."""

import pytest

from tradeapi.clock import SystemClock
from tradeapi.database import Database
from tradeapi.jobs import execution, runner
from tradeapi.jobs.opening import jobs_of
from tradeapi.jobs.port import Jobs


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execution, "FIRST_SECONDS", 0.001)
    monkeypatch.setattr(runner, "LOOK_SECONDS", 0.1)
    monkeypatch.setattr(runner, "RETRY_SECONDS", 0.1)


@pytest.fixture
def jobs(database: Database) -> Jobs:
    """Who only asks for jobs, as an API process may."""
    return jobs_of(database, SystemClock())
