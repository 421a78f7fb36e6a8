"""The index tracker's routes: what its clients read, and what was wrong with them before."""

import csv
import io
from collections.abc import Callable, Iterator
from datetime import date
from math import sqrt

import anyio
import numpy as np
import pytest

from tests.auth.people import Service, at_once, code
from tests.caller import Caller
from tests.compat.tracking import Tracker
from tests.indices.desk import DAY_ZERO, date_of, day_of
from tests.indices.test_builds import LEVELS
from tests.market.conftest import CalendarData, calendar_data
from tests.market.places import Market
from tradeapi.app import create_app
from tradeapi.clock import FixedClock
from tradeapi.compat.tracker import builds
from tradeapi.database import Database
from tradeapi.jobs import runner
from tradeapi.settings import Role, Settings

__all__ = ["calendar_data"]

DAY = 86400
# Long after all that is built.
LATER = DAY_ZERO + 400 * DAY
# Monday, 2024-07-08, 15:00 UTC: the session of that day is not over.
MONDAY = 1720450800.0
# Monday, 2024-07-01.
JULY = date(2024, 7, 1).toordinal() - date_of(0).toordinal()
TOLD = ["date", "value", "daily_return", "cumulative_return"]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "LOOK_SECONDS", 0.05)


@pytest.fixture
def tracker(database_url: str) -> Iterator[Tracker]:
    """A service of a test's own, where everybody is an admin."""
    clock = FixedClock(LATER)
    settings = Settings(database_url=database_url, demo=False)
    with Caller(create_app(settings, clock)) as client:
        yield Tracker(client, clock)


def test_the_first_build_defines_the_index(tracker: Tracker) -> None:
    """The 100 largest, each with the same weight every day, from 1000 on."""
    tracker.stock("US:A", [10, 11, 12.1], shares=7, name="Acme", sector="Tools")
    tracker.stock("US:B", [10, 10, 10], shares=9)
    assert code(tracker.client.get("/api/v1/index-composition?date=2022-01-01")) == "unknown_index"
    built = tracker.build(0, 2)
    assert built == {
        "success": True,
        "message": f"Built 3 sessions from {date_of(0)} to {date_of(2)}.",
        "dates_processed": 3,
        "start_date": str(date_of(0)),
        "end_date": str(date_of(2)),
    }
    rules = tracker.get("indices/EW100")["definition"]
    chosen = ("count", "weighting", "rebalance", "base_value")
    assert [rules[name] for name in chosen] == [100, "equal", "daily", 1000.0]
    assert tracker.levels() == pytest.approx([1000, 1050, 1102.5])
    assert tracker.composition(2) == {
        "date": str(date_of(2)),
        "total_stocks": 2,
        "compositions": [
            {
                "ticker": "B",
                "name": "B",
                "weight": 0.5,
                "market_cap": 90.0,
                "sector": None,
                "industry": None,
            },
            {
                "ticker": "A",
                "name": "Acme",
                "weight": 0.5,
                "market_cap": pytest.approx(84.7),
                "sector": "Tools",
                "industry": None,
            },
        ],
    }


def test_returns_are_in_percent_and_sharpe_is_in_one_unit(tracker: Tracker) -> None:
    """What comes of fractions alone and of percents alone is the same ratio."""
    tracker.golden()
    tracker.build(0, 5)
    told = tracker.performance()
    rows, summary = told["performance_data"], told["summary"]
    assert [one["value"] for one in rows] == pytest.approx(LEVELS, rel=1e-13)
    returns = np.array(LEVELS[1:]) / np.array(LEVELS[:-1]) - 1
    assert rows[0]["daily_return"] is None
    assert [one["daily_return"] for one in rows[1:]] == pytest.approx([*(100 * returns)])
    since = [100 * (level / 1000 - 1) for level in LEVELS]
    assert [one["cumulative_return"] for one in rows] == pytest.approx(since)
    assert (told["total_days"], told["start_date"]) == (6, str(date_of(0)))
    deviation = returns.std(ddof=1)
    assert summary == pytest.approx(
        {
            "total_return": since[-1],
            "average_daily_return": 100 * returns.mean(),
            "volatility": 100 * deviation * sqrt(252),
            "max_daily_return": 100 * returns.max(),
            "min_daily_return": 100 * returns.min(),
            "sharpe_ratio": sqrt(252) * returns.mean() / deviation,
        }
    )


def test_each_level_goes_on_from_the_one_before(tracker: Tracker) -> None:
    """Days that are left out are built too, and what is built again does not begin with 1000."""
    tracker.golden()
    tracker.build(0, 1)
    assert tracker.build(5, 5)["dates_processed"] == 4
    assert tracker.levels() == pytest.approx(LEVELS, rel=1e-13)
    tracker.build(2, 3)
    assert tracker.levels() == pytest.approx(LEVELS, rel=1e-13)


def test_returns_are_compounded_within_a_build(tracker: Tracker) -> None:
    """Twice 10 % are 21 %, and a whole is what its parts are."""
    tracker.stock("US:A", [10, 11, 12.1, 13.31], shares=1)
    tracker.build(0, 3)
    assert tracker.levels(0, 3) == pytest.approx([1000, 1100, 1210, 1331])
    assert tracker.performance(0, 2)["summary"]["total_return"] == pytest.approx(21)


def test_nothing_is_not_null(tracker: Tracker) -> None:
    """What did not move has returns of 0; only what has no value has none."""
    tracker.stock("US:A", [10] * 6, shares=1)
    tracker.build(0, 5)
    told = tracker.performance()
    assert [one["daily_return"] for one in told["performance_data"]] == [None] + [0.0] * 5
    assert {one["cumulative_return"] for one in told["performance_data"]} == {0.0}
    none = {"sharpe_ratio": None}
    assert told["summary"] == dict.fromkeys(told["summary"], 0.0) | none
    one = tracker.performance(2, 2)["summary"]
    assert one == dict.fromkeys(one) | {"total_return": 0.0}


def test_the_share_counts_of_the_day_decide(tracker: Tracker) -> None:
    """Not those of today."""
    tracker.stock("US:OLD", [10] * 6, shares={0: 100})
    tracker.stock("US:NEW", [10] * 6, shares={0: 1, 4: 1000})
    tracker.define(count=1)
    tracker.build(0, 5)
    assert [tracker.members(place) for place in range(6)] == [["OLD"]] * 4 + [["NEW"]] * 2


def test_a_stock_that_rises_into_the_index_has_risen_before(tracker: Tracker) -> None:
    """Whom a close has chosen counts from the next session on, and what comes later changes no
    level: it is as if nobody had known it yet."""
    tracker.golden()
    tracker.build(0, 5)
    whole = tracker.levels()
    # Of whoever books the return of the day that has chosen the stock: it is 1200, 1228 and so on.
    assert whole[1] == pytest.approx(3050 / 3)
    for symbol in "ABCDE":
        path = f"/api/v1/bars/US:{symbol}"
        gone = tracker.client.request(
            "DELETE", path, params={"resolution": "1d", "start": day_of(4)}
        )
        assert gone.is_success, gone.text
    assert tracker.client.delete("/api/v1/indices/EW100").status_code == 204
    tracker.define(count=3)
    tracker.build(0, 3)
    assert tracker.levels(0, 3) == whole[:4]


def test_a_change_is_told_of_the_first_day_in_range_as_well(tracker: Tracker) -> None:
    """It is compared with the session before; both lists say what stocks weigh."""
    tracker.golden()
    tracker.build(0, 5)
    told = tracker.changes()
    assert [
        (
            one["date"],
            [stock["ticker"] for stock in one["stocks_added"]],
            [stock["ticker"] for stock in one["stocks_removed"]],
        )
        for one in told["changes"]
    ] == [
        (str(date_of(1)), ["D"], ["C"]),
        (str(date_of(3)), ["C"], ["D"]),
        (str(date_of(4)), ["D"], ["B"]),
    ]
    assert told["total_change_dates"] == 3
    [change] = tracker.changes(3, 3)["changes"]
    # What C weighs is a third; D drifted to 1.05 of the 3.01 that all three had come to.
    assert change == {
        "date": str(date_of(3)),
        "stocks_added": [
            {"ticker": "C", "name": "C", "weight": pytest.approx(1 / 3), "market_cap": 660.0}
        ],
        "stocks_removed": [
            {
                "ticker": "D",
                "name": "D",
                "weight": pytest.approx(1.05 / 3.01),
                "market_cap": pytest.approx(655.2),
            }
        ],
        "total_changes": 2,
    }
    assert tracker.changes(2, 2)["changes"] == []


async def test_only_sessions_have_levels(
    database: Database, database_url: str, calendar_data: CalendarData
) -> None:
    """No weekday that is a holiday, and whatever the range begins or ends with."""
    await Market(database).keep_calendar("XNYS", calendar_data("XNYS"))
    await anyio.to_thread.run_sync(_around_independence_day, database_url)


def _around_independence_day(url: str) -> None:
    clock = FixedClock(MONDAY)
    with Caller(create_app(Settings(database_url=url, demo=False), clock)) as client:
        tracker = Tracker(client, clock)
        tracker.put("/exchanges/US", {"calendar": "XNYS"})
        closes = [*[float("nan")] * JULY, 10, 11, 12, float("nan"), 12]
        tracker.stock("US:A", closes, shares=1)
        built = tracker.build(JULY - 3, JULY + 20)
        assert built["dates_processed"] == 4
        rows = tracker.performance(JULY - 3, JULY + 20)["performance_data"]
        assert [one["date"] for one in rows] == [f"2024-07-0{day}" for day in (1, 2, 3, 5)]
        assert tracker.composition(JULY + 5)["date"] == "2024-07-05"


def test_a_file_has_all_of_it(tracker: Tracker) -> None:
    """One table as CSV, the answers of the other routes as JSON."""
    tracker.stock("US:A", [10, 11], shares=1, name="=cmd()")
    tracker.stock("US:B", [10, 10], shares=1, name="Büro, GmbH")
    tracker.build(0, 1)
    plain = tracker.export(0, 1, format="csv", include_composition=False)
    assert plain.headers["content-type"] == "text/csv; charset=utf-8"
    name = f"EW100_{date_of(0)}_{date_of(1)}.csv"
    assert plain.headers["content-disposition"] == f'attachment; filename="{name}"'
    assert [*csv.reader(io.StringIO(plain.text))] == [
        TOLD,
        [str(date_of(0)), "1000.0", "", "0.0"],
        [str(date_of(1)), *map(str, _values(tracker)[1])],
    ]
    rows = [*csv.DictReader(io.StringIO(tracker.export(0, 1, include_composition=True).text))]
    assert [(one["date"], one["ticker"], one["name"], one["weight"]) for one in rows] == [
        (str(date_of(place)), ticker, name, "0.5")
        for place in (0, 1)
        for ticker, name in (("A", "'=cmd()"), ("B", "Büro, GmbH"))
    ]
    whole = tracker.export(0, 1, format="json", include_composition=True).json()
    compositions = whole.pop("compositions")
    assert whole == tracker.export(0, 1, format="json").json() == tracker.performance(0, 1)
    assert compositions == [tracker.composition(place) for place in (0, 1)]


def _values(tracker: Tracker) -> list[list[float]]:
    return [[one[name] for name in TOLD[1:]] for one in tracker.performance()["performance_data"]]


def test_a_range_without_a_session_is_refused(tracker: Tracker) -> None:
    """In words, as `detail`; so is what cannot be built."""
    tracker.stock("US:A", [10, 11], shares=1)
    tracker.build(0, 1)
    path = "/api/v1/index-performance"
    none = tracker.client.get(f"{path}?start_date=2030-01-01&end_date=2030-02-01")
    assert (none.status_code, code(none)) == (422, "bad_range")
    assert (
        none.json()["detail"]
        == f"There is no session in it; there are some {date_of(0)} to {date_of(1)}."
    )
    assert code(tracker.client.get(f"{path}?start_date=2022-02-02&end_date=2022-02-01")) == (
        "bad_range"
    )
    early = tracker.client.get("/api/v1/index-composition?date=2001-01-01")
    assert (early.status_code, code(early)) == (404, "no_session")
    assert code(tracker.try_build(5, 2)) == "nothing_to_build"


def test_those_who_build_the_same_at_the_same_time_all_have_it(tracker: Tracker) -> None:
    """One after the other, or one for all."""
    tracker.golden()
    answers = at_once(4, lambda: tracker.build(0, 5))
    assert {one["dates_processed"] for one in answers} == {6}
    assert tracker.levels() == pytest.approx(LEVELS, rel=1e-13)


def test_a_build_that_takes_too_long_goes_on(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its client is told where; another one, that it has to wait. Nobody does jobs here."""
    monkeypatch.setattr(builds, "PATIENCE", 0.01)
    clock = FixedClock(LATER)
    settings = Settings(database_url=database_url, demo=False, roles=(Role.ALERTS,))
    with Caller(create_app(settings, clock)) as client:
        tracker = Tracker(client, clock)
        tracker.stock("US:A", [10, 11], shares=1)
        answer = tracker.try_build(0, 1)
        assert answer.status_code == 202, answer.text
        url = answer.headers["location"]
        assert answer.json() == {
            "success": False,
            "message": f"The build goes on: {url}.",
            "dates_processed": 0,
            "start_date": str(date_of(0)),
            "end_date": str(date_of(1)),
        }
        assert client.get(url).json()["status"] == "queued"
        busy = tracker.try_build(0, 1)
        assert (busy.status_code, code(busy)) == (409, "job_running")
        assert url in busy.json()["detail"]


def test_health_is_for_everybody(serve: Callable[..., Service]) -> None:
    """Building is not."""
    service = serve()
    health = service.client.get("/api/v1/health").json()
    told = {"status": "healthy", "database": "connected", "cache": "connected"}
    assert health.items() >= told.items()
    assert health.keys() == {*told, "timestamp", "version"}
    body = {"start_date": "2022-01-01", "end_date": "2022-01-02"}
    assert service.client.post("/api/v1/build-index", json=body).status_code == 401
    assert service.person().call("POST", "/build-index", body).status_code == 403
