"""Jobs that are watched, on both databases."""

from uuid import UUID

import pytest

from tests.serving import plain_log, serve, service
from tests.streams.authority import Authority
from tests.tracked.watched import Watched
from tradeapi.database import Database
from tradeapi.jobs import execution, runner
from tradeapi.tracked import progress, working

__all__ = ["ada", "impatient", "plain_log", "serve", "service", "watched"]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execution, "FIRST_SECONDS", 0.001)
    monkeypatch.setattr(runner, "LOOK_SECONDS", 0.1)
    monkeypatch.setattr(runner, "RETRY_SECONDS", 0.1)
    monkeypatch.setattr(working, "AGAIN_SECONDS", 0.01)
    monkeypatch.setattr(progress, "TELL_SECONDS", 0.02)


@pytest.fixture
async def ada(database: Database) -> UUID:
    return await Authority(database).user()


@pytest.fixture
def watched(database: Database, ada: UUID) -> Watched:
    """Ada's jobs."""
    return Watched(database, ada)
