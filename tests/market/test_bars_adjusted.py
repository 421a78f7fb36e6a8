"""History on the terms of today's shares."""

import asyncio
from datetime import date

import pytest
from starlette.testclient import TestClient

from tests.market.bars_http import BARS, get, post
from tests.market.conftest import CalendarData
from tests.market.places import DAY, TODAY, Market, flat
from tradeapi.analytics.adjustments import Adjustment
from tradeapi.clock import FixedClock
from tradeapi.market.bars.bar_history import BarHistory
from tradeapi.market.bars.newest import Newest
from tradeapi.market.resolutions import Resolution
from tradeapi.market.store.history import Window
from tradeapi.market.symbols.actions import Actions, Term

SYMBOL = "US:A"
# Two weeks, the second of which began today, a Monday.
TIMES = [TODAY - k * DAY for k in reversed(range(10))]
# 100 until the split of the last Thursday, 50 from then on.
SPLIT, DIVIDEND = TIMES[6], TIMES[3]
ROWS = [flat(time, 100 if time < SPLIT else 50, 10 if time < SPLIT else 20) for time in TIMES]


def act(client: TestClient, *actions: tuple[str, str, float]) -> None:
    items = [{"ex_date": day, "kind": kind, "value": value} for day, kind, value in actions]
    answer = client.put(f"/api/v1/symbols/{SYMBOL}/actions", json={"items": items})
    assert answer.status_code == 200, answer.text


@pytest.fixture
def symbol(client: TestClient) -> str:
    client.put(f"/api/v1/symbols/{SYMBOL}", json={})
    post(client, SYMBOL, "1d", *ROWS)
    act(client, ("2024-06-07", "split", 2), ("2024-06-04", "dividend", 4))
    return SYMBOL


def test_prices_are_restated_as_asked(client: TestClient, symbol: str) -> None:
    """A split halves prices and doubles volumes; a dividend takes its share of the price."""
    raw = get(client, symbol)
    assert (raw["adjustment"], raw["close"]) == ("raw", [100] * 6 + [50] * 4)
    splits = get(client, symbol, adjustment="splits")
    assert (splits["adjustment"], splits["close"]) == ("splits", [50] * 10)
    assert splits["volume"] == [20] * 10
    both = get(client, symbol, adjustment="all")
    assert (both["adjustment"], both["close"]) == ("all", [48] * 3 + [50] * 7)
    assert both["volume"] == [20] * 10
    assert "basis" not in both


def test_a_special_dividend_takes_its_share_too(client: TestClient, symbol: str) -> None:
    """Together with the dividend of its day."""
    act(client, ("2024-06-04", "special", 21), ("2024-06-04", "dividend", 4))
    assert get(client, symbol, adjustment="splits")["close"] == [100] * 6 + [50] * 4
    assert get(client, symbol, adjustment="all")["close"] == [75] * 3 + [100] * 3 + [50] * 4


def test_what_the_stored_prices_already_contain_is_told(client: TestClient, symbol: str) -> None:
    """`adjustment` says what the prices are, which may be more than what was asked."""
    client.put(f"/api/v1/symbols/{symbol}", json={"basis": "splits"})
    for asked, told in (("raw", "splits"), ("splits", "splits"), ("all", "all")):
        page = get(client, symbol, adjustment=asked)
        assert (page["adjustment"], page["basis"]) == (told, "splits")
        assert page["close"][-1] == 50
    client.put(f"/api/v1/symbols/{symbol}", json={"basis": "all"})
    assert get(client, symbol, adjustment="splits")["adjustment"] == "all"


def test_weeks_are_folded_from_restated_days(client: TestClient, symbol: str) -> None:
    """The week of the split has days from before and after it."""
    week = get(client, symbol, resolution="1w", adjustment="splits", limit=2)
    assert week["high"] == week["low"] == [50, 50]
    assert week["volume"] == [7 * 20, 20]
    month = get(client, symbol, resolution="1M", adjustment="splits", limit=1)
    assert (month["high"], month["low"], month["volume"]) == ([50], [50], [10 * 20])
    # A week that was posted without days has one factor, that of its beginning.
    post(client, symbol, "1w", flat(TIMES[0] - 25 * DAY, 100, 10))
    old = get(client, symbol, resolution="1w", adjustment="splits")
    assert (old["close"][0], old["volume"][0]) == (50, 20)


def test_a_correction_of_the_actions_is_seen_at_once(client: TestClient, symbol: str) -> None:
    """Also where the answer had been kept, and by another revision."""
    url = f"{BARS}/{symbol}?adjustment=splits&end={TIMES[3]}"
    for ratio in (4, 5):
        before = client.get(url).json()
        act(client, ("2024-06-07", "split", ratio))
        after = client.get(url).json()
        assert after["close"] == [100 / ratio] * 3
        assert after["revision"] == before["revision"] + 1
        old = client.get(f"{url}&revision={before['revision']}")
        assert old.headers["cache-control"] == "private, no-cache"


def test_what_is_announced_moves_no_price_before_its_day(
    client: TestClient, symbol: str, clock: FixedClock
) -> None:
    """It does when that day begins, and until then no answer may be kept for ever."""
    act(client, ("2024-06-11", "split", 10))
    closed = f"{BARS}/{symbol}?adjustment=splits&end={TIMES[3]}"
    revision = get(client, symbol)["revision"]
    first = client.get(f"{closed}&revision={revision}")
    assert first.json()["close"] == [100] * 3
    assert first.headers["cache-control"] == "private, no-cache"
    clock.time = TODAY + DAY - 1
    assert client.get(closed).json()["close"] == [100] * 3
    clock.time = TODAY + DAY
    second = client.get(f"{closed}&revision={revision}")
    assert second.json()["close"] == [10] * 3
    assert "immutable" in second.headers["cache-control"]


def test_what_is_announced_is_reckoned_with_the_last_close(
    client: TestClient, symbol: str, clock: FixedClock
) -> None:
    """And not with where the day stood when somebody asked first."""
    act(client, ("2024-06-11", "dividend", 10))
    assert get(client, symbol, adjustment="all")["close"][-1] == 50
    post(client, symbol, "1d", flat(TODAY, 40))
    assert get(client, symbol, adjustment="all")["close"][-1] == 40
    clock.time = TODAY + DAY
    assert get(client, symbol, adjustment="all")["close"][-1] == 30


async def test_within_the_day_a_split_begins_with_the_trading_day(
    client: TestClient, market: Market, calendar_data: CalendarData
) -> None:
    """In New York at midnight there, so that what trades early is on the new terms too."""
    await market.keep_calendar("XNYS", calendar_data("XNYS"))
    fields = {"calendar": "XNYS", "extended_hours": True}
    client.put(f"/api/v1/symbols/{SYMBOL}", json=fields)
    evening, morning = TODAY - 2 * DAY - 600, TODAY + 8 * 3600  # Friday 19:50, Monday 04:00
    post(client, SYMBOL, "1m", flat(evening, 100), flat(morning, 50))
    act(client, ("2024-06-10", "split", 2))
    page = get(client, SYMBOL, resolution="1m", adjustment="splits")
    assert page["close"] == [50, 50]
    assert get(client, SYMBOL, resolution="1h", adjustment="splits")["close"] == [50, 50]


async def test_prices_and_revision_are_of_one_moment(market: Market) -> None:
    """Though bars and actions are read one after the other while others change them."""
    listing = await market.add(SYMBOL)
    await market.write(listing, Resolution.DAY, ROWS)
    newest = Newest(market.database, market.directory, market.clock)
    history = BarHistory(market.database, market.directory, newest, market.clock, lateness=5)
    closes: dict[int, set[float]] = {}
    done = asyncio.Event()

    async def read() -> None:
        while not done.is_set():
            answer = await history.read(SYMBOL, Resolution.DAY, Window(1), Adjustment.SPLITS)
            closes.setdefault(answer.page.revision, set()).add(float(answer.bars.close[0]))

    async def act() -> None:
        for ratio in range(2, 22):
            async with market.database.transaction() as session:
                actions = Actions(session, market.store)
                await actions.merge(listing, [Term(date(2024, 6, 12), "split", ratio)])
            await asyncio.sleep(0.005)
        done.set()

    market.clock.time = TODAY + 3 * DAY
    await asyncio.gather(act(), *(read() for _ in range(4)))
    assert len(closes) > 3
    assert all(len(found) == 1 for found in closes.values())
