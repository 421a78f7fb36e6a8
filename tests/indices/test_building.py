"""How a build goes: in steps that nobody sees, until all of it is there."""

# ruff: noqa: SLF001  # processes die at no seam

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.indices.desk import DAY, DAY_ZERO, Desk, date_of, day_of
from tests.streams.authority import Authority
from tradeapi.database import Database
from tradeapi.errors import Conflict, Invalid
from tradeapi.indices.building import panels, running
from tradeapi.indices.building.publishing import Publishing
from tradeapi.indices.building.requests import build_job
from tradeapi.indices.building.running import Run
from tradeapi.indices.tasks import DailyBuilds
from tradeapi.notifications.service import notifications_of
from tradeapi.tracked.models import TrackedJob
from tradeapi.tracked.progress import Cancelled, Progress, begin
from tradeapi.tracked.service import TrackedJobs

NAN = float("nan")
SESSIONS = 40


class Killed(BaseException):
    """As if the process were no more."""


@pytest.fixture(autouse=True)
def short_stretches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten sessions at a time."""

    def of_ten(days: "np.ndarray[Any, np.dtype[np.int64]]") -> list[Any]:
        cuts = np.flatnonzero(np.diff((days - DAY_ZERO) // DAY // 10)) + 1
        return np.split(days, cuts)

    monkeypatch.setattr(running, "stretches", of_ten)


async def some_stocks(desk: Desk, sessions: int = SESSIONS, stocks: int = 4) -> None:
    generator = np.random.default_rng(5)
    closes = 50 * np.exp(np.cumsum(generator.normal(0, 0.02, (sessions, stocks)), axis=0))
    for stock in range(stocks):
        await desk.stock(f"US:S{stock}", closes[:, stock].tolist(), shares={0: 100.0 * (1 + stock)})


async def killed_after(desk: Desk, stretches: int, job: Any, progress: Progress) -> None:
    """A build whose process dies once so many stretches are staged."""
    staged = 0
    stage = Run._stage

    async def dying(run: Run, *some: Any) -> None:
        nonlocal staged
        await stage(run, *some)
        staged += 1
        if staged == stretches:
            raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Run, "_stage", dying)
        with pytest.raises(Killed):
            await desk.builder.work(job, progress)


async def test_a_build_that_died_goes_on_from_where_it_was(desk: Desk) -> None:
    """Meanwhile what was published before is all that is seen, and the levels come out the same."""
    await some_stocks(desk)
    await desk.define("DIES", count=2)
    await desk.define("LIVES", count=2)
    await desk.build("LIVES", end=SESSIONS - 1)
    await desk.build("DIES", end=4)
    before = await desk.levels("DIES")
    job, progress = await desk.asked("DIES", 0, SESSIONS - 1)
    await killed_after(desk, 2, job, progress)
    assert await desk.levels("DIES") == before
    assert await desk.staged() == 20
    read: list[int] = []
    panel = panels.Panels.panel

    async def noted(self: panels.Panels, days: Any, following: int) -> Any:
        read.append(int((days[-1] - DAY_ZERO) // DAY))
        return await panel(self, days, following)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(panels.Panels, "panel", noted)
        result = await desk.builder.work(job, progress)
    assert read == [29, 39]
    assert result is not None
    assert result["sessions"] == SESSIONS
    assert await desk.levels("DIES") == await desk.levels("LIVES")
    assert await desk.staged() == 0


async def test_who_was_taken_for_dead_leaves_what_others_do(desk: Desk) -> None:
    """The other attempt goes on from what is staged, and publishes all of it."""
    await some_stocks(desk)
    await desk.define("X", count=2)
    await desk.define("Y", count=2)
    await desk.build("Y", 0, SESSIONS - 1)
    job, dead = await desk.asked("X", 0, SESSIONS - 1)
    await killed_after(desk, 2, job, dead)
    alive = await begin(desk.database, desk.bus, desk.clock, dead.id)
    assert alive is not None
    dead._is_wanted = False
    with pytest.raises(Cancelled):
        await desk.builder.work(job, dead)
    assert await desk.staged() >= 20
    await desk.builder.work(job, alive)
    assert await desk.levels("X") == await desk.levels("Y")


async def test_a_build_that_is_given_up_has_failed(desk: Desk) -> None:
    """Whatever it was; until then it goes on from where it was."""
    await some_stocks(desk)
    await desk.define("X", count=2)
    job, progress = await desk.asked("X", 0, 9)

    async def broken(*_: object) -> None:
        raise ZeroDivisionError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Publishing, "publish", broken)
        for is_last_try, status in ((False, "running"), (True, "failed")):
            with pytest.raises(ZeroDivisionError):
                await desk.builder.work(replace(job, is_last_try=is_last_try), progress)
            assert [one.status for one in await desk.builds()] == [status]
    assert await desk.staged() == 0


async def test_a_build_that_is_cancelled_leaves_no_trace(desk: Desk) -> None:
    """And says so."""
    await some_stocks(desk)
    await desk.define("X", count=2)
    await desk.build("X", end=4)
    before = await desk.levels("X")
    job, progress = await desk.asked("X", 0, SESSIONS - 1)
    progress._is_wanted = False
    with pytest.raises(Cancelled):
        await desk.builder.work(job, progress)
    assert (await desk.levels("X"), await desk.staged()) == (before, 0)
    assert [one.status for one in await desk.builds()] == ["published", "cancelled"]


async def test_a_crash_as_it_is_published_leaves_what_was_published(desk: Desk) -> None:
    """The levels, the bars and the job's end are one transaction."""
    await some_stocks(desk)
    await desk.define("X", count=2)
    await desk.build("X", end=4)
    before = await desk.levels("X")
    job, progress = await desk.asked("X", 5, 9)

    async def dying(*_: object) -> None:
        raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Progress, "finish", dying)
        with pytest.raises(Killed):
            await desk.builder.work(job, progress)
    assert await desk.levels("X") == before
    await desk.builder.work(job, progress)
    assert len(await desk.levels("X")) == 10


async def test_rules_that_change_while_it_is_built_are_not_published(desk: Desk) -> None:
    """The next build follows the new ones, from the beginning."""
    await some_stocks(desk)
    await desk.define("X", count=2)
    job, progress = await desk.asked("X", 0, 9)
    await killed_after(desk, 1, job, progress)
    publish = Publishing.publish

    async def redefined(self: Publishing, *arguments: Any) -> Mapping[str, Any]:
        await desk.redefine("X", count=3)
        return await publish(self, *arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Publishing, "publish", redefined)
        with pytest.raises(Conflict):
            await desk.builder.work(job, progress)
    assert await desk.levels("X") == []
    await desk.build("X", 0, 9)
    assert {len(held.ids) for held in await desk.sessions("X")} == {3}


async def test_no_session_is_left_out(desk: Desk) -> None:
    """A build of later days builds those before them as well, one of the middle what follows."""
    await some_stocks(desk)
    await desk.define("X", count=2)
    await desk.build("X", 0, 3)
    await desk.build("X", 8, 10)
    assert len(await desk.levels("X")) == 11
    await desk.stock("US:S1", [77.0] * 11)
    await desk.build("X", 5, 6)
    await desk.define("Y", count=2)
    await desk.build("Y", 0, 10)
    assert (await desk.levels("X"))[:5] != (await desk.levels("Y"))[:5]
    assert len(await desk.levels("X")) == 11
    desk.clock.time = day_of(11) + 10
    with pytest.raises(Invalid, match="All sessions that are over are built"):
        await desk.build("X")


async def test_what_was_odd_before_a_build_died_is_not_forgotten(desk: Desk) -> None:
    """Nor that it rests on undated counts of shares: whoever goes on with it holds it, too."""
    await desk.stock("US:A", [10, 10, 10, 4], shares=1)
    await desk.stock("US:B", [10, 10, 10, 10], shares=1)
    await desk.define("X")
    await desk.build("X", end=2)
    job, progress = await desk.asked("X", 3, 3, is_gated=True)
    await killed_after(desk, 1, job, progress)
    result = await desk.builder.work(job, progress)
    assert result is not None
    assert [found["code"] for found in result["findings"]] == ["jump"]
    job, progress = await desk.asked("X", 3, 3)
    await killed_after(desk, 1, job, progress)
    await desk.builder.work(job, progress)
    assert [(one.status, one.is_static) for one in await desk.builds()][-1] == ("published", True)


async def test_who_can_no_longer_be_converted_is_not_built(desk: Desk) -> None:
    """The owner is told, once."""
    await desk.stock("EU:B", [10, 10], shares=1, currency="EUR")
    await desk.stock("FX:EURUSD", [1.0, 1.2], type="fx")
    desk.owner = await Authority(desk.database).user()
    await desk.define("X", fx={"EUR": "FX:EURUSD"}, universe={"symbols": ["EU:B"]})
    await desk.execute("DELETE FROM symbols WHERE symbol = 'FX:EURUSD'")
    for _ in "ab":
        with pytest.raises(Invalid, match="No session has a constituent"):
            await desk.build("X", end=1, is_gated=True)
    assert [one.status for one in await desk.builds()] == ["failed"] * 2
    async with desk.database.reading() as session:
        told: Any = await notifications_of(session, desk.owner)
    assert [one.type for one in told] == ["index.failed"]


async def test_an_index_that_nobody_is_left_of_is_not_built(desk: Desk) -> None:
    """The owner is told, once, though nothing is known of its sessions."""
    await desk.stock("US:A", [10, 10], shares=1)
    desk.owner = await Authority(desk.database).user()
    await desk.define("X")
    await desk.execute("DELETE FROM symbols WHERE symbol = 'US:A'")
    for _ in "ab":
        with pytest.raises(Invalid, match="no symbol in this universe"):
            await desk.build("X", is_gated=True)
    assert [(one.status, one.end_day) for one in await desk.builds()] == [("failed", None)] * 2
    async with desk.database.reading() as session:
        told: Any = await notifications_of(session, desk.owner)
    assert [one.type for one in told] == ["index.failed"]


async def test_rules_that_make_no_sense_are_refused(desk: Desk) -> None:
    """With the field that is wrong."""
    await some_stocks(desk, sessions=2)
    wrong: Sequence[tuple[str, Mapping[str, Any]]] = [
        ("/cap", {"weighting": "capped", "cap": 0.2}),
        ("/cap", {"cap": 0.5}),
        ("/weights", {"weighting": "custom"}),
        ("/weights/US:NONE", {"weighting": "custom", "weights": {"US:NONE": 1}}),
        ("/dates", {"rebalance": "dates"}),
        ("/dates", {"dates": ["2024-06-10"]}),
        ("/fx", {"currency": "EUR"}),
        ("/buffer", {"count": 2, "buffer": 2}),
        ("/withholding", {"withholding": 0.1}),
        ("/universe", {"universe": {"sectors": ["None"]}}),
        ("/universe/symbols/1", {"universe": {"symbols": ["US:S0", "US:NONE"]}}),
    ]
    for pointer, rules in wrong:
        with pytest.raises(Invalid) as refused:
            await desk.define("X", **{"count": None, **rules})
        assert [error.pointer for error in refused.value.errors][:1] == [pointer]


async def test_days_that_are_no_session_are_refused(sqlite_url: str) -> None:
    """As the base, and to rebalance on."""
    rules = {"rebalance": "dates", "dates": ["2024-06-10", "2024-06-15"]}
    async with Database(sqlite_url) as database:
        desk = Desk(database)
        await desk.add("US:A")
        await desk.execute("UPDATE exchanges SET calendar = 'XNYS'")
        with pytest.raises(Invalid) as refused:
            await desk.define("X", base_date="2024-06-09", **rules)
    assert [error.pointer for error in refused.value.errors] == ["/base_date", "/dates/1"]


async def test_closes_are_converted(desk: Desk) -> None:
    """By the close of the symbol that is named; without a rate of the day by the last one."""
    await desk.stock("US:A", [10, 10, 10, 10], shares=1)
    await desk.stock("EU:B", [10, 10, 11, 11], shares=1, currency="EUR")
    await desk.stock("FX:EURUSD", [1.0, 1.2, NAN, 1.1], type="fx")
    await desk.define("X", fx={"EUR": "FX:EURUSD"})
    await desk.build("X", end=3)
    levels = await desk.levels("X")
    second = 1000 * (1 + 1.2) / 2
    third = second * (1 + 1.1) / 2
    wanted = [1000, second, third, third * (1 + 1.1 / 1.2) / 2]
    assert levels == pytest.approx(wanted, rel=1e-12)


async def test_selection_knows_the_shares_of_its_day(desk: Desk) -> None:
    """Not those that are counted later, which a split multiplies meanwhile."""
    await desk.stock("US:A", [10, 10, 5, 5], shares={0: 10, 3: 1}, actions=[(2, "split", 2.0)])
    await desk.stock("US:B", [10, 10, 10, 10], shares={0: 9, 3: 30})
    await desk.define("X", count=1)
    await desk.build("X", end=3)
    listing = await desk.directory.get("US:A")
    other = await desk.directory.get("US:B")
    sessions = await desk.sessions("X")
    assert [held.ids.tolist() for held in sessions] == [[listing.id]] * 3 + [[other.id]]
    assert [held.outstanding.tolist() for held in sessions] == [[10], [10], [20], [30]]


async def test_data_that_does_not_pass_is_held(desk: Desk) -> None:
    """Nothing is published, the build says why, and the owner is told once."""
    await desk.stock("US:A", [10, 10, 10, 4], shares=1)
    await desk.stock("US:B", [10, 10, 10, 10], shares=1)
    desk.owner = await Authority(desk.database).user()
    await desk.define("X")
    await desk.build("X", end=2)
    result = await desk.build("X", end=3, is_gated=True)
    assert result is not None
    assert result["status"] == "held"
    assert [found["code"] for found in result["findings"]] == ["jump"]
    assert len(await desk.levels("X")) == 3
    await desk.build("X", end=3, is_gated=True)
    async with desk.database.reading() as session:
        told: Any = await notifications_of(session, desk.owner)
    assert [one.title for one in told] == ["X was not published"]
    await desk.build("X", end=3)
    assert len(await desk.levels("X")) == 4
    assert (await desk.builds())[-1].findings[0]["symbol"] == "US:A"


async def test_who_is_sold_at_a_price_that_is_odd_is_found(desk: Desk) -> None:
    """The level rests on it, though he is in the index no more."""
    await desk.stock("US:A", [10, 11, 12, 2], shares=100)
    await desk.stock("US:B", [5, 5, 5, 5], shares=100)
    await desk.define("X", count=1)
    await desk.build("X", end=2)
    result = await desk.build("X", end=3, is_gated=True)
    assert result is not None
    assert [found["symbol"] for found in result["findings"]] == ["US:A"]


async def test_a_wide_index_is_built_a_few_sessions_at_a_time(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that it takes no more memory; the levels are the same, and so is what is found."""
    await some_stocks(desk)
    await desk.stock("US:JUMPS", [100.0, 40.0] * (SESSIONS // 2), shares=1000)
    results = []
    for code, cells in (("WIDE", 5 * 3), ("NARROW", 1_000_000)):
        monkeypatch.setattr(running, "_CELLS_AT_ONCE", cells)
        await desk.define(code, count=2)
        results.append(await desk.build(code, 0, SESSIONS - 1))
    wide, narrow = results
    assert wide is not None
    assert narrow is not None
    assert await desk.levels("WIDE") == await desk.levels("NARROW")
    assert wide["findings"] == narrow["findings"]
    assert wide["findings"]


async def test_a_build_that_goes_on_knows_what_was_odd_before(desk: Desk) -> None:
    """Its process died between what it has found and saying so."""
    await desk.stock("US:A", [10, 11, 12, 30], shares=100)
    await desk.define("X", count=1)
    await desk.build("X", end=2)
    job, progress = await desk.asked("X", None, 3, is_gated=True)
    await killed_after(desk, 1, job, progress)
    result = await desk.builder.work(job, progress)
    assert result is not None
    assert (result["status"], len(await desk.levels("X"))) == ("held", 3)
    [build] = [one for one in await desk.builds() if one.status == "held"]
    assert build.is_static


@pytest.mark.parametrize(
    ("closes", "code"), [([10, 10, NAN], "missing"), ([10, *[NAN] * 7], "stale")]
)
async def test_prices_that_are_missing_are_found(
    desk: Desk, closes: list[float], code: str
) -> None:
    """A session's that is not in yet, and a constituent's that has had none for long."""
    await desk.stock("US:A", closes, shares=1)
    await desk.stock("US:B", [10] * 8, shares=1)
    await desk.define("X", count=None, rebalance="monthly")
    await desk.build("X", end=1)
    result = await desk.build("X", end=len(closes) - 1, is_gated=True)
    assert result is not None
    assert code in [found["code"] for found in result["findings"]]


async def test_an_index_is_extended_after_each_session(desk: Desk) -> None:
    """Once, over however many processes, some time after the close; never one that nobody built."""
    await some_stocks(desk)
    await desk.define("X", count=2)
    await desk.define("NEVER", count=2)
    desk.clock.time = day_of(5)
    await desk.build("X")
    daily = [
        DailyBuilds(desk.database, desk.jobs, desk.bus, desk.calendars, desk.clock) for _ in "ab"
    ]

    async def asked() -> int:
        for one in daily:
            await one.once()
        async with desk.database.reading() as session:
            tracked = TrackedJobs(session, desk.jobs, desk.bus, None, 0, sees_all=True)
            jobs = await tracked.list(limit=10)
        return sum(job.status == "queued" for job in jobs)

    assert await asked() == 0
    desk.clock.time = day_of(6) + 60
    assert await asked() == 0
    desk.clock.time = day_of(6) + 3600
    assert await asked() == 1
    assert await asked() == 1

    async with desk.database.transaction() as session:
        tracked = TrackedJobs(session, desk.jobs, desk.bus, None, desk.clock.now(), sees_all=True)
        [job] = [job for job in await tracked.list(limit=10) if job.status == "queued"]
        await tracked.cancel(job.id)
    assert await asked() == 0
    desk.clock.time += 3600
    assert await asked() == 1


async def test_one_build_at_a_time(desk: Desk) -> None:
    """The second one is told of the first."""
    async with desk.database.transaction() as session:
        tracked = TrackedJobs(session, desk.jobs, desk.bus, None, 0)
        first: TrackedJob = await tracked.start(build_job("X"), subject="X")
    async with desk.database.transaction() as session:
        tracked = TrackedJobs(session, desk.jobs, desk.bus, None, 0)
        with pytest.raises(Conflict, match=str(first.id)):
            await tracked.start(build_job("X", date_of(0)), subject="X")
