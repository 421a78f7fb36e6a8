"""Where the returns and the risk of indices come from, as it is told over HTTP."""

import math

import numpy as np
import pytest

from tests.auth.people import Service
from tests.indices.desk import date_of
from tests.indices.performing import Indexer
from tradeapi.indices.risk import portfolio
from tradeapi.indices.risk.schemas import AttributionOut, RiskOut

DAYS = [date_of(place).isoformat() for place in range(6)]
A, B, C = [10, 11, 11, 12.1], [20, 20, 21, 21], [5, 4.5, 4.5, 5]
SECTORS: list[dict[str, object]] = [{"sector": "Tech"}, {"sector": "Tech"}, {}]


@pytest.fixture
def desk(service: Service) -> Indexer:
    return Indexer(service)


def test_one_session_is_attributed_exactly(desk: Indexer) -> None:
    """Brinson and Fachler's effects of weights that both indices had after the first close."""
    shares = [{"shares": count, "sector": sector} for count, sector in ((600, "Tech"), (200, None))]
    ours = desk.index([10, 11], [20, 19], stocks=shares)
    symbols = [f"US:{ours}A", f"US:{ours}B"]
    theirs = desk.over(symbols, 1, weighting="market_cap")
    told = desk.ask(f"{ours}/attribution", benchmark=theirs.lower())
    AttributionOut.model_validate(told)
    # Half each, against 60 % and 40 %; both stocks return the same in both.
    active = (0.05 - 0.025) - (0.06 - 0.02)
    assert told["active"] == pytest.approx(active, abs=1e-14)
    assert told["allocation"] == pytest.approx(active, abs=1e-14)
    assert (told["selection"], told["interaction"]) == (0, 0)
    tech, rest = told["sectors"]
    assert (tech["sector"], rest["sector"]) == ("Tech", "Unclassified")
    assert (tech["portfolio_weight"], tech["benchmark_weight"]) == pytest.approx((0.5, 0.6))
    assert tech["portfolio_return"] == pytest.approx(0.1)
    assert tech["allocation"] == pytest.approx((0.5 - 0.6) * (0.1 - 0.04))


@pytest.mark.parametrize(
    ("rebalance", "returns"), [("daily", "price"), ("daily", "total"), ("monthly", "total")]
)
def test_sectors_come_to_the_return_of_the_index(
    desk: Indexer, rebalance: str, returns: str
) -> None:
    """Through a split, an ordinary and a special dividend, and one that leaves."""
    stocks = [
        {"sector": "Tech", "actions": [(2, "split", 2.0)]},
        {"sector": "Banks", "actions": [(1, "dividend", 0.5), (3, "special", 1.0)]},
        {"sector": "Tech", "listed_to": date_of(3)},
        {},
    ]
    closes = (
        [10, 11, 6, 6.3, 6.5],
        [20, 19, 21, 20.5, 21],
        [5, 5.5, 5, math.nan, math.nan],
        [8, 8, 8.4, 8.2, 9],
    )
    ours = desk.index(*closes, stocks=stocks, rebalance=rebalance, return_type=returns)
    symbols = [f"US:{ours}{letter}" for letter in "AD"]
    theirs = desk.over(symbols, 4, rebalance=rebalance, return_type=returns)
    told = desk.ask(f"{ours}/attribution", benchmark=theirs)
    for side, code in (("portfolio", ours), ("benchmark", theirs)):
        summary = desk.ask(f"{code}/performance")["summary"]
        assert told[side]["return"] == summary["total_return"]
        assert abs(told[side]["residual"]) < 1e-12
    effects = [one["total"] for one in told["sectors"]]
    assert sum(effects) == pytest.approx(told["active"], abs=1e-13)
    banks = next(one for one in told["sectors"] if one["sector"] == "Banks")
    assert banks["benchmark_return"] is None
    # The special dividend of 1 is no loss; the ordinary one is income of the return `total`.
    bank = closes[1]
    growth = bank[2] / bank[0] * bank[3] / (bank[2] - 1) * bank[4] / bank[3]
    income = 19.5 / 19 if returns == "total" else 1
    assert banks["portfolio_return"] == pytest.approx(growth * income - 1, abs=1e-12)


def test_costs_are_the_residual(desk: Indexer) -> None:
    """What trading took is in no sector, and is not hidden in one."""
    free = desk.index(A, B, C, stocks=SECTORS)
    symbols = [f"US:{free}{letter}" for letter in "ABC"]
    dear = desk.over(symbols, 3, cost_bp=50)
    told = desk.ask(f"{dear}/attribution", benchmark=free)
    assert told["portfolio"]["explained"] == pytest.approx(told["benchmark"]["return"], abs=1e-13)
    assert told["portfolio"]["residual"] < -1e-4
    assert told["active"] == pytest.approx(0, abs=1e-13)


def test_what_cannot_be_attributed_says_why(desk: Indexer, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes two sessions that both have, and not too much at once."""
    code = desk.index(A, B, C)
    path = f"{code}/attribution"
    assert desk.ask(path, 404, benchmark="NOPE")["code"] == "unknown_index"
    assert desk.ask(path, 422)["code"] == "invalid_field"
    assert desk.ask(path, 422, benchmark=code, start=DAYS[3])["code"] == "bad_range"
    monkeypatch.setattr(portfolio, "MOST_CELLS", 11)
    problem = desk.ask(path, 422, benchmark=code)
    assert (problem["code"], problem["errors"][0]["pointer"]) == ("bad_range", "/query/start")
    problem = desk.ask(f"{code}/risk", 422, window=3)
    assert (problem["code"], problem["errors"][0]["pointer"]) == ("bad_range", "/query/window")
    assert desk.ask(f"{code}/risk", 422, window=1261)["code"] == "invalid_field"


def test_parts_of_the_risk_add_up(desk: Indexer) -> None:
    """By constituent and by sector, of the weights after the close; of sessions without a
    price nothing is returned, and who has a short history is left out."""
    closes = ([10, 11, 10.5, 11.5, 11], [20, 10.5, 10.5, 10, 10.2], [5, 5.2, math.nan, 5, 5.5])
    late = [math.nan, math.nan, 8, 8, 8]
    stocks: list[dict[str, object]] = [*SECTORS, {"sector": "Late"}]
    stocks[1] = {"sector": "Tech", "actions": [(1, "split", 2.0)]}
    code = desk.index(*closes, late, stocks=stocks)
    told = desk.ask(f"{code}/risk", window=4, confidence=0.75)
    RiskOut.model_validate(told)
    prices = np.array([closes[0], [10, *closes[1][1:]], [5, 5.2, 5.2, 5, 5.5]])
    returns = prices[:, 1:] / prices[:, :-1] - 1
    whole = returns.mean(axis=0)
    assert told["volatility"] == pytest.approx(whole.std(ddof=1) * math.sqrt(365))
    assert told["cvar"] == pytest.approx(-whole.min())
    assert told["left_out"] == [{"symbol": f"US:{code}D", "weight": pytest.approx(0.25)}]
    assert told["covered_weight"] == pytest.approx(0.75)
    for parts in (told["items"], told["sectors"]):
        assert sum(one["weight"] for one in parts) == pytest.approx(1)
        for name in ("volatility", "cvar"):
            assert sum(one[name] for one in parts) == pytest.approx(told[name])
            assert sum(one[f"{name}_share"] for one in parts) == pytest.approx(1)
    assert [one["sector"] for one in told["sectors"]] == ["Tech", "Unclassified"]
    long = desk.ask(f"{code}/risk", window=1000)
    assert (long["volatility"], long["items"], long["covered_weight"]) == (None, [], 0)
    assert {*long["undefined"]} == {"volatility", "cvar"}
    assert desk.ask(f"{code}/risk", window=2, date=DAYS[3])["date"] == DAYS[3]
