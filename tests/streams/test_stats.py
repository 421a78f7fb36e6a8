"""`tradeapi stats`: the stream of a running service in figures."""

import asyncio

import pytest
from typer.testing import CliRunner

from tests.market.places import MONDAY
from tests.streams.client import client
from tests.streams.test_application import COIN, TOPICS, application, http
from tradeapi.cli import cli

pytestmark = pytest.mark.anyio


async def stats(*options: str) -> tuple[int, str]:
    """What the command says, and its exit code; the service runs in this event loop."""
    arguments = ["stats", "--seconds", "0.5", *options]
    result = await asyncio.to_thread(CliRunner().invoke, cli, arguments)
    return result.exit_code, result.output + str(result.exception or "")


async def test_it_counts_what_the_stream_does(sqlite_url: str) -> None:
    """Who is there, what they follow, what is sent and how late."""
    async with application(sqlite_url) as server, http(server) as caller:
        assert (await caller.put(f"/symbols/{COIN}", json={"name": "Bitcoin"})).is_success
        async with client(server.url) as guest:
            await guest.subscribe(*TOPICS)
            counting = asyncio.create_task(stats("--url", f"http://127.0.0.1:{server.port}"))
            while not counting.done():
                tick = {"symbol": COIN, "price": 100, "size": 1, "time": MONDAY}
                assert (await caller.post("/ticks", json=tick)).is_success
                await guest.hear_rest(0.05)
            code, said = counting.result()
    figures = {line[:44].strip(): line[44:].strip() for line in said.splitlines()}
    assert code == 0, said
    assert figures["stream_clients"] == "1"
    assert figures["stream_subscriptions kind=bars"] == "2"
    assert float(figures["stream_deliveries_total"].removesuffix("/s")) > 0
    assert figures["stream_lag_seconds quantile=0.99"].startswith("<= ")


@pytest.mark.parametrize(
    ("url", "why"),
    [("http://127.0.0.1:1", "does not answer"), ("nonsense", "does not answer")],
)
async def test_a_service_that_is_not_there_is_said_so(url: str, why: str) -> None:
    """In a sentence."""
    code, said = await stats("--url", url)
    assert code == 1
    assert why in said


async def test_without_a_key_it_says_what_is_missing(sqlite_url: str) -> None:
    """Metrics are for those who may read."""
    async with application(sqlite_url, auth_required=True) as server:
        code, said = await stats("--url", f"http://127.0.0.1:{server.port}")
    assert code == 1
    assert "401" in said
    assert "--api-key" in said
