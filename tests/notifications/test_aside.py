"""Work beside the jobs, and whose turn it is."""

from functools import partial

import anyio
import pytest
import structlog

from tradeapi.jobs.port import Later
from tradeapi.notifications.posting import aside, turns
from tradeapi.notifications.posting.aside import AGAIN_SECONDS, Aside
from tradeapi.notifications.posting.turns import Turns

pytestmark = pytest.mark.anyio


async def give(answer: float | None) -> float | None:
    return answer


async def fail(after: anyio.Event | None = None) -> None:
    if after is not None:
        await after.wait()
    raise ZeroDivisionError


async def again(work: Aside, key: int, what: aside.Work) -> float | None:
    try:
        await work.do(key, what)
    except Later as later:
        return later.seconds
    return None


async def test_what_is_soon_over_is_told_to_the_job() -> None:
    """That it is done, that it is to be done later, or what went wrong."""
    async with Aside(patience=10) as work:
        assert await again(work, 1, partial(give, None)) is None
        assert await again(work, 1, partial(give, 7.5)) == 7.5
        with pytest.raises(ZeroDivisionError):
            await work.do(1, fail)


async def test_what_takes_long_goes_on_by_itself() -> None:
    """What goes wrong then is logged, and ends nothing else; the job comes back for it."""
    go_on = anyio.Event()
    with structlog.testing.capture_logs() as lines:
        async with Aside(patience=0) as work:
            assert await again(work, 1, partial(fail, go_on)) == AGAIN_SECONDS
            assert await again(work, 1, partial(fail, go_on)) == AGAIN_SECONDS
            go_on.set()
            await anyio.wait_all_tasks_blocked()
            assert [line["event"] for line in lines] == ["notifications.not_sent"]
            # It is begun anew, and not told that it is under way.
            with pytest.raises(ZeroDivisionError):
                await work.do(1, fail)


async def test_there_is_an_end_to_what_is_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """More of it is not begun."""
    monkeypatch.setattr(aside, "MOST", 2)
    begun = []

    async def hang(number: int) -> None:
        begun.append(number)
        await anyio.sleep_forever()

    async with Aside(patience=0) as work:
        for number in range(4):
            assert await again(work, number, partial(hang, number)) == AGAIN_SECONDS
        await anyio.wait_all_tasks_blocked()
        assert begun == [0, 1]


async def test_turns_come_one_after_the_other() -> None:
    """So many at once; whoever would wait too long is told when to come, the later the more do."""
    line, go_on = Turns(), anyio.Event()
    told: list[float] = []
    begun = 0

    async def take() -> None:
        nonlocal begun
        try:
            async with line.one("here"):
                begun += 1
                await go_on.wait()
        except Later as later:
            told.append(later.seconds)

    async with anyio.create_task_group() as tasks:
        for _ in range(1000):
            tasks.start_soon(take)
        await anyio.wait_all_tasks_blocked()
        assert begun == turns.AT_ONCE
        assert len(told) > 900
        assert told[0] < told[-1] <= turns.LATEST * 1.1
        async with line.one("elsewhere"):
            go_on.set()
    assert begun + len(told) == 1000
