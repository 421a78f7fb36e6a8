"""The worked example of an index: five symbols, six sessions, a split, a dividend, a halt and a
delisting."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from tradeapi.analytics.indices.basket import Basket
from tradeapi.analytics.indices.engine import Engine
from tradeapi.analytics.indices.methodology import Methodology, Return
from tradeapi.analytics.indices.panel import Event, Panel

DAY = 86400
NAN = float("nan")
NEVER = 2**62
A, B, C, D, E = range(5)
CLOSES = np.array(
    [
        [10, 4, 12, 1, 20],
        [11, 4, 11.4, 1.5, 20],
        [11.55, 3.92, 11.4, 1.56, 20],
        [5.544, 3.92, 13.2, 1.638, 20],
        [5.71032, 4.116, NAN, 1.6, 20],
        [5.6532168, NAN, 12.54, 1.648, 20],
    ]
)
METHODOLOGY = Methodology(count=3, withholding=0.15)


def panel(closes: np.ndarray = CLOSES) -> Panel:
    days = np.arange(len(closes), dtype=np.int64) * DAY
    listed_to = np.full(5, NEVER)
    listed_to[B] = 5 * DAY
    return Panel(
        days=days,
        following=len(closes) * DAY,
        close=closes,
        shares=np.array([100.0, 200, 50, 400, 10]),
        listed_from=np.zeros(5, np.int64),
        listed_to=listed_to,
        events={2: [Event(B, "dividend", 0.08)], 3: [Event(A, "split", 2.0)]},
    )


def built(methodology: Methodology, data: Panel) -> list[Basket]:
    return list(Engine(methodology, 5).run(data))


PRICE = [
    Fraction(1000),
    Fraction(3050, 3),
    Fraction(18727, 18),
    Fraction(5636827, 5400),
    Fraction(434035679, 405000),
    Fraction(4774392469, 4500000),
]


def test_levels_are_the_exact_ones() -> None:
    """A price return index, to the last digits of a float."""
    levels = [basket.level for basket in built(METHODOLOGY, panel())]
    assert levels == pytest.approx([float(level) for level in PRICE], rel=1e-14)


def test_selection_does_not_see_the_return_it_earns() -> None:
    """With the constituents of the same close the levels would be these."""
    levels = [basket.level for basket in built(METHODOLOGY, panel())]
    for level, wrong in zip(
        levels[1:], [1200, 1228, 1276.258246, 1310.291799, 1297.188881], strict=True
    ):
        assert level != pytest.approx(wrong, rel=1e-3)


@pytest.mark.parametrize(
    ("returns", "levels"),
    [
        (Return.TOTAL, [1000, 1016.666667, 1047.166667, 1050.657222, 1078.674748, 1067.888001]),
        (Return.NET, [1000, 1016.666667, 1046.15, 1049.637167, 1077.627491, 1066.851216]),
    ],
)
def test_dividends_are_reinvested(returns: Return, levels: list[float]) -> None:
    """All of them, or what is left after 15 %."""
    found = [basket.level for basket in built(replace(METHODOLOGY, returns=returns), panel())]
    assert found == pytest.approx(levels, rel=1e-9)


def test_constituents_and_turnover_are_the_exact_ones() -> None:
    """Who is in after each close, at which weight, and what was traded."""
    baskets = built(METHODOLOGY, panel())
    members = ["".join("ABCDE"[column] for column in sorted(one.members)) for one in baskets]
    assert members == ["ABC", "ABD", "ABD", "ABC", "ACD", "ACD"]
    turnover = [Fraction(0), *(Fraction(*one) for one in _TURNOVER)]
    assert [one.turnover for one in baskets] == pytest.approx([float(one) for one in turnover])
    for basket in baskets:
        assert basket.weights == pytest.approx([1 / 3] * 3, rel=1e-15)
    assert baskets[4].age.tolist() == [0, 1, 0]


_TURNOVER = [(62, 183), (13, 921), (15, 43), (79, 231), (4, 297)]
