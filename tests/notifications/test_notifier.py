"""What is told: once, in order, all or nothing, however many tell at the same time."""

import random
from collections.abc import Mapping, Sequence
from itertools import pairwise
from uuid import UUID

import anyio
import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession
from uuid_utils.compat import uuid7

from tests.notifications.telling import Teller, notice
from tests.streams.authority import Authority
from tradeapi.bus.memory import MemoryBus
from tradeapi.database import Database
from tradeapi.jobs.port import NewJob
from tradeapi.notifications import inboxes
from tradeapi.notifications.events import INBOXES, Changed
from tradeapi.notifications.notices import Channel, Notice

pytestmark = pytest.mark.anyio

PUSH = frozenset({Channel.PUSH})


async def users(database: Database, number: int) -> list[UUID]:
    authority = Authority(database)
    return [await authority.user() for _ in range(number)]


class Counting:
    """A carrier that remembers what it was given."""

    def __init__(self) -> None:
        self.given: list[Notice] = []

    async def prepare(
        self, session: AsyncSession, notices: Mapping[UUID, Notice]
    ) -> Sequence[NewJob]:
        assert session.in_transaction()
        self.given += notices.values()
        return [NewJob(name="carry", payload={"ids": [str(id) for id in notices]})]


async def test_notices_are_told_in_their_order(database: Database) -> None:
    """Each user's own, with a number that rises."""
    ada, bob = await users(database, 2)
    teller = Teller(database)
    await teller.tell(notice(ada, "a"), notice(bob, "b"), notice(ada, "c"))
    await teller.tell(notice(ada, "d"))
    told = await teller.notifications(ada)
    assert [one.key for one in told] == ["a", "c", "d"]
    assert [one.seq for one in told] == [1, 2, 3]
    assert [one.key for one in await teller.notifications(bob)] == ["b"]
    inbox = await teller.inbox(ada)
    assert (inbox.seq, inbox.count, inbox.unread) == (3, 3, 3)


async def test_a_notice_that_came_before_is_none(database: Database) -> None:
    """It fails nobody, is not counted and not carried; nor is one that comes twice at once."""
    ada, bob = await users(database, 2)
    carrier = Counting()
    teller = Teller(database, carriers={Channel.PUSH: carrier})
    await teller.tell(notice(ada, "a", channels=PUSH))
    again = [notice(ada, key, channels=PUSH) for key in ("a", "b", "b", "c")]
    await teller.tell(*again, notice(bob, "a", channels=PUSH))
    assert [one.key for one in await teller.notifications(ada)] == ["a", "b", "c"]
    assert [(one.user_id, one.key) for one in carrier.given] == [
        (ada, "a"),
        (ada, "b"),
        (ada, "c"),
        (bob, "a"),
    ]
    inbox = await teller.inbox(ada)
    assert (inbox.count, inbox.unread) == (3, 3)
    await teller.tell(*again)
    assert len(carrier.given) == 4
    assert await teller.waiting() == {"carry": 2}
    assert (await teller.inbox(ada)).unread == 3


async def test_who_is_no_more_keeps_nobody_from_being_told(database: Database) -> None:
    """An account may be deleted while something of it is on its way."""
    [ada] = await users(database, 1)
    teller = Teller(database)
    await teller.tell(notice(uuid7(), "a"), notice(ada, "a"))
    assert [one.key for one in await teller.notifications(ada)] == ["a"]
    await teller.tell(notice(uuid7(), "a"))


async def test_what_is_too_long_is_cut(database: Database) -> None:
    """It would keep all others from being told."""
    [ada] = await users(database, 1)
    teller = Teller(database)
    await teller.tell(notice(ada, "a", title="x" * 500, text="y" * 5000))
    [told] = await teller.notifications(ada)
    assert (len(told.title), len(told.text)) == (200, 1000)


async def test_nothing_is_told_of_what_is_undone(database: Database) -> None:
    """Neither a row nor news of it is left of a transaction that failed."""
    [ada] = await users(database, 1)
    bus = MemoryBus()
    teller = Teller(database, bus)
    heard: list[Changed] = []
    with bus.subscribe(INBOXES, heard.append):
        with pytest.raises(RuntimeError):
            await tell_and_fail(teller, notice(ada, "a"))
        assert await teller.notifications(ada) == []
        assert heard == []
        await teller.tell(notice(ada, "b"))
    [change] = heard
    assert (change.user, change.after, change.seq, change.unread) == (str(ada), 0, 1, 1)
    assert [one["title"] for one in change.told or ()] == ["What b says"]


async def tell_and_fail(teller: Teller, told: Notice) -> None:
    async with teller.database.transaction() as session:
        await teller.notifier.notify(session, [told])
        raise RuntimeError


async def test_those_who_tell_at_once_neither_wait_for_ever_nor_mix_up(
    database: Database,
) -> None:
    """Whatever users they tell, in whatever order, some of them new."""
    everybody = await users(database, 6)
    rng = random.Random(7)
    tellers = [Teller(database) for _ in range(4)]

    async def work(number: int, teller: Teller) -> None:
        for round in range(8):
            some = rng.sample(everybody, 4)
            await teller.tell(*(notice(user, f"{number}-{round}") for user in some))
            await teller.tell(*(notice(user, f"{number}-{round}") for user in some[:2]))

    async with anyio.create_task_group() as tasks:
        for number, teller in enumerate(tellers):
            tasks.start_soon(work, number, teller)
    total = 0
    for user in everybody:
        told = await tellers[0].notifications(user)
        inbox = await tellers[0].inbox(user)
        assert (inbox.count, inbox.unread) == (len(told), len(told))
        assert all(one.seq < other.seq for one, other in pairwise(told))
        assert told[-1].seq <= inbox.seq
        total += len(told)
    assert total == 4 * 8 * 4


async def test_a_thousand_take_as_many_statements_as_one(database: Database) -> None:
    """Of one user or of many."""
    everybody = await users(database, 50)
    teller = Teller(database)
    statements: list[str] = []

    def count(*arguments: object) -> None:
        statements.append(str(arguments[2]))

    async with database.transaction() as session:
        engine = session.get_bind()
        event.listen(engine, "before_cursor_execute", count)
        try:
            await teller.notifier.notify(session, [notice(everybody[0], "first")])
            of_one, statements[:] = len(statements), []
            many = [notice(everybody[n % 50], f"a-{n}") for n in range(900)]
            await teller.notifier.notify(session, many)
            assert len(statements) == of_one == 3
            statements.clear()
            await teller.notifier.notify(
                session, [notice(everybody[1], f"b-{n}") for n in range(900)]
            )
            assert len(statements) == of_one
        finally:
            event.remove(engine, "before_cursor_execute", count)
    assert len(await teller.notifications(everybody[1])) == 18 + 900


async def test_the_oldest_go_when_there_are_too_many(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many at a time, and then they are counted no more."""
    monkeypatch.setattr(inboxes, "MOST", 10)
    monkeypatch.setattr(inboxes, "SURPLUS", 2)
    ada, bob = await users(database, 2)
    teller = Teller(database)
    await teller.tell(*(notice(ada, f"{n:02}") for n in range(12)), notice(bob, "a"))
    assert len(await teller.notifications(ada)) == 12
    await teller.tell(notice(ada, "12"))
    told = await teller.notifications(ada)
    assert [one.key for one in told] == [f"{n:02}" for n in range(3, 13)]
    inbox = await teller.inbox(ada)
    assert (inbox.count, inbox.unread) == (10, 10)
    await teller.tell(*(notice(ada, f"again-{n:02}") for n in range(40)))
    assert len(await teller.notifications(ada)) == 10
    assert len(await teller.notifications(bob)) == 1
