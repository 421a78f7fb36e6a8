"""Who came into an index and who left it."""

import asyncio
from collections.abc import Sequence
from itertools import count
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.auth.people import Person, Service, code
from tests.indices.desk import NAN, Desk, date_of
from tests.indices.golden import built, iso
from tradeapi.bus.memory import MemoryBus
from tradeapi.database import Database
from tradeapi.indices.holdings.changes import Asked, changes
from tradeapi.indices.holdings.reading import Sessions
from tradeapi.indices.packing import Held
from tradeapi.indices.published import Published
from tradeapi.market.calendars.days import date_at

PATH = "/indices/G3/changes"
SESSIONS = 12
# Each example has an index and stocks of its own.
_numbers = count(1)


@pytest.fixture(scope="module")
def reader(service: Service) -> Person:
    return built(service)


def moved(item: dict[str, Any]) -> list[Any]:
    """A session's change, in short."""
    symbols = [[one["symbol"] for one in item[side]] for side in ("entered", "exited")]
    return [item["date"], *symbols]


CHANGES = [
    [iso(1), ["US:D"], ["US:C"]],
    [iso(3), ["US:C"], ["US:D"]],
    [iso(4), ["US:D"], ["US:B"]],
]


def test_each_change_is_told(reader: Person) -> None:
    """From the second session on, with the totals of all."""
    told = reader.get(PATH)
    assert [moved(item) for item in told["items"]] == CHANGES
    assert [told["since"], told["start"], told["end"]] == [iso(0), iso(0), iso(5)]
    turnover = 62 / 183 + 13 / 921 + 15 / 43 + 79 / 231 + 4 / 297
    assert told["totals"] == {
        "sessions": 6,
        "changes": 3,
        "rebalances": 5,
        "entered": 3,
        "exited": 3,
        "turnover": pytest.approx(turnover, rel=1e-5),
    }
    assert told["next_cursor"] is None


def test_a_move_is_told_with_its_size_and_its_weights(reader: Person) -> None:
    """Both of this close: who left has drifted up to it, and who came in has been bought at it."""
    first, _, last = reader.get(PATH)["items"]
    assert first["turnover"] == pytest.approx(62 / 183)
    [came], [left] = first["entered"], first["exited"]
    assert came == {
        "symbol": "US:D",
        "name": "D",
        "rank": 3,
        "market_cap": 600.0,
        "weight_before": 0.0,
        "weight_after": pytest.approx(1 / 3),
    }
    assert left == {
        "symbol": "US:C",
        "name": "C",
        "rank": 3,
        "market_cap": pytest.approx(570.0),
        "weight_before": pytest.approx(0.95 / 3.05),
        "weight_after": 0.0,
    }
    # It left with its last price, as the second of three.
    [left] = last["exited"]
    assert [left["rank"], left["market_cap"]] == [2, pytest.approx(4.116 * 200)]


def test_the_first_session_of_a_range_is_compared_with_the_one_before(reader: Person) -> None:
    """Whether or not that is in the range."""
    told = reader.get(f"{PATH}?start={iso(3)}&end={iso(3)}")
    assert [moved(item) for item in told["items"]] == CHANGES[1:2]
    assert [told["since"], told["totals"]["sessions"]] == [iso(2), 1]


def test_all_rebalances_are_told_on_request(reader: Person) -> None:
    """Also those that changed nothing but weights."""
    items = reader.get(f"{PATH}?all=true")["items"]
    assert [item["date"] for item in items] == [iso(place) for place in range(1, 6)]
    assert [item["date"] for item in items if not item["entered"]] == [iso(2), iso(5)]
    assert items[1]["turnover"] == pytest.approx(13 / 921)


def test_changes_come_in_pages(reader: Person) -> None:
    """Each with the totals of the range; a cursor is good for the range that it is of."""
    page = reader.get(f"{PATH}?limit=2")
    rest = reader.get(f"{PATH}?limit=2&cursor={page['next_cursor']}")
    assert [moved(item) for item in (*page["items"], *rest["items"])] == CHANGES
    assert page["totals"] == rest["totals"]
    assert rest["next_cursor"] is None
    other = reader.call("GET", f"{PATH}?start={iso(1)}&cursor={page['next_cursor']}")
    assert [other.status_code, code(other)] == [422, "bad_cursor"]


@pytest.mark.parametrize("places", [(3, 2), (6, 9)])
def test_a_range_without_a_session_is_refused(reader: Person, places: tuple[int, int]) -> None:
    """Whichever way round it is."""
    start, end = map(iso, places)
    answer = reader.call("GET", f"{PATH}?start={start}&end={end}")
    assert [answer.status_code, code(answer)] == [422, "bad_range"]


RULES = st.fixed_dictionaries(
    {
        "count": st.integers(1, 6),
        "buffer": st.integers(0, 1),
        "weighting": st.sampled_from(["equal", "market_cap", "price"]),
        "rebalance": st.sampled_from(["daily", "weekly"]),
        "lag": st.integers(0, 2),
        "carry": st.integers(0, 3),
        "cost_bp": st.sampled_from([0.0, 50.0]),
    }
)


@given(seed=st.integers(0, 2**32 - 1), rules=RULES, data=st.data())
@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
def test_changes_replayed_give_every_composition(
    sqlite_url: str, seed: int, rules: dict[str, Any], data: st.DataObject
) -> None:
    """From what is held at `since`, whatever the rules, the range and the prices are; what is told
    of each move is what the sessions themselves say."""
    rules["buffer"] = min(rules["buffer"], rules["count"] - 1)
    first = data.draw(st.integers(0, SESSIONS - 1))
    asked = Asked(
        range=slice(first, data.draw(st.integers(first + 1, SESSIONS))),
        after=None,
        limit=500,
        is_all=data.draw(st.booleans()),
    )
    asyncio.run(replay(sqlite_url, seed, rules, asked))


async def replay(url: str, seed: int, rules: dict[str, Any], asked: Asked) -> None:
    async with Database(url) as database:
        desk = Desk(database)
        name = f"X{next(_numbers)}"
        held, names = await some_sessions(desk, name, seed, rules)
        published = await Published(database, MemoryBus()).get(name)
        told, _ = await changes(Sessions(database, published), asked)
    base = max(asked.range.start - 1, 0)
    members = {names[id] for id in held[base].ids.tolist()}
    items = {item["date"]: item for item in told["items"]}
    for old, new in zip(held[base:], held[base + 1 : asked.range.stop], strict=False):
        item = items.pop(date_at(new.day).isoformat(), None)
        if item is None:
            assert sorted(new.ids.tolist()) == sorted(old.ids.tolist())
            assert not asked.is_all or new.before is None
        else:
            entered, exited = (
                {one["symbol"] for one in item[side]} for side in ("entered", "exited")
            )
            assert exited <= members
            assert not entered & members
            members = members - exited | entered
            assert entered or exited or asked.is_all
            assert turned(item, old, new, names) == pytest.approx(item["turnover"])
        assert members == {names[id] for id in new.ids.tolist()}
    assert not items


def turned(item: dict[str, Any], old: Held, new: Held, names: dict[int, str]) -> float:
    """The turnover, of who moved as it is told and of all others as it is held."""
    assert new.before is not None
    before = {names[id]: weight for id, weight in zip(old.ids.tolist(), new.before, strict=True)}
    after = {names[id]: weight for id, weight in zip(new.ids.tolist(), new.weights, strict=True)}
    for one in (*item["entered"], *item["exited"]):
        before[one["symbol"]], after[one["symbol"]] = one["weight_before"], one["weight_after"]
    return float(sum(abs(before[symbol] - after[symbol]) for symbol in before | after)) / 2


async def some_sessions(
    desk: Desk, code: str, seed: int, rules: dict[str, Any]
) -> tuple[Sequence[Held], dict[int, str]]:
    """Of an index over seven stocks that are traded now and then; with their names by id."""
    random = np.random.default_rng(seed)
    symbols = [f"{code}:S{number}" for number in range(7)]
    for symbol in symbols:
        closes = random.integers(1, 9, SESSIONS).astype(float)
        closes[random.random(SESSIONS) < 0.15] = NAN
        closes[0] = 5.0
        listed_to = date_of(int(random.integers(3, 40)))
        shares = float(random.integers(1, 5))
        await desk.stock(symbol, closes.tolist(), shares=shares, listed_to=listed_to)
    await desk.define(code, universe={"symbols": symbols}, base_date=iso(2), **rules)
    await desk.build(code, end=SESSIONS + 1)
    names = {(await desk.directory.get(symbol)).id: symbol for symbol in symbols}
    return await desk.sessions(code), names
