"""Falls from a high."""

from datetime import date

from hypothesis import given, settings

from tests.analytics.indices.samples import levels_of, number, several_returns
from tradeapi.analytics.indices.drawdowns import Drawdown, drawdowns
from tradeapi.analytics.indices.levels import Levels
from tradeapi.analytics.indices.measures import measure
from tradeapi.analytics.indices.sample import Terms


def test_falls_are_told_apart_and_the_deepest_comes_first() -> None:
    """The high lasts two sessions, of which the later counts; the last fall is not over."""
    levels = Levels.of(range(10), [100, 75, 100, 100, 80, 50, 128, 127, 80, 108])
    assert drawdowns(levels, 3) == [
        Drawdown(date(1970, 1, 4), date(1970, 1, 6), date(1970, 1, 7), -0.5, 3, 1),
        Drawdown(date(1970, 1, 7), date(1970, 1, 9), None, -0.375, 3, None),
        Drawdown(date(1970, 1, 1), date(1970, 1, 2), date(1970, 1, 3), -0.25, 2, 1),
    ]
    assert drawdowns(levels, 1) == drawdowns(levels, 3)[:1]


def test_equally_deep_falls_come_in_their_order() -> None:
    """The earlier first."""
    levels = Levels.of(range(5), [100, 75, 100, 75, 100])
    assert [fall.peak.day for fall in drawdowns(levels, 9)] == [1, 3]


def test_what_never_falls_has_no_drawdowns() -> None:
    """Nor has a base, nor nothing; rounding is no fall."""
    for values in ([], [1], [1, 1, 2], [1, 1 - 2e-16, 1]):
        assert drawdowns(Levels.of(range(len(values)), values), 5) == []


@settings(deadline=None)
@given(several_returns(least=0))
def test_drawdowns_are_those_that_a_walk_finds(returns: list[float]) -> None:
    """One session after the other."""
    levels = levels_of(returns)
    found = drawdowns(levels, len(levels))
    walked, high, depth = [], 0.0, 0.0
    for level in levels.values.tolist():
        high = max(high, level)
        fall = level / high - 1
        if fall >= -1e-14:
            walked.append(depth)
            depth = 0.0
        depth = min(depth, fall if fall < -1e-14 else 0)
    walked = sorted(depth for depth in [*walked, depth] if depth < 0)
    assert [fall.depth for fall in found] == walked
    for fall in found:
        assert fall.peak < fall.trough
        assert fall.recovery is None or fall.trough < fall.recovery
        assert fall.length == ((fall.recovery or levels.day(-1)) - fall.peak).days
        back = fall.recovery and (fall.recovery - fall.trough).days
        assert fall.recovery_length == back
    if returns:
        deepest = min([fall.depth for fall in found], default=0)
        assert number(measure(levels, Terms())["max_drawdown"]) == deepest
