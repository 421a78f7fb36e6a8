"""How indices have done, as it is told over HTTP."""

import math
import statistics
from collections.abc import Callable
from typing import Any

import pytest

from tests.auth.people import Service, eventually
from tests.indices.desk import date_of
from tests.indices.performing import Indexer
from tradeapi.analytics.indices.measures import MEASURES, RELATIVE_MEASURES
from tradeapi.indices.performance.schemas import (
    DrawdownsOut,
    MonthlyOut,
    PerformanceOut,
    Relative,
    RollingOut,
    Summary,
)

CLOSES = [10, 11, 9.9, 9.9, 10.395]
RETURNS = [0.1, -0.1, 0.0, 0.05]
DAYS = [date_of(place).isoformat() for place in range(5)]


@pytest.fixture
def desk(service: Service) -> Indexer:
    return Indexer(service)


def test_columns_and_measures_are_exact(desk: Indexer) -> None:
    """Of a market that never closes a year has 365 sessions, and all that is yearly says so."""
    told = desk.ask(f"{desk.index(CLOSES)}/performance")
    PerformanceOut.model_validate(told)
    assert (told["date"], told["start"], told["end"]) == (DAYS, DAYS[0], DAYS[-1])
    assert told["level"] == pytest.approx([1000, 1100, 990, 990, 1039.5], rel=1e-14)
    assert told["daily_return"][0] is None
    assert told["daily_return"][1:] == pytest.approx(RETURNS, abs=1e-15)
    assert told["cumulative_return"] == pytest.approx([0, 0.1, -0.01, -0.01, 0.0395], abs=1e-14)
    summary, conventions = told["summary"], told["conventions"]
    assert [*summary] == [*MEASURES]
    assert conventions["periods_per_year"] == 365
    assert summary["total_return"] == told["cumulative_return"][-1]
    deviation = statistics.stdev(RETURNS)
    assert summary["volatility"] == pytest.approx(deviation * math.sqrt(365))
    assert summary["sharpe"] == pytest.approx(0.0125 / deviation * math.sqrt(365))
    assert summary["max_drawdown"] == pytest.approx(-0.1)
    assert (summary["max_drawdown_peak_day"], summary["worst_return_day"]) == (DAYS[1], DAYS[2])
    assert summary["max_drawdown_recovery_day"] is None
    assert told["undefined"] == {"max_drawdown_recovery_day": "The level has not recovered."}


def test_nought_is_a_number_and_what_is_undefined_has_a_reason(desk: Indexer) -> None:
    """A level that never moves has a volatility of 0, and no Sharpe ratio."""
    told = desk.ask(f"{desk.index([10, 10, 10])}/performance")
    summary = told["summary"]
    assert told["daily_return"] == [None, 0.0, 0.0]
    assert (summary["volatility"], summary["total_return"], summary["max_drawdown"]) == (0, 0, 0)
    assert summary["sharpe"] is None
    assert told["undefined"]["sharpe"] == "All returns are equal."
    nothing = {name for name, value in summary.items() if value is None}
    assert nothing == {*told["undefined"]}


def test_one_session_has_a_level_and_no_measures(desk: Indexer) -> None:
    """Each says what it takes."""
    told = desk.ask(f"{desk.index(CLOSES)}/performance", start=DAYS[2], end=DAYS[2])
    assert (told["level"], told["daily_return"]) == (pytest.approx([990]), [None])
    assert told["cumulative_return"] == [0.0]
    assert {*told["summary"].values()} == {None}
    assert told["undefined"]["total_return"] == "It takes 1 returns, there are 0."


def test_a_range_begins_at_its_first_session(desk: Indexer) -> None:
    """Both days are in it, and no return is of before."""
    told = desk.ask(f"{desk.index(CLOSES)}/performance", start=DAYS[1], end=DAYS[2])
    assert told["date"] == DAYS[1:3]
    assert told["daily_return"] == [None, pytest.approx(-0.1)]
    assert told["cumulative_return"] == pytest.approx([0, -0.1])
    assert told["summary"]["total_return"] == pytest.approx(-0.1)


def test_what_lost_everything_is_told_up_to_the_end(desk: Indexer) -> None:
    """After that there is a level, and no return any more."""
    lost = [{"listed_to": date_of(2)}]
    code = desk.index([10, 5, float("nan"), float("nan")], stocks=lost, delisting="zero", built=3)
    told = desk.ask(f"{code}/performance")
    assert told["level"] == [1000, 500, 0, 0]
    assert told["daily_return"] == [None, -0.5, -1, None]
    assert told["cumulative_return"] == [0, -0.5, -1, -1]
    after = desk.ask(f"{code}/performance", start=DAYS[2])
    assert after["cumulative_return"] == [None, None]
    assert {*after["undefined"].values()} == {"The base must be above 0."}
    assert desk.ask(f"{code}/drawdowns", 422, start=DAYS[2])["code"] == "bad_range"


def test_a_risk_free_rate_is_of_a_year(desk: Indexer) -> None:
    """A session's share of it comes off each return."""
    told = desk.ask(f"{desk.index(CLOSES)}/performance", risk_free=0.0365, minimum=0.073)
    deviation = statistics.stdev(RETURNS)
    expected = (0.0125 - 0.0001) / deviation * math.sqrt(365)
    assert told["summary"]["sharpe"] == pytest.approx(expected)
    downside = math.sqrt(statistics.mean(min(x - 0.0002, 0) ** 2 for x in RETURNS))
    assert told["summary"]["sortino"] == pytest.approx(0.0123 / downside * math.sqrt(365))


def test_a_benchmark_is_compared_on_common_days(desk: Indexer) -> None:
    """A symbol's closes, where there are some; another index all the same."""
    code = desk.index(CLOSES)
    other = desk.index([20, 22, float("nan"), 20.9, 22])
    told = desk.ask(f"{code}/performance", benchmark=f"us:{other}A")
    against = told["benchmark"]
    PerformanceOut.model_validate(told)
    assert (against["symbol"], against["sessions"]) == (f"US:{other}A", 4)
    assert (against["level"], against["adjustment"]) == ([20, 22, None, 20.9, 22], "splits")
    assert against["cumulative_return"] == pytest.approx([0, 0.1, None, 0.045, 0.1], abs=1e-14)
    assert [*against["summary"]] == [*RELATIVE_MEASURES]
    own, theirs = [0.1, -0.1, 0.05], [0.1, -0.05, 22 / 20.9 - 1]
    covariance = statistics.covariance(own, theirs)
    assert against["summary"]["beta"] == pytest.approx(covariance / statistics.variance(theirs))
    same = desk.ask(f"{code}/performance", benchmark=code)["benchmark"]
    assert same == desk.ask(f"{code}/performance", benchmark=f"INDEX:{code}")["benchmark"]
    assert (same["summary"]["beta"], same["summary"]["tracking_error"]) == (pytest.approx(1), 0)
    assert same["undefined"] == {"information_ratio": "The series never leaves its benchmark."}


def test_drawdowns_are_told_with_their_days(desk: Indexer) -> None:
    """The deepest first, and how far below its high each session was."""
    told = desk.ask(f"{desk.index([10, 9, 10, 12, 6])}/drawdowns", count=1)
    DrawdownsOut.model_validate(told)
    assert told["drawdown"] == pytest.approx([0, -0.1, 0, 0, -0.5])
    assert told["items"] == [
        {
            "peak": DAYS[3],
            "trough": DAYS[4],
            "recovery": None,
            "depth": -0.5,
            "length": 1,
            "recovery_length": None,
        }
    ]


def test_rolling_measures_look_back_beyond_the_start(desk: Indexer) -> None:
    """Each day that is asked for has a value if there are so many returns before it at all."""
    code = desk.index(CLOSES)
    query: dict[str, Any] = {"window": 2, "measures": "return,volatility,beta", "benchmark": code}
    told = desk.ask(f"{code}/rolling", start=DAYS[3], **query)
    RollingOut.model_validate(told)
    assert told["date"] == DAYS[3:]
    assert told["measures"]["return"] == pytest.approx([-0.1, 0.05], abs=1e-14)
    yearly = math.sqrt(365)
    expected = [statistics.stdev(pair) * yearly for pair in ([-0.1, 0], [0, 0.05])]
    assert told["measures"]["volatility"] == pytest.approx(expected)
    assert told["measures"]["beta"] == pytest.approx([1, 1])
    assert desk.ask(f"{code}/rolling", **query)["date"] == DAYS[2:]
    assert desk.ask(f"{code}/rolling", window=1000)["date"] == []


def test_months_compound_to_their_year(desk: Indexer) -> None:
    """A month begins where the one before it ended, also where only it is asked for."""
    closes = [100 * 1.01**place for place in range(400)]
    code = desk.index(closes)
    told = desk.ask(f"{code}/monthly")
    MonthlyOut.model_validate(told)
    # From the 8th of January 2022 on.
    assert [year["year"] for year in told["years"]] == [2022, 2023]
    months, total = told["years"][0]["months"], told["years"][0]["total"]
    assert months[0] == pytest.approx(1.01**23 - 1)
    assert months[1] == pytest.approx(1.01**28 - 1)
    assert math.prod(1 + month for month in months) - 1 == pytest.approx(total)
    assert told["years"][1]["months"][2:] == [None] * 10
    [year] = desk.ask(f"{code}/monthly", start="2022-02-01", end="2022-02-28")["years"]
    assert year["months"] == [None, months[1], *[None] * 10]


def test_a_file_has_the_columns(desk: Indexer) -> None:
    """What there is none of is empty."""
    code = desk.index(CLOSES)
    answer = desk.answer(f"{code}/performance", format="csv", end=DAYS[1], benchmark=code)
    assert answer.headers["content-type"].startswith("text/csv")
    header, first, *_ = answer.text.splitlines()
    assert header == "date,level,daily_return,cumulative_return,benchmark"
    assert first == f"{DAYS[0]},1000.0,,0.0,1000.0"


def test_a_new_revision_is_another_answer(desk: Indexer) -> None:
    """What the caller has is right until then."""
    code = desk.index(CLOSES, built=3)
    path = f"{code}/performance"
    first = desk.answer(path, end=DAYS[4])
    known = {"if-none-match": first.headers["etag"]}
    assert desk.answer(path, known, end=DAYS[4]).status_code == 304
    desk.build(code, 4, 4)
    for _ in eventually():
        again = desk.answer(path, known, end=DAYS[4])
        if again.status_code == 200:
            break
    assert (first.json()["revision"], again.json()["revision"]) == (1, 2)
    assert again.json()["date"] == DAYS
    assert first.headers["vary"].startswith("Authorization, X-API-Key")
    assert first.headers["cache-control"] == "private, no-cache"


@pytest.mark.parametrize(
    ("query", "code", "pointer"),
    [
        ({"start": "2030-01-01"}, "bad_range", "/query/start"),
        ({"end": "2000-01-01"}, "bad_range", "/query/end"),
        ({"start": DAYS[3], "end": DAYS[1]}, "bad_range", "/query/start"),
        ({"start": "1641600"}, "invalid_field", "/query/start"),
        ({"risk_free": "nan"}, "invalid_field", "/query/risk_free"),
        ({"confidence": "1"}, "invalid_field", "/query/confidence"),
    ],
)
def test_what_cannot_be_shown_says_why(
    desk: Indexer, query: dict[str, str], code: str, pointer: str
) -> None:
    """And which of the parameters is at fault."""
    problem = desk.ask(f"{desk.index(CLOSES)}/performance", 422, **query)
    assert (problem["code"], problem["errors"][0]["pointer"]) == (code, pointer)


def test_what_is_not_there_is_not_found(desk: Indexer) -> None:
    """Neither an index nor what it is compared with; and rolling measures have to be known."""
    code = desk.index(CLOSES)
    assert desk.ask("NOPE/performance", 404)["code"] == "unknown_index"
    for name, expected in (("NOPE", "unknown_index"), ("US:NOPE", "unknown_symbol")):
        assert desk.ask(f"{code}/performance", 404, benchmark=name)["code"] == expected
    assert desk.ask(f"{code}/rolling", 422, measures="alpha")["code"] == "invalid_field"
    assert desk.ask(f"{code}/rolling", 422, measures="beta")["code"] == "invalid_field"
    assert desk.ask(f"{code}/rolling", 422, window=1261)["code"] == "invalid_field"


def test_anybody_may_look_where_the_market_is_public(serve: Callable[..., Service]) -> None:
    """Without saying who they are."""
    service = serve(public_read=True)
    code = Indexer(service).index(CLOSES)
    for path in ("performance", "drawdowns", "rolling", "monthly"):
        assert service.client.get(f"/api/v1/indices/{code}/{path}").status_code == 200


def test_the_document_names_every_measure() -> None:
    """In their order."""
    assert [*Summary.model_fields] == [*MEASURES]
    assert [*Relative.model_fields] == [*RELATIVE_MEASURES]
