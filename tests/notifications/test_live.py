"""The topic `notifications`: each user's own, every one once and in order, through every break."""

import random
from collections.abc import AsyncIterator
from uuid import UUID

import anyio
import pytest

from tests.notifications.live import TOPIC, LiveInboxes, Page, follow, live_inboxes
from tests.notifications.telling import notice
from tests.streams.authority import Authority, bearer
from tests.streams.client import Client, client
from tests.streams.event_source import event_source
from tests.streams.waiting import until
from tradeapi.auth.dev import DEV_USER, ensure_dev_user
from tradeapi.database import Database
from tradeapi.notifications.events import Changed, decode, encode
from tradeapi.notifications.live import reading
from tradeapi.streams.limits import Limits
from tradeapi.streams.positions import PLACES

pytestmark = pytest.mark.anyio


@pytest.fixture
async def inboxes(database: Database) -> AsyncIterator[LiveInboxes]:
    async with live_inboxes(database) as inboxes:
        yield inboxes


@pytest.fixture
async def ada(inboxes: LiveInboxes) -> UUID:
    return await inboxes.authority.user()


async def test_what_comes_is_told_at_once(inboxes: LiveInboxes, ada: UUID) -> None:
    """After a snapshot of what was there; and as HTTP answers it."""
    await inboxes.tell(notice(ada, "a"), notice(ada, "b"))
    async with client(inboxes.url, **bearer(inboxes.authority.token(ada))) as guest:
        page = await follow(guest)
        assert page.kinds == ["snapshot"]
        assert await inboxes.agrees(page, ada)
        await inboxes.tell(notice(ada, "c"), notice(ada, "d"))
        await guest.hear_until(lambda: len(page.popped) == 2)
        assert (page.popped, page.unread) == (["c", "d"], 4)
        assert await inboxes.agrees(page, ada)
        # Those that came before are not told again.
        await inboxes.tell(notice(ada, "a"), notice(ada, "d"))
        await inboxes.tell(notice(ada, "e"))
        await guest.hear_until(lambda: len(page.popped) == 3)
        assert page.popped == ["c", "d", "e"]
        assert await inboxes.agrees(page, ada)


async def test_every_tab_hears_what_another_one_marks(inboxes: LiveInboxes, ada: UUID) -> None:
    """One at a time, all, and what is removed; the count of unread ones goes with it."""
    keys = [f"k{n}" for n in range(5)]
    await inboxes.tell(*(notice(ada, key) for key in keys))
    async with client(inboxes.url, **bearer(inboxes.authority.token(ada))) as guest:
        page = await follow(guest)
        await inboxes.mark(ada, "k1", is_read=True)
        assert (await guest.hear_type("mark"))["unread"] == 4
        await inboxes.mark(ada, "k1", is_read=False)
        assert (await guest.hear_type("mark"))["read_at"] is None
        assert await inboxes.agrees(page, ada)
        async with inboxes.of(ada) as notifications:
            await notifications.mark_all(3)
        assert (await guest.hear_type("inbox"))["unread"] == 2
        assert await inboxes.agrees(page, ada)
        async with inboxes.of(ada) as notifications:
            await notifications.clear(4)
        await guest.hear_type("inbox")
        assert [one["data"]["key"] for one in page.newest] == ["k4"]
        assert await inboxes.agrees(page, ada)
        assert page.popped == []


async def test_each_user_has_a_topic_of_the_name(inboxes: LiveInboxes, ada: UUID) -> None:
    """What one hears, nobody else does; nobody can ask for another's."""
    bob = await inboxes.authority.user()
    async with (
        client(inboxes.url, **bearer(inboxes.authority.token(ada))) as hers,
        client(inboxes.url, **bearer(inboxes.authority.token(bob))) as his,
    ):
        her_page, his_page = await follow(hers), await follow(his)
        assert her_page.epoch != his_page.epoch
        await inboxes.tell(notice(ada, "a"), notice(bob, "b"), notice(ada, "c"))
        await hers.hear_until(lambda: len(her_page.popped) == 2)
        await his.hear_until(lambda: len(his_page.popped) == 1)
        assert (her_page.popped, his_page.popped) == (["a", "c"], ["b"])
        names = [f"{TOPIC}:{ada}", f"{TOPIC}@{ada}", f"{TOPIC}:"]
        await his.say_anything(op="subscribe", topics=names)
        ack = await his.hear_type("ack")
        assert [one["code"] for one in ack["rejected"]] == ["unknown_topic"] * 3
        assert await his.hear_rest() == []


async def test_who_is_nobody_has_none(database: Database) -> None:
    """Also where anybody may read the market; nor has whoever was given a share."""
    authority = Authority(database, public_read=True)
    async with live_inboxes(database, authority=authority) as inboxes:
        async with client(inboxes.url) as guest:
            await guest.say(op="subscribe", topics=[TOPIC])
            assert [one["code"] for one in (await guest.hear_type("ack"))["rejected"]] == [
                "unauthenticated"
            ]
        owner = await authority.user()
        share = authority.shares.make(owner, ["a chart"], days=1).token
        async with client(inboxes.url, **bearer(share)) as guest:
            await guest.say(op="subscribe", topics=[TOPIC])
            assert [one["code"] for one in (await guest.hear_type("ack"))["rejected"]] == [
                "insufficient_scope"
            ]


async def test_who_becomes_another_hears_the_former_one_no_more(database: Database) -> None:
    """Where nobody has to say who they are, a socket is at first the user dev's."""
    await ensure_dev_user(database)
    authority = Authority(database, is_open=True)
    async with live_inboxes(database, authority=authority) as inboxes:
        ada = await authority.user()
        async with client(inboxes.url) as guest:
            page = await follow(guest)
            await guest.say(op="auth", id=1, token=authority.token(ada))
            error = await guest.hear_type("error")
            assert (error["topic"], error["code"]) == (TOPIC, "forbidden")
            await inboxes.tell(notice(DEV_USER, "dev's"))
            assert await guest.hear_rest() == []
            page = await follow(guest)
            await inboxes.tell(notice(ada, "ada's"), notice(DEV_USER, "dev's again"))
            await guest.hear_until(lambda: bool(page.popped))
            assert page.popped == ["ada's"]


async def test_what_was_missed_is_told_to_whoever_comes_back(
    database: Database, inboxes: LiveInboxes, ada: UUID
) -> None:
    """From the memory of the process, or from the table: after a restart, at another process."""
    token = inboxes.authority.token(ada)
    async with client(inboxes.url, **bearer(token)) as guest:
        page = await follow(guest)
        await inboxes.tell(notice(ada, "a"))
        await guest.hear_until(lambda: page.popped == ["a"])
    await inboxes.tell(notice(ada, "b"))
    async with client(inboxes.url, **bearer(token)) as guest:
        await follow(guest, page)
        await guest.hear_until(lambda: page.popped == ["a", "b"])
    await inboxes.tell(*(notice(ada, f"c{n:03}") for n in range(400)))
    await inboxes.mark(ada, "a", is_read=True)
    async with (
        live_inboxes(database, authority=inboxes.authority) as other,
        client(other.url, **bearer(token)) as guest,
    ):
        await follow(guest, page)
        await guest.hear_until(lambda: page.kinds[-1] == "mark")
        assert page.popped[2:] == [f"c{n:03}" for n in range(400)]
        assert await other.agrees(page, ada)
        await other.tell(notice(ada, "d"))
        await guest.hear_until(lambda: page.popped[-1] == "d")
    assert page.resets == []
    assert page.kinds.count("snapshot") == 1


async def test_who_has_missed_too_much_begins_anew(
    database: Database, inboxes: LiveInboxes, ada: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And is told so, with where to read it; positions that are none are known for that."""
    monkeypatch.setattr(reading, "AT_ONCE", 10)
    token = inboxes.authority.token(ada)
    async with client(inboxes.url, **bearer(token)) as guest:
        page = await follow(guest)
    await inboxes.tell(*(notice(ada, f"{n:02}") for n in range(11)))
    async with live_inboxes(database, authority=inboxes.authority) as other:
        async with client(other.url, **bearer(token)) as guest:
            await follow(guest, page)
            assert page.resets == ["retention"]
            assert await other.agrees(page, ada)
        for seq in (page.seq + 1024 * 50, page.seq - 7, 3):
            async with client(other.url, **bearer(token)) as guest:
                stray = Page()
                stray.epoch, stray.seq = page.epoch, seq
                guest.charts[TOPIC] = Page()
                resume = {TOPIC: {"epoch": page.epoch, "seq": seq}}
                await guest.say(op="subscribe", topics=[TOPIC], resume=resume)
                frames = [await guest.hear_type("reset"), await guest.hear_type("snapshot")]
                assert frames[1]["unread"] == 11


async def test_many_at_once_are_all_told(inboxes: LiveInboxes, ada: UUID) -> None:
    """More than the news of them holds, and more than is read at once; some with no news at all."""
    async with client(inboxes.url, **bearer(inboxes.authority.token(ada))) as guest:
        page = await follow(guest)
        keys = [f"{n:04}" for n in range(1500)]
        await inboxes.tell(*(notice(ada, key) for key in keys))
        await guest.hear_until(lambda: len(page.popped) == 1500)
        assert page.popped == keys
        assert await inboxes.agrees(page, ada)


async def test_what_no_news_tells_of_is_found(inboxes: LiveInboxes, ada: UUID) -> None:
    """Within a second or two."""
    async with client(inboxes.url, **bearer(inboxes.authority.token(ada))) as guest:
        page = await follow(guest)
        await inboxes.silent.tell(notice(ada, "a"))
        await guest.hear_until(lambda: page.popped == ["a"])
        # News of what follows a change that was not heard of.
        await inboxes.silent.tell(notice(ada, "b"))
        await inboxes.tell(notice(ada, "c"))
        await guest.hear_until(lambda: page.popped == ["a", "b", "c"])
        assert await inboxes.agrees(page, ada)


async def test_whatever_happens_pages_show_what_is(
    database: Database, inboxes: LiveInboxes, ada: UUID
) -> None:
    """Two processes write, pages come and go at both, and each pops up everything once."""
    rng = random.Random(11)
    token = inboxes.authority.token(ada)
    told = 0
    async with live_inboxes(database, bus=inboxes.bus, authority=inboxes.authority) as other:
        processes = [inboxes, other]
        page = Page()
        for _ in range(12):
            place = rng.choice(processes)
            async with client(place.url, **bearer(token)) as guest:
                page = await follow(guest, page)
                for _ in range(rng.randint(1, 5)):
                    told += await happen(rng, rng.choice(processes), ada, told)
                await inboxes.hear_all(guest, page, ada)
                assert await inboxes.agrees(page, ada)
            for _ in range(rng.randint(0, 3)):
                told += await happen(rng, rng.choice([*processes, inboxes]), ada, told)
        async with client(other.url, **bearer(token)) as guest:
            await follow(guest, page)
            await inboxes.hear_all(guest, page, ada)
        assert page.popped == [f"{n}" for n in range(told)]
        assert page.resets == []


async def happen(rng: random.Random, place: LiveInboxes, user: UUID, told: int) -> int:
    """Something, at random; how many notifications more that makes."""
    kind = rng.choice(["tell", "tell", "silent", "mark", "mark_all"])
    if kind in {"tell", "silent"} or not told:
        teller = place.silent if kind == "silent" else place
        number = rng.randint(1, 3)
        await teller.tell(*(notice(user, f"{told + n}") for n in range(number)))
        return number
    if kind == "mark":
        await place.mark(user, str(rng.randrange(told)), is_read=rng.random() < 0.7)
    else:
        async with place.of(user) as notifications:
            await notifications.mark_all(rng.randint(1, told))
    return 0


async def test_who_comes_while_much_is_told_misses_nothing(inboxes: LiveInboxes, ada: UUID) -> None:
    """What is heard while the inbox is read is neither lost nor takes the topic back."""
    headers, most = bearer(inboxes.authority.token(ada)), 120
    pages = list[Page]()

    async def come() -> None:
        async with client(inboxes.url, **headers) as guest:
            # Each time with a snapshot, which has the inbox read again.
            for _ in range(4):
                pages.append(await follow(guest))
            await guest.hear_until(lambda: is_over(guest))

    def is_over(guest: Client) -> bool:
        page = guest.charts[TOPIC]
        assert isinstance(page, Page)
        return page.seq // PLACES >= most

    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(come)
        for number in range(most):
            await inboxes.tell(notice(ada, f"{number:03}"))
    assert all(page.resets == [] for page in pages)
    for page in pages:
        first = int(page.popped[0]) if page.popped else 0
        assert page.popped == [f"{first + n:03}" for n in range(len(page.popped))]


async def test_it_is_told_by_events(inboxes: LiveInboxes, ada: UUID) -> None:
    """The same frames without a socket, and on from the last one."""
    headers = {"authorization": f"Bearer {inboxes.authority.token(ada)}"}
    url = inboxes.served.events_url
    async with event_source(url, TOPIC, headers=headers) as events:
        page = events.charts[TOPIC] = Page()
        await events.hear_type("snapshot")
        await inboxes.tell(notice(ada, "a"))
        await events.hear_type("notification")
        last = events.last_id
    await inboxes.tell(notice(ada, "b"))
    async with event_source(url, TOPIC, last_id=last, headers=headers) as events:
        events.charts[TOPIC] = page
        await events.hear_type("notification")
    assert page.popped == ["a", "b"]


async def test_nothing_is_left_of_who_has_gone(database: Database) -> None:
    """No topic, and no news that is listened for."""
    limits = Limits(linger_seconds=0)
    async with live_inboxes(database, limits=limits) as inboxes:
        ada = await inboxes.authority.user()
        async with client(inboxes.url, **bearer(inboxes.authority.token(ada))) as guest:
            await follow(guest)
            assert {*inboxes.served.hub.topics} == {f"{TOPIC}@{ada}"}
        await until(lambda: not inboxes.served.hub.topics)


@pytest.mark.parametrize("told", [None, [], [{"seq": 3, "title": "x"}]])
def test_news_travels_unchanged(told: list[dict[str, object]] | None) -> None:
    """Over any bus; what a later release adds is left out, and what is too long is not said."""
    change = Changed(user="u", seq=3, after=2, unread=1, told=told)
    assert decode(encode(change)) == change
    assert decode(encode(change)[:-1] + b',"more"]') == change
    long = Changed(user="u", seq=3, after=2, unread=1, told=[{"seq": 3, "text": "x" * 20_000}])
    assert decode(encode(long)).told is None


@pytest.mark.parametrize(
    "payload", [b"", b"[]", b'["u","x",1,1,null]', b'["u",2,1,1,[1]]', b'["u",2,1,1,[{"seq":"x"}]]']
)
def test_what_is_no_news_is_refused(payload: bytes) -> None:
    """Anybody may write to Redis."""
    with pytest.raises(Exception):  # noqa: B017, PT011  of whatever type
        decode(payload)
