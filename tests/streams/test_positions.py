"""A position is good in every process, and what it does not stand for is never skipped."""

from contextlib import AsyncExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.market.places import MONDAY, Market, flat
from tests.streams.client import Chart, client
from tests.streams.live import LiveMarket, live
from tradeapi.bus.memory import MemoryBus
from tradeapi.bus.redis_streams import RedisBus
from tradeapi.database import Database
from tradeapi.market.resolutions import Resolution
from tradeapi.streams.limits import Limits
from tradeapi.streams.positions import PLACES, WHOLE, position
from tradeapi.streams.topics import Change, Topic

pytestmark = pytest.mark.anyio

BARS = "bars:CRYPTO:BTCUSD:1m"


async def resume(market: LiveMarket, chart: Chart, seconds: float = 0.1) -> list[str]:
    """Go on with a chart at this process until it is quiet; the types of the frames."""
    heard = len(chart.kinds)
    async with client(market.url) as guest:
        guest.charts = {BARS: chart}
        stopped = {BARS: {"epoch": chart.epoch, "seq": chart.seq}}
        await guest.say(op="subscribe", topics=[BARS], resume=stopped)
        await guest.hear_rest(seconds)
    return chart.kinds[heard:]


async def test_another_process_knows_what_was_missed(database: Database) -> None:
    """It has followed the symbol meanwhile, for others, and tells what the client has not heard."""
    bus = MemoryBus()
    async with AsyncExitStack() as processes:
        here = await processes.enter_async_context(live(database, bus=bus))
        there = await processes.enter_async_context(live(database, market=here.market, bus=bus))
        coin = await here.market.add("CRYPTO:BTCUSD")
        await here.trade(coin, [(MONDAY, 100, 1)])
        async with client(there.url) as other, client(here.url) as guest:
            await other.subscribe(BARS)
            await guest.subscribe(BARS)
            chart = guest.charts[BARS]
        for second in range(1, 130, 20):
            await here.trade(coin, [(MONDAY + second, 100 + second, 1)])
        kinds = await resume(there, chart)
        assert kinds[0] == "resumed"
        assert set(kinds[1:]) == {"bar"}
        assert chart.finals == {MONDAY, MONDAY + 60}
        assert await there.agrees(BARS, chart)


async def test_a_restarted_process_goes_on_where_nothing_has_happened(database: Database) -> None:
    """A deploy costs those who have all there is neither a snapshot nor a bar."""
    async with live(database) as before:
        coin = await before.market.add("CRYPTO:BTCUSD")
        await before.trade(coin, [(MONDAY, 100, 1)])
        async with client(before.url) as guest:
            await guest.subscribe(BARS)
            await before.trade(coin, [(MONDAY + 1, 101, 1)])
            await guest.hear_type("bar")
            chart = guest.charts[BARS]
    async with live(database, market=before.market) as after:
        assert await resume(after, chart) == ["resumed"]
        after.clock.time = MONDAY + 70
        assert await resume(after, chart, 0.7) == ["resumed", "bar"]
        assert chart.finals == {MONDAY}


async def test_a_restarted_process_says_what_it_can_not_tell(database: Database) -> None:
    """What happened while nobody looked is a reset with its reason, and a snapshot."""
    async with live(database) as before:
        coin = await before.market.add("CRYPTO:BTCUSD")
        await before.trade(coin, [(MONDAY, 100, 1)])
        async with client(before.url) as guest:
            await guest.subscribe(BARS)
            chart = guest.charts[BARS]
        await before.trade(coin, [(MONDAY + 1, 101, 1)])
    async with live(database, market=before.market) as after:
        assert await resume(after, chart) == ["reset", "snapshot"]
        assert await after.agrees(BARS, chart)


async def test_a_process_that_has_just_begun_knows_what_redis_still_has(
    database: Database, redis_url: str
) -> None:
    """A deploy in the middle of trading costs a client no snapshot."""
    async with AsyncExitStack() as processes:
        writer = await processes.enter_async_context(RedisBus(redis_url))
        place = Market(database)
        there = LiveMarket(place, writer, Limits())
        coin = await place.add("CRYPTO:BTCUSD")
        await there.trade(coin, [(MONDAY, 100, 1)])
        async with (
            RedisBus(redis_url) as bus,
            live(database, market=place, bus=bus) as before,
            client(before.url) as guest,
        ):
            await guest.subscribe(BARS)
            chart = guest.charts[BARS]
        for second in range(1, 130, 20):
            await there.trade(coin, [(MONDAY + second, 100 + second, 1)])
        async with RedisBus(redis_url) as bus, live(database, market=place, bus=bus) as after:
            kinds = await resume(after, chart)
            assert kinds[0] == "resumed"
            assert set(kinds[1:]) == {"bar"}
            assert chart.finals == {MONDAY, MONDAY + 60}
            assert await after.agrees(BARS, chart)


async def test_what_time_has_closed_meanwhile_is_told_before_what_follows(
    database: Database,
) -> None:
    """Nobody served when the bar was over; who comes back after the next trade hears its end."""
    async with live(database) as before:
        coin = await before.market.add("CRYPTO:BTCUSD")
        await before.trade(coin, [(MONDAY, 100, 1)])
        async with client(before.url) as guest:
            await guest.subscribe(BARS)
            chart = guest.charts[BARS]
    before.clock.time = MONDAY + 70
    async with live(database, market=before.market) as after:
        async with client(after.url) as other:
            await other.subscribe(BARS)
        await after.trade(coin, [(MONDAY + 65, 101, 1)])
        assert await resume(after, chart) == ["resumed", "bar", "bar"]
        assert chart.finals == {MONDAY}
        assert await after.agrees(BARS, chart)


async def test_what_one_process_has_closed_another_need_not_close_again(
    database: Database,
) -> None:
    """Time closes a bar where the database's own times say so, whoever looks at the clock."""
    bus = MemoryBus()
    async with AsyncExitStack() as processes:
        here = await processes.enter_async_context(live(database, bus=bus))
        there = await processes.enter_async_context(live(database, market=here.market, bus=bus))
        coin = await here.market.add("CRYPTO:BTCUSD")
        await here.trade(coin, [(MONDAY, 100, 1)])
        async with client(there.url) as other, client(here.url) as guest:
            await other.subscribe(BARS)
            await guest.subscribe(BARS)
            here.clock.time = MONDAY + 65
            assert (await guest.hear_type("bar"))["final"]
            # A day's bar comes in between: the minutes stay as they are.
            await here.post(coin, Resolution.DAY, [flat(MONDAY - 86400, 90)])
            chart = guest.charts[BARS]
        await here.trade(coin, [(MONDAY + 30, 90, 1)])
        assert await resume(there, chart) in (["resumed", "revise"], ["resumed", "bar", "revise"])
        assert await there.agrees(BARS, chart)


steps = st.lists(st.tuples(st.integers(1, 3), st.integers(0, 4), st.booleans()), max_size=12)


def changes(version: int, count: int) -> list[Change]:
    """So many changes, told from all others by where they stand from the end."""
    return [
        Change(type="value", fields={"value": (version, left)}, key=(version, left))
        for left in range(count, 0, -1)
    ]


@given(steps, steps, st.integers(0, 40))
def test_what_follows_a_position_joins_it_or_is_not_known(
    ours: list[tuple[int, int, bool]], theirs: list[tuple[int, int, bool]], stop: int
) -> None:
    """A position of one process is taken by another that reads in other steps, or refused: no
    frame that is told skips a version which the position does not stand for."""
    here, there = Topic("board:a"), Topic("board:a")
    for topic, run in ((here, ours), (there, theirs)):
        topic.begin("epoch", 0)
        for step, count, is_closed in run:
            topic.announce(changes(topic.version + step, count), topic.version + step)
            if is_closed:
                [ending] = changes(topic.version, 1)
                topic.close(ending)
    frames = here.since(position(0)) or []
    at = [position(0), *(frame.seq for frame in frames)][min(stop, len(frames))]
    later = there.since(at)
    if later is None:
        return
    assert [frame.seq for frame in later] == sorted({frame.seq for frame in later})
    assert all(frame.seq > at for frame in later)
    if later and at % PLACES < WHOLE:
        # In the middle of a version: the next frame is the one that follows it there, too.
        assert later[0].prev == at
    if later:
        assert at <= later[0].until
