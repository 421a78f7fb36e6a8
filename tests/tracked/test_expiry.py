"""Jobs are kept for a while after their end."""

import pytest

from tests.tracked.watched import Watched, succeed
from tradeapi.clock import FixedClock
from tradeapi.tracked import tasks
from tradeapi.tracked.tasks import KEPT_SECONDS, TrackedJobExpiry

pytestmark = pytest.mark.anyio


async def test_what_has_ended_long_ago_is_forgotten(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However much that is; what has not ended stays, however old it is."""
    monkeypatch.setattr(tasks, "AT_ONCE", 2)
    waiting = await watched.start()
    for _ in range(4):
        await watched.cancel(await watched.start())
    async with watched.worked_at(succeed):
        ended = await watched.ended(waiting)
    assert ended.finished_at is not None
    left = await watched.start()
    clock = FixedClock(ended.finished_at + KEPT_SECONDS)
    expiry = TrackedJobExpiry(watched.database, clock)
    assert await expiry.once() == 4
    clock.time += 0.001
    assert await expiry.once() == 1
    clock.time += 100 * KEPT_SECONDS
    assert await expiry.once() == 0
    assert (await watched.get(left)).status == "queued"
