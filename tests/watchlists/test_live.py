"""Watchlists that are followed: what is told of them, to whom, and what is left behind."""

import gc
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest
from sqlalchemy import update

from tests.market.places import MONDAY, Market
from tests.streams.authority import Authority, bearer
from tests.streams.cable import Cable
from tests.streams.client import client
from tests.streams.documented import frame_of
from tests.streams.event_source import event_source
from tests.streams.waiting import until
from tests.watchlists.live import LiveLists, Page, Writer, live_lists, show
from tradeapi.auth.dev import DEV_USER
from tradeapi.bus.memory import MemoryBus
from tradeapi.database import Database
from tradeapi.market.live.watch import Watch
from tradeapi.market.models import Symbol
from tradeapi.market.symbols.directory import Listing
from tradeapi.market.symbols.service import Symbols
from tradeapi.streams.limits import Limits
from tradeapi.streams.requests import Subscribe
from tradeapi.streams.subscriptions import Subscriptions
from tradeapi.streams.topics import Topic
from tradeapi.watchlists.events import Changed, decode, encode
from tradeapi.watchlists.live import source
from tradeapi.watchlists.live.source import WatchlistSource
from tradeapi.web.principal import Principal, Scope

pytestmark = pytest.mark.anyio

NAMES = ["X:AAA", "X:BBB", "X:CCC"]


async def listed(lists: LiveLists, names: list[str] = NAMES) -> dict[str, Listing]:
    """Symbols that have been traded at 100."""
    listings = {name: await lists.market.market.add(name) for name in names}
    for listing in listings.values():
        await lists.market.trade(listing, [(MONDAY - 1, 100, 1)])
    return listings


async def test_a_list_is_told_with_the_quotes_of_what_is_on_it(database: Database) -> None:
    """In the snapshot, whenever it is edited, and as prices come."""
    async with live_lists(database) as lists, client(lists.url) as guest:
        listings = await listed(lists)
        id = await lists.create("Letters", NAMES[:2])
        page = await show(guest, id)
        assert page.kinds == ["snapshot"]
        assert page.quotes["X:AAA"]["last"] == 100
        assert await lists.agrees(page)
        await lists.market.trade(listings["X:BBB"], [(MONDAY, 101, 1)])
        frame = await guest.hear()
        assert (frame["type"], [*frame["quotes"]]) == ("quotes", ["X:BBB"])
        assert await lists.agrees(page)
        await lists.add(id, "X:CCC")
        frame = await guest.hear()
        assert (frame["type"], frame["version"]) == ("watchlist", page.document["version"])
        assert page.symbols == {*NAMES}
        assert await lists.agrees(page)
        await lists.market.trade(listings["X:CCC"], [(MONDAY, 102, 1)])
        await guest.hear()
        assert page.quotes["X:CCC"]["last"] == 102
        await lists.remove(id, "X:BBB")
        await guest.hear()
        await lists.market.trade(listings["X:BBB"], [(MONDAY + 0.5, 103, 1)])
        assert await guest.hear_rest(0.6) == []
        assert await lists.agrees(page)


async def test_a_list_is_told_by_events(database: Database) -> None:
    """The same frames, without a socket."""
    async with live_lists(database) as lists:
        listings = await listed(lists)
        id = await lists.create("Letters", NAMES)
        topic = f"watchlists:{id}"
        async with event_source(lists.market.events_url, topic) as events:
            page = events.charts[topic] = Page()
            await events.hear_type("snapshot")
            await lists.note(id, "X:AAA", notes="Buy!")
            await events.hear_type("watchlist")
            await lists.market.trade(listings["X:AAA"], [(MONDAY, 99, 1)])
            await events.hear_type("quotes")
            assert page.quotes["X:AAA"]["last"] == 99
            assert await lists.agrees(page)


async def test_prices_of_a_long_list_are_told_together(database: Database) -> None:
    """However many come, of however many symbols, within the interval."""
    names = [f"X:S{number:04}" for number in range(1000)]
    async with live_lists(database) as lists, client(lists.url) as guest:
        async with database.transaction() as session:
            await Symbols(session).ensure(*names)
        directory = lists.market.market.directory
        listings = [await directory.get(name) for name in names[::25]]
        page = await show(guest, await lists.create("Many", names))
        assert len(page.quotes) == 1000
        begun = anyio.current_time()
        for number in range(200):
            tick = MONDAY + number / 1000, 100 + number, 1
            await lists.market.trade(listings[number % 40], [tick])
        await guest.hear_until(lambda: page.quotes[names[975]]["last"] == 299)
        spans = (anyio.current_time() - begun) / source.INTERVAL_SECONDS
        assert page.kinds.count("quotes") <= spans + 2
        assert await lists.agrees(page)


async def test_a_quote_that_has_only_become_old_is_told(database: Database) -> None:
    """Of all symbols at once."""
    async with live_lists(database) as lists, client(lists.url) as guest:
        await listed(lists)
        page = await show(guest, await lists.create("Letters", NAMES))
        assert not page.quotes["X:AAA"]["stale"]
        lists.market.clock.time += 3600
        await guest.hear_until(lambda: all(quote["stale"] for quote in page.quotes.values()))
        assert await lists.agrees(page)


@asynccontextmanager
async def telling(topic: Topic) -> AsyncIterator[None]:
    """What is done in it has been told when it is over."""
    seq = topic.seq
    yield
    await until(lambda: topic.seq > seq)


async def test_a_slow_reader_loses_no_symbol(database: Database) -> None:
    """What it has not taken is told with what comes later, in one frame."""
    names = [f"X:S{number:02}" for number in range(12)]
    async with live_lists(database) as lists:
        listings = await listed(lists, names)
        id, hub = await lists.create("Many", names), lists.market.hub
        topic, page = f"watchlists:{id}", Page()
        with hub.mailbox() as mailbox:
            reader = Principal(user=DEV_USER, scopes=frozenset({Scope.READ}))
            subscriptions = Subscriptions(hub, mailbox)
            asked = Subscribe(id=1, topics=[topic], history=0, throttle=0, resume={})
            await subscriptions.add(asked, reader)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(hub.serve_snapshots, mailbox)
                await until(lambda: hub.topics[topic].is_begun)
                for number, name in enumerate(names[:11]):
                    async with telling(hub.topics[topic]):
                        await lists.market.trade(listings[name], [(MONDAY, 50 + number, 1)])
                    if number == 5:
                        async with telling(hub.topics[topic]):
                            await lists.remove(id, names[11])
                _, *frames = map(frame_of, await mailbox.take())
                tasks.cancel_scope.cancel()
            subscriptions.close()
        for frame in frames:
            page.apply(frame)
        assert page.kinds == ["snapshot", "watchlist"]
        assert [quote["last"] for quote in page.quotes.values()] == [*range(50, 61)]
        assert await lists.agrees(page)


async def test_a_list_that_is_removed_ends_its_topic(database: Database) -> None:
    """Whether there is news of it or not."""
    async with live_lists(database) as lists:
        await listed(lists)
        for writer in (lists, lists.silent):
            async with client(lists.url) as guest:
                id = await lists.create("Letters", NAMES)
                await show(guest, id)
                await writer.delete(id)
                frame = await guest.hear()
                assert (frame["type"], frame["topic"]) == ("error", f"watchlists:{id}")
                assert frame["code"] == "not_found"


async def test_what_a_crash_has_left_unannounced_is_told(database: Database) -> None:
    """A second later, from the database; so is where it stands among the others."""
    async with live_lists(database) as lists, client(lists.url) as guest:
        await listed(lists)
        other = await lists.create("Other")
        id = await lists.create("Letters", NAMES[:1])
        page = await show(guest, id)
        await lists.silent.take(id, NAMES)
        await guest.hear_until(lambda: page.quotes.keys() == {*NAMES})
        assert await lists.agrees(page)
        await lists.delete(other)
        await guest.hear_until(lambda: page.document["position"] == 0)
        assert await lists.agrees(page)


async def test_a_symbol_that_is_another_is_told(database: Database) -> None:
    """Its new name, and that it is no more; a later one of the same name is not it."""
    async with live_lists(database) as lists, client(lists.url) as guest:
        await listed(lists)
        page = await show(guest, await lists.create("Letters", NAMES[:2]))
        async with database.transaction() as session:
            named = update(Symbol).values(name="Alphabet", version=Symbol.version + 1)
            await session.execute(named.where(Symbol.symbol == "X:AAA"))
        await guest.hear_until(lambda: page.document["items"][0]["name"] == "Alphabet")
        async with database.transaction() as session:
            await session.delete(await Symbols(session).get("X:BBB"))
        lists.market.market.directory.clear()
        await guest.hear_until(lambda: page.symbols == {"X:AAA"})
        assert page.quotes.keys() == {"X:AAA"}
        [again] = (await listed(lists, ["X:BBB"])).values()
        await lists.add(page.document["id"], "X:BBB")
        await guest.hear_until(lambda: page.symbols == {*NAMES[:2]})
        await lists.market.trade(again, [(MONDAY, 7, 1)])
        await guest.hear_until(lambda: page.quotes["X:BBB"]["last"] == 7)
        assert await lists.agrees(page)


async def test_a_list_survives_the_database(postgres_url: str) -> None:
    """What was heard of while it was away, and what was not, is read when it is back."""
    async with (
        Cable(postgres_url) as cable,
        Database(cable.url) as far,
        Database(postgres_url) as near,
        live_lists(far) as lists,
        client(lists.url) as guest,
    ):
        await listed(lists)
        id, other = await lists.create("Letters", NAMES[:1]), await lists.create("Other")
        page = await show(guest, id)
        last = await show(guest, other)
        await cable.cut()
        directory = Market(near).directory
        await Writer(near, directory, lists.bus).take(id, NAMES)
        await Writer(near, directory, MemoryBus()).add(other, NAMES[0])
        assert await guest.hear_rest(1.5) == []
        await cable.mend()
        await guest.hear_until(lambda: page.quotes.keys() == {*NAMES})
        await guest.hear_until(lambda: last.quotes.keys() == {NAMES[0]})
        assert await lists.agrees(page)
        assert await lists.agrees(last)


async def test_a_list_is_followed_by_its_owner_and_with_a_share(database: Database) -> None:
    """For others there is none, and nobody has to be somebody first."""
    authority = Authority(database, public_read=True)
    async with live_lists(database, authority=authority) as lists:
        await listed(lists)
        topic = f"watchlists:{await lists.create('Letters', NAMES)}"
        id = topic.partition(":")[2]
        share = authority.shares.make(DEV_USER, watchlists=[id], days=1).token
        refusals = {
            authority.token(await authority.user()): "not_found",
            # Of a chart with that id, of another list, and from whoever does not own it.
            authority.shares.make(DEV_USER, charts=[id], days=1).token: "not_found",
            authority.shares.make(DEV_USER, watchlists=["other"], days=1).token: "not_found",
            authority.shares.make(await authority.user(), watchlists=[id], days=1).token: (
                "not_found"
            ),
            "": "unauthenticated",
        }
        for token, code in refusals.items():
            async with client(lists.url, **(bearer(token) if token else {})) as guest:
                await guest.say(op="subscribe", topics=[topic])
                [rejected] = (await guest.hear_type("ack"))["rejected"]
                assert (rejected["topic"], rejected["code"]) == (topic, code)
        async with client(lists.url, **bearer(share)) as guest:
            await show(guest, id)
        async with client(lists.url, **bearer(authority.token(DEV_USER))) as guest:
            await show(guest, id)
            for wrong in ("watchlists:", "watchlists:x", topic.upper(), topic.replace("-", "")):
                await guest.say_anything(op="subscribe", topics=[wrong])
                [rejected] = (await guest.hear_type("ack"))["rejected"]
                assert rejected["code"] == "unknown_topic"


def alive(*kinds: type) -> list[object]:
    gc.collect()
    return [thing for thing in gc.get_objects() if isinstance(thing, kinds)]


async def test_lists_that_nobody_follows_leave_nothing(database: Database) -> None:
    """No topic, no watch, and none of what was followed of them."""
    limits = Limits(linger_seconds=0.05)
    async with live_lists(database, limits=limits) as lists:
        listings = await listed(lists)
        ids = [await lists.create(f"List {number}", NAMES) for number in range(4)]

        async def come_and_go(id: str) -> None:
            for _ in range(5):
                async with client(lists.url) as guest:
                    await guest.say(op="subscribe", topics=[f"watchlists:{id}"])
                    await guest.hear_type("ack")
                    await anyio.sleep(random.choice([0, 0.05]))

        async def edit() -> None:
            for number in range(20):
                await lists.take(random.choice(ids), random.sample(NAMES, number % 4))
                await lists.market.trade(listings["X:AAA"], [(MONDAY + number / 100, 1, 1)])

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(edit)
            for id in ids:
                tasks.start_soon(come_and_go, id)
        await lists.delete(ids[0])
        await until(lambda: not lists.market.hub.topics)
        await until(lambda: not alive(Watch, WatchlistSource))


async def test_lists_share_what_they_follow(database: Database) -> None:
    """A symbol is watched once, for its topic as well."""
    async with live_lists(database) as lists, client(lists.url) as guest:
        listings = await listed(lists)
        pages = [await show(guest, await lists.create(name, NAMES)) for name in ("One", "Other")]
        await guest.subscribe("quotes:X:AAA")
        watches = alive(Watch)
        assert len(watches) == len(NAMES)
        assert {len(watch.followers) for watch in watches if isinstance(watch, Watch)} == {1}
        await lists.market.trade(listings["X:AAA"], [(MONDAY, 5, 1)])
        chart = guest.charts["quotes:X:AAA"]
        await guest.hear_until(
            lambda: all(quotes["last"] == 5 for quotes in (chart.quote, pages[0].quotes["X:AAA"]))
        )
        await guest.hear_until(lambda: pages[1].quotes["X:AAA"] == chart.quote)


async def test_what_is_no_news_is_not_taken() -> None:
    """Anybody may write to Redis."""
    change = Changed(watchlist="w", version=3)
    assert decode(encode(change)) == change
    assert decode(b'["w",3,"of a later release"]') == change
    for junk in (b"", b"{}", b"[]", b'["w"]', b'["w",true]', b"[1,2]", b'["w","3"]', b"\xff"):
        with pytest.raises((ValueError, TypeError)):
            decode(junk)
