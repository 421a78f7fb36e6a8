"""Jobs that are done where somebody waits for them."""

import os
import signal
from collections.abc import Mapping
from typing import Any

import anyio
import pytest

from tests.tracked.watched import NAME, Watched, succeed
from tradeapi.errors import Conflict, Invalid
from tradeapi.jobs.port import Job, NewJob
from tradeapi.tracked.here import Here
from tradeapi.tracked.progress import Progress

pytestmark = pytest.mark.anyio
NEW = NewJob(name=NAME, payload={"code": "EW100"}, key="index:EW100")


@pytest.fixture
def here(watched: Watched) -> Here:
    return Here(watched.database, watched.jobs, watched.bus, watched.clock)


async def test_it_is_shown_how_far_it_is(here: Here, watched: Watched) -> None:
    """From the beginning to the end; meanwhile nobody else begins it, or another of its key."""
    seen: list[tuple[float, str]] = []
    looked = anyio.Event()

    def show(fraction: float, message: str) -> None:
        seen.append((fraction, message))
        if fraction:
            looked.set()

    async def work(job: Job, progress: Progress) -> Mapping[str, Any]:
        await progress.report(0.5, "half")
        await looked.wait()
        with pytest.raises(Conflict) as refused:
            await watched.start(key=NEW.key)
        assert refused.value.code == "job_running"
        return {"code": job.payload["code"]}

    async with watched.worked_at(succeed):
        job = await here.do(NEW, subject="EW100", work=work, shown=show)
    assert (job.status, job.result, job.attempt) == ("succeeded", {"code": "EW100"}, 1)
    assert (0.5, "half") in seen
    await watched.start(key=NEW.key)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_cancels_it(here: Here, number: signal.Signals) -> None:
    """And the process goes on from there."""

    async def work(_: Job, progress: Progress) -> None:
        os.kill(os.getpid(), number)
        with anyio.fail_after(30):
            while True:
                await progress.report(0.5)
                await anyio.sleep(0.01)

    job = await here.do(NEW, subject="EW100", work=work, shown=lambda *_: None)
    assert (job.status, job.error) == ("cancelled", None)


async def test_what_is_wrong_with_it_is_told(here: Here) -> None:
    """At once: nobody tries it again."""

    async def work(_: Job, __: Progress) -> None:
        raise Invalid("No session has a constituent.", code="unbuildable")

    job = await here.do(NEW, subject="EW100", work=work, shown=lambda *_: None)
    assert job.status == "failed"
    assert job.error == {"code": "unbuildable", "detail": "No session has a constituent."}
