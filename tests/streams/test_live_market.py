"""The market's topics over real sockets and real databases."""

import gc

import anyio
import pytest

from tests.market.places import MONDAY, flat
from tests.streams.client import client
from tests.streams.live import live
from tests.streams.waiting import until
from tradeapi.database import Database
from tradeapi.market.live.watch import Watch
from tradeapi.market.resolutions import Resolution
from tradeapi.streams.positions import position

pytestmark = pytest.mark.anyio

MINUTE = Resolution.MINUTE
BARS = "bars:CRYPTO:BTCUSD:1m"
QUOTES = "quotes:CRYPTO:BTCUSD"


async def test_a_snapshot_and_its_updates(database: Database) -> None:
    """Every field of the contract."""
    async with live(database) as market, client(market.url) as guest:
        coin = await market.market.add("CRYPTO:BTCUSD")
        await market.post(coin, MINUTE, [flat(MONDAY - 60 * n, 100) for n in range(4, 0, -1)])
        await guest.say(op="subscribe", id=1, topics=[BARS], history=3)
        ack = await guest.hear_type("ack")
        snapshot = dict(await guest.hear())
        await market.trade(coin, [(MONDAY + 1, 101, 2), (MONDAY + 2, 99, 1)])
        closed, update = await guest.hear(), await guest.hear()
    assert ack == {"type": "ack", "id": 1, "topics": [BARS], "rejected": []}
    epoch, seq = snapshot.pop("epoch"), snapshot.pop("seq")
    times = [MONDAY - 180, MONDAY - 120, MONDAY - 60]
    assert epoch
    assert snapshot == {
        "type": "snapshot",
        "topic": BARS,
        "bars": {
            "time": times,
            "open": [100] * 3,
            "high": [100] * 3,
            "low": [100] * 3,
            "close": [100] * 3,
            "volume": [100] * 3,
        },
        "previous_time": MONDAY - 240,
        "final_until": MONDAY - 60,
        "revision": 0,
    }
    assert closed == {
        "type": "bar",
        "topic": BARS,
        "seq": position(2) - 1,
        "prev": seq,
        "bar": [MONDAY - 60, 100, 100, 100, 100, 100],
        "final": True,
    }
    assert update == {
        "type": "bar",
        "topic": BARS,
        "seq": position(2),
        "prev": position(2) - 1,
        "bar": [MONDAY, 101, 101, 99, 99, 3],
        "final": False,
    }


async def test_no_history_and_no_bars(database: Database) -> None:
    """A snapshot without bars still says where the series stands."""
    async with live(database) as market, client(market.url) as guest:
        coin = await market.market.add("CRYPTO:BTCUSD")
        await guest.subscribe(BARS)
        empty = guest.charts[BARS]
        assert (empty.rows, empty.previous_time, empty.final_until) == ([], None, 0)
        await market.trade(coin, [(MONDAY, 100, 1)])
        assert (await guest.hear())["bar"][0] == MONDAY
        await guest.subscribe(BARS, history=0)
        none = guest.charts[BARS]
        assert (none.rows, none.previous_time, none.final_until) == ([], MONDAY, MONDAY)


async def test_topics_that_are_refused(database: Database) -> None:
    """Each by its code; the rest of the request is honoured."""
    refused = {
        "bars:US:NOPE:1m": "unknown_symbol",
        "bars:US:'; DROP TABLE symbols;--:1m": "unknown_symbol",
        "bars:../..:x:1m": "unknown_symbol",
        "bars:CRYPTO:BTCUSD:1y": "unknown_resolution",
        "bars:CRYPTO:BTCUSD": "unknown_topic",
        "bars:CRYPTO:BTCUSD:1m:more": "unknown_topic",
        "bars:BTCUSD:1m": "unknown_topic",
        "quotes:CRYPTO:BTCUSD:1m": "unknown_topic",
        "quotes:NOPE:NOPE": "unknown_symbol",
        "quotes:crypto:btcusd": "unknown_symbol",
        "bars:CRYPTO:BTCUSd:1m": "unknown_symbol",
        "quotes": "unknown_topic",
        "trades:CRYPTO:BTCUSD": "unknown_topic",
    }
    async with live(database) as market, client(market.url) as guest:
        await market.market.add("CRYPTO:BTCUSD")
        for topic, code in refused.items():
            await guest.say_anything(op="subscribe", topics=[topic, QUOTES])
            ack = await guest.hear_type("ack")
            assert ack["topics"] == [QUOTES]
            assert [(one["topic"], one["code"]) for one in ack["rejected"]] == [(topic, code)]
        await guest.say_anything(op="subscribe", topics=["", QUOTES])
        assert (await guest.hear_type("error"))["field"] == "topics"


async def test_every_resolution_moves_with_a_tick(database: Database) -> None:
    """One trade changes nine series, and each tells it."""
    topics = [f"bars:CRYPTO:BTCUSD:{resolution}" for resolution in Resolution]
    async with live(database) as market, client(market.url) as guest:
        coin = await market.market.add("CRYPTO:BTCUSD")
        await market.trade(coin, [(MONDAY, 100, 1)])
        await guest.subscribe(*topics)
        await market.trade(coin, [(MONDAY + 1, 105, 2)])
        for _ in topics:
            await guest.hear_type("bar")
        for topic in topics:
            assert guest.charts[topic].rows[-1][1:] == [100, 105, 100, 105, 3]
            assert await market.agrees(topic, guest.charts[topic])


async def test_a_bar_is_closed_by_the_clock_where_no_trade_closes_it(database: Database) -> None:
    """Once, after the time that late trades have; what comes later revises it."""
    async with live(database) as market, client(market.url) as guest:
        coin = await market.market.add("CRYPTO:BTCUSD")
        await market.trade(coin, [(MONDAY, 100, 1)])
        await guest.subscribe(BARS)
        market.clock.time = MONDAY + 64.9
        assert await guest.hear_rest(0.7) == []
        market.clock.time = MONDAY + 65
        [closed] = await guest.hear_rest(0.7)
        assert (closed["type"], closed["bar"][0], closed["final"]) == ("bar", MONDAY, True)
        assert (await market.answer(BARS)).final_until == MONDAY + 60
        await market.trade(coin, [(MONDAY + 59, 101, 1)])
        [late] = await guest.hear_rest(0.1)
        assert (late["type"], late["bar"], late["final"]) == (
            "revise",
            [MONDAY, 100, 101, 100, 101, 2],
            True,
        )
        market.clock.time = MONDAY + 80
        await market.trade(coin, [(MONDAY + 61, 102, 1)])
        [following] = await guest.hear_rest(0.1)
        assert (following["bar"][0], following["final"]) == (MONDAY + 60, False)
        await guest.subscribe(BARS)
        assert guest.charts[BARS].final_until == MONDAY + 60


async def test_a_late_trade_revises_a_closed_bar(database: Database) -> None:
    """In every series that it belongs to."""
    topics = [BARS, "bars:CRYPTO:BTCUSD:5m"]
    async with live(database) as market, client(market.url) as guest:
        coin = await market.market.add("CRYPTO:BTCUSD")
        await market.trade(coin, [(MONDAY + 60 * n, 100 + n, 1) for n in range(7)])
        await guest.subscribe(*topics)
        await market.trade(coin, [(MONDAY + 30, 90, 1)])
        frames = await guest.hear_rest()
        assert [(frame["type"], frame["bar"][0]) for frame in frames] == [
            ("revise", MONDAY),
            ("revise", MONDAY),
        ]
        for topic in topics:
            assert await market.agrees(topic, guest.charts[topic])


async def test_an_inserted_or_removed_bar_is_a_reset(database: Database) -> None:
    """Because no chart can insert; a fresh snapshot follows, and life goes on."""
    async with live(database) as market, client(market.url) as guest:
        coin = await market.market.add("CRYPTO:BTCUSD")
        await market.trade(coin, [(MONDAY, 100, 1), (MONDAY + 120, 100, 1)])
        await guest.subscribe(BARS)
        chart = guest.charts[BARS]
        await market.post(coin, MINUTE, [flat(MONDAY + 60, 101)])
        [reset, snapshot] = await guest.hear_rest()
        assert reset == {
            "type": "reset",
            "topic": BARS,
            "reason": "backfill",
            "rest": "/api/v1/bars/CRYPTO:BTCUSD?resolution=1m",
        }
        assert snapshot["revision"] == 1
        assert await market.agrees(BARS, chart)
        await market.delete(coin, MINUTE, MONDAY, MONDAY + 1)
        assert [frame["type"] for frame in await guest.hear_rest()] == ["reset", "snapshot"]
        assert await market.agrees(BARS, chart)
        await market.trade(coin, [(MONDAY + 121, 102, 1)])
        assert [frame["type"] for frame in await guest.hear_rest()] == ["bar"]
        assert await market.agrees(BARS, chart)


async def test_a_quote_and_its_updates(database: Database) -> None:
    """Every field of the contract; only what looks different is told."""
    async with live(database) as market, client(market.url) as guest:
        coin = await market.market.add("CRYPTO:BTCUSD")
        await market.post(coin, Resolution.DAY, [flat(MONDAY - MONDAY % 86400 - 86400, 90)])
        await market.trade(coin, [(MONDAY, 100, 1)])
        await guest.subscribe(QUOTES)
        assert guest.charts[QUOTES].quote == {
            "last": 100,
            "bid": None,
            "ask": None,
            "change": 10,
            "change_percent": 11.1111,
            "open": 100,
            "high": 100,
            "low": 100,
            "volume": 1,
            "previous_close": 90,
            "time": MONDAY,
            "stale": False,
        }
        await market.trade(coin, [(MONDAY + 1, 99, 2)])
        [update] = await guest.hear_rest()
        assert (update["type"], update["quote"]["last"], update["quote"]["volume"]) == (
            "quote",
            99,
            3,
        )
        await market.post(coin, Resolution.DAY, [flat(MONDAY - MONDAY % 86400 - 864000, 80)])
        assert await guest.hear_rest() == []


async def test_a_quote_becomes_stale_by_itself(database: Database) -> None:
    """Nobody trades, and that is news, too."""
    async with live(database) as market, client(market.url) as guest:
        coin = await market.market.add("CRYPTO:BTCUSD")
        await market.trade(coin, [(MONDAY, 100, 1)])
        await guest.subscribe(QUOTES)
        market.clock.time = MONDAY + 61
        [stale] = await guest.hear_rest(0.7)
        assert stale["quote"]["stale"] is True
        await market.trade(coin, [(MONDAY + 61, 100, 1)])
        [fresh] = await guest.hear_rest()
        assert fresh["quote"]["stale"] is False


async def test_what_nobody_announces_is_announced_within_two_seconds(database: Database) -> None:
    """Another process imports, or one is killed between its commit and the news of it."""
    topics = [BARS, "bars:CRYPTO:BTCUSD:1h", QUOTES]
    async with live(database) as market, client(market.url) as guest:
        coin = await market.market.add("CRYPTO:BTCUSD")
        await market.trade(coin, [(MONDAY, 100, 1)])
        await guest.subscribe(*topics)

        async def healed(*kinds: str) -> None:
            with anyio.fail_after(2):
                for _ in kinds:
                    await guest.hear()
            await guest.hear_rest()
            assert guest.charts[BARS].kinds[-len(kinds) :] == list(kinds)
            assert await market.agrees(BARS, guest.charts[BARS])
            assert await market.agrees(topics[1], guest.charts[topics[1]])

        await market.trade(coin, [(MONDAY + 1, 101, 1), (MONDAY + 130, 102, 1)], elsewhere=True)
        # The minute that was open, now closed; the one that has begun.
        await healed("bar", "bar")
        assert guest.charts[QUOTES].quote["last"] == 102
        assert guest.charts[BARS].finals == {MONDAY}
        await market.trade(coin, [(MONDAY + 2, 99, 1)], elsewhere=True)
        await healed("reset", "snapshot")
        await market.delete(coin, MINUTE, MONDAY + 120, MONDAY + 180, elsewhere=True)
        await healed("reset", "snapshot")
        await market.trade(coin, [(MONDAY + 300, 103, 1)])
        await healed("bar")


async def test_news_of_before_a_snapshot_is_not_told_again(database: Database) -> None:
    """A commit whose news is late is in the snapshot already."""
    async with live(database) as market, client(market.url) as guest:
        coin = await market.market.add("CRYPTO:BTCUSD")
        await market.trade(coin, [(MONDAY, 100, 1)])
        await guest.subscribe(BARS)
        await market.trade(coin, [(MONDAY + 1, 101, 1)], elsewhere=True)
        await guest.subscribe(BARS, history=10)
        assert guest.charts[BARS].rows[-1][-1] == 2
        assert await guest.hear_rest(1.2) == []


async def test_a_removed_symbol_ends_its_topics(database: Database) -> None:
    """Its followers are told, and may ask again once it is back."""
    async with live(database) as market, client(market.url) as guest:
        coin = await market.market.add("CRYPTO:BTCUSD")
        await market.trade(coin, [(MONDAY, 100, 1)])
        await guest.subscribe(BARS, QUOTES)
        await market.remove("CRYPTO:BTCUSD")
        ended = {(await guest.hear_type("error"))["topic"] for _ in range(2)}
        assert ended == {BARS, QUOTES}
        again = await market.market.add("CRYPTO:BTCUSD")
        await market.trade(again, [(MONDAY, 50, 1)])
        await guest.subscribe(BARS)
        assert guest.charts[BARS].rows == [[MONDAY, 50, 50, 50, 50, 1]]


async def test_sockets_that_come_and_go_leave_nothing(database: Database) -> None:
    """No topic, no watch, no follower."""
    async with live(database) as market:
        coin = await market.market.add("CRYPTO:BTCUSD")
        market.hub.limits = type(market.hub.limits)(linger_seconds=0.05)
        topics = [f"bars:CRYPTO:BTCUSD:{resolution}" for resolution in Resolution]

        async def come_and_go() -> None:
            for turn in range(5):
                async with client(market.url) as guest:
                    await guest.subscribe(*topics[: turn + 1], QUOTES)

        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(come_and_go)
            for second in range(20):
                await market.trade(coin, [(MONDAY + second, 100, 1)])
        await until(lambda: not market.hub.topics)
        assert not market.hub.mailboxes
        # The last task that followed it may have to end first.
        await until(lambda: not _watches())


def _watches() -> list[Watch]:
    gc.collect()
    return [thing for thing in gc.get_objects() if isinstance(thing, Watch)]
