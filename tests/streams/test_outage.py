"""The stream while the database is away."""

import anyio
import pytest

from tests.market.places import MONDAY
from tests.streams.cable import Cable
from tests.streams.client import client
from tests.streams.event_source import event_source
from tests.streams.live import live
from tradeapi.database import Database

pytestmark = pytest.mark.anyio

BARS = "bars:CRYPTO:BTCUSD:1m"


async def test_a_topic_can_not_be_had_without_the_database() -> None:
    """The request is answered at once, and the socket lives."""
    async with (
        Database("postgresql://nobody@127.0.0.1:1/nothing") as nowhere,
        live(nowhere) as market,
        client(market.url) as guest,
    ):
        await guest.say(op="subscribe", topics=[BARS, "quotes:CRYPTO:BTCUSD"])
        rejected = (await guest.hear_type("ack"))["rejected"]
        assert [one["code"] for one in rejected] == ["database_unavailable"] * 2
        await guest.say(op="ping")
        await guest.hear_type("pong")


async def test_events_end_where_a_topic_could_not_be_looked_up() -> None:
    """Their client comes again by itself; on a socket it can ask again."""
    async with (
        Database("postgresql://nobody@127.0.0.1:1/nothing") as nowhere,
        live(nowhere) as market,
        event_source(market.events_url, BARS, "quotes:CRYPTO:BTCUSD") as source,
    ):
        [ack] = await source.hear_end()
        assert [one["code"] for one in ack["rejected"]] == ["database_unavailable"] * 2
        assert source.retry >= 1000


async def test_a_stream_survives_the_database(postgres_url: str) -> None:
    """What was written meanwhile is there two seconds after its return."""
    cable = Cable(postgres_url)
    await cable.mend()
    async with (
        Database(cable.url) as database,
        live(database) as market,
        client(market.url) as guest,
    ):
        coin = await market.market.add("CRYPTO:BTCUSD")
        await market.trade(coin, [(MONDAY, 100, 1)])
        await guest.subscribe(BARS)
        await market.trade(coin, [(MONDAY + 1, 101, 1)], elsewhere=True)
        await cable.cut()
        await guest.say(op="subscribe", topics=[BARS], history=7)
        await guest.hear_type("ack")
        assert await guest.hear_rest(1.5) == []
        await cable.mend()
        with anyio.fail_after(2):
            await guest.hear_type("snapshot")
        assert await market.agrees(BARS, guest.charts[BARS])
        assert guest.charts[BARS].rows[-1][-1] == 2
    await cable.cut()
