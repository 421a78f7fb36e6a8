"""What caches, ours and the callers', may do with history."""

import asyncio
import math
from collections.abc import Callable

import httpx2
import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from tests.market.bars_http import BARS, get, post
from tests.market.places import DAY, TODAY, Market, flat
from tradeapi.clock import FixedClock
from tradeapi.market.bars.newest import ASK_EVERY_SECONDS, TRUSTED_SECONDS, Newest, State
from tradeapi.market.resolutions import Resolution
from tradeapi.market.symbols.directory import REMEMBERED_SECONDS

SYMBOL = "US:A"
TIMES = [TODAY - k * DAY for k in reversed(range(10))]


@pytest.fixture
def symbol(client: TestClient) -> str:
    client.put(f"/api/v1/symbols/{SYMBOL}", json={})
    post(client, SYMBOL, "1d", *(flat(time, 100) for time in TIMES))
    return SYMBOL


def counted(client: TestClient) -> tuple[float, float]:
    """How often an answer was there, and how often it had to be made."""
    lines = dict(
        line.rsplit(" ", 1)
        for line in client.get("/metrics").text.splitlines()
        if not line.startswith("#")
    )
    return tuple(  # type: ignore[return-value]
        float(lines.get(f'cache_{kind}_total{{cache="responses"}}', 0))
        for kind in ("hits", "misses")
    )


def was_kept(client: TestClient, ask: Callable[[], httpx2.Response]) -> bool:
    before = counted(client)
    assert ask().status_code == 200
    after = counted(client)
    assert sum(after) == sum(before) + 1
    return after[0] > before[0]


def test_a_name_that_comes_back_goes_on_with_its_revisions(client: TestClient, symbol: str) -> None:
    """What is kept for ever of the symbol that was removed is not taken for the new one's."""
    post(client, symbol, "1d", flat(TIMES[2], 101))
    revision = get(client, symbol)["revision"]
    assert client.delete(f"/api/v1/symbols/{symbol}").status_code == 204
    client.put(f"/api/v1/symbols/{symbol}", json={})
    assert get(client, symbol)["revision"] == revision + 1


def test_closed_bars_of_a_named_revision_never_change(client: TestClient, symbol: str) -> None:
    """Such an answer may be kept for ever; all others have to be asked for again."""
    closed, revision = f"{BARS}/{symbol}?end={TIMES[5]}", get(client, symbol)["revision"]
    immutable = "private, max-age=31536000, immutable"
    assert client.get(f"{closed}&revision={revision}").headers["cache-control"] == immutable
    for other in (
        closed,
        f"{closed}&revision={revision + 1}",
        f"{BARS}/{symbol}?revision={revision}",
        # Whom a bare ticker means may change.
        f"{BARS}/A?end={TIMES[5]}&revision={revision}",
        f"{BARS}/{symbol}?end={TODAY + 1}&revision={revision}",
        f"{closed}&format=csv&revision={revision}",
    ):
        assert client.get(other).headers["cache-control"] == "private, no-cache", other


def test_the_answer_to_a_closed_window_stays_the_same(client: TestClient, symbol: str) -> None:
    """Byte for byte, whatever comes after it."""
    urls = [f"{BARS}/{symbol}?{query}" for query in (f"end={TODAY}", f"before={TIMES[5]}&limit=2")]
    before = [client.get(url) for url in urls]
    post(client, symbol, "1d", flat(TODAY, 105), flat(TODAY + DAY, 106))
    after = [client.get(url) for url in urls]
    assert [answer.content for answer in before] == [answer.content for answer in after]
    assert before[0].json()["final_until"] == TODAY
    assert before[0].json()["has_more_after"] is True


def test_a_caller_that_knows_the_etag_gets_no_body(client: TestClient, symbol: str) -> None:
    """One ETag for each coding, which is another once the bars are."""
    url = f"{BARS}/{symbol}"
    etags = set()
    for coding in ("identity", "gzip", "br", "zstd"):
        answer = client.get(url, headers={"accept-encoding": coding})
        etag = answer.headers["etag"]
        assert etag.startswith('"')
        etags.add(etag)
        for known in (etag, f'"other", {etag}', f"W/{etag}", "*"):
            headers = {"accept-encoding": coding, "if-none-match": known}
            unchanged = client.get(url, headers=headers)
            assert (unchanged.status_code, unchanged.content) == (304, b"")
            assert unchanged.headers["etag"] == etag
            assert unchanged.headers["cache-control"] == "private, no-cache"
            assert unchanged.headers["vary"] == answer.headers["vary"]
            assert "content-type" not in unchanged.headers
    assert len(etags) == 4
    post(client, symbol, "1d", flat(TODAY, 101))
    changed = client.get(url, headers={"if-none-match": ", ".join(etags)})
    assert changed.status_code == 200
    assert changed.headers["etag"] not in etags


def test_answers_vary_by_what_may_make_them_other(client: TestClient, symbol: str) -> None:
    """For caches on the way."""
    for query in ("", "?limit=1"):
        answer = client.get(f"{BARS}/{symbol}{query}", headers={"accept-encoding": "gzip"})
        vary = answer.headers.get_list("vary")
        assert "Authorization, X-API-Key, Accept, Accept-Encoding" in vary


def test_what_is_asked_again_is_not_made_again(client: TestClient, symbol: str) -> None:
    """By whoever asks; another window, coding or symbol is another answer."""
    url = f"{BARS}/{symbol}?limit=5"
    assert not was_kept(client, lambda: client.get(url))
    first = client.get(url)
    assert was_kept(client, lambda: client.get(url))
    assert client.get(url).content == first.content
    assert not was_kept(client, lambda: client.get(f"{url}&end={TIMES[3]}"))
    assert not was_kept(client, lambda: client.get(url, headers={"accept-encoding": "identity"}))
    assert not was_kept(client, lambda: client.get(f"{BARS}/a?limit=5"))
    assert not was_kept(client, lambda: client.get(f"{BARS}/a?limit=5"))
    for coding in ("gzip, br", "br,gzip", "br"):
        client.get(url, headers={"accept-encoding": coding})
    assert was_kept(client, lambda: client.get(url, headers={"accept-encoding": "GZIP,  br"}))


def test_a_write_is_seen_by_the_next_reader(client: TestClient, symbol: str) -> None:
    """Closed windows outlive new bars, but no correction."""
    open, closed = f"{BARS}/{symbol}", f"{BARS}/{symbol}?end={TIMES[5]}"
    for price in (7, 8, 9):
        client.get(open), client.get(closed)
        post(client, symbol, "1d", flat(TODAY, price))
        assert client.get(open).json()["close"][-1] == price
        assert was_kept(client, lambda: client.get(closed))
    post(client, symbol, "1d", flat(TIMES[2], 3))
    assert client.get(closed).json()["close"][2] == 3
    client.delete(f"{closed}&resolution=1d&start={TIMES[2]}")
    assert client.get(closed).json()["time"] == TIMES[:2]
    client.put(f"/api/v1/symbols/{symbol}", json={"basis": "splits"})
    assert client.get(closed).json()["adjustment"] == "splits"
    client.delete(f"/api/v1/symbols/{symbol}")
    assert client.get(open).status_code == client.get(closed).status_code == 404


async def test_a_write_by_another_process_is_seen_within_a_second(
    client: TestClient, symbol: str, market: Market
) -> None:
    """It sends no word, so the database is asked."""
    urls = [f"{BARS}/{symbol}", f"{BARS}/{symbol}?end={TIMES[5]}"]
    assert [client.get(url).json()["close"][-1] for url in urls] == [100, 100]
    listing = await market.directory.get(symbol)
    await market.write(listing, Resolution.DAY, [flat(TIMES[4], 54), flat(TODAY, 55)])
    await asyncio.sleep(ASK_EVERY_SECONDS + 0.3)
    assert [client.get(url).json()["close"][-1] for url in urls] == [55, 54]


async def test_a_symbol_that_another_process_removes_is_gone_soon(
    client: TestClient, symbol: str, market: Market
) -> None:
    """As soon as the directory forgets it."""
    url = f"{BARS}/{symbol}"
    assert client.get(url).status_code == 200
    async with market.database.transaction() as session:
        await session.execute(text("DELETE FROM symbols"))
    await asyncio.sleep(REMEMBERED_SECONDS + 0.3)
    assert client.get(url).status_code == 404


async def test_without_news_from_the_database_nothing_kept_is_used(market: Market) -> None:
    """Whoever can't ask whether an answer is still right must make a new one."""
    newest = Newest(market.database, market.directory, market.clock)
    watched = newest.watch(1)
    state = State(revision=0, listed=0, edits=market.directory.edits, version=0, until=math.inf)
    is_good = newest.holds(watched, state)
    assert is_good()
    await asyncio.sleep(TRUSTED_SECONDS + 0.1)
    assert not is_good()


def test_the_clock_closes_the_last_bar_of_a_kept_answer(
    client: TestClient, symbol: str, clock: FixedClock
) -> None:
    """Though nothing was written."""
    url = f"{BARS}/{symbol}"
    clock.time = TODAY + DAY + 4.9
    assert client.get(url).json()["final_until"] == TODAY
    assert was_kept(client, lambda: client.get(url))
    clock.time = TODAY + DAY + 5
    assert client.get(url).json()["final_until"] == TODAY + DAY
    assert was_kept(client, lambda: client.get(url))
