"""The bars that alerts look back at: they are many, and so may alerts be."""

from collections.abc import Sequence
from typing import Any

import anyio
import numpy as np
from anyio.lowlevel import checkpoint

from tests.market.places import flat
from tradeapi.alerts import conditions
from tradeapi.alerts.conditions import Extreme, Period, Side
from tradeapi.alerts.engine.gauges import BarGauge, ExtremeOf, Moment, ReadingOf, VolumeOf
from tradeapi.alerts.engine.trails import Opened, Trail
from tradeapi.analytics.bars import Bars
from tradeapi.market.resolutions import Resolution

# Sessions are given.
CALENDAR: Any = None
BARS = 3000


def indicator(name: str, **params: float) -> ReadingOf:
    condition = {
        "type": "indicator",
        "indicator": name,
        "params": params,
        "output": name,
        "resolution": "1m",
        "on": "close",
        "is": "above",
        "level": 1.0,
        "other": None,
    }
    [test] = conditions.tests_of([condition])
    return ReadingOf(test.gauge)  # type: ignore[arg-type]


def trail_of(gauges: Sequence[BarGauge]) -> tuple[Trail, Opened]:
    """With bars of a price that rises by one each minute."""
    trail = Trail(Resolution.MINUTE)
    trail.gauges.extend(gauges)
    bars = Bars.of([flat(60 * number, 100.0 + number) for number in range(BARS)])
    opened = Opened(bars, np.zeros(BARS), BARS, CALENDAR, 1)
    opened.gauges = tuple(gauges)
    return trail, opened


async def test_others_have_turns_while_many_indicators_are_worked_out() -> None:
    """However many there are, and however far they look back."""
    trail, opened = trail_of([indicator("cci", period=1000 - number) for number in range(100)])
    turns = 0

    async def take_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await checkpoint()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(take_turns)
        await trail.work_out(opened)
        tasks.cancel_scope.cancel()
    assert turns > 10
    [readings] = trail.begin(opened)
    assert len(readings) == 100


async def test_bars_that_nobody_looks_back_at_are_not_kept() -> None:
    """An indicator that is computed from thousands has a memory of its own."""
    trail, opened = trail_of([indicator("sma", period=1000)])
    await trail.work_out(opened)
    [[(_, value, _)]] = trail.begin(opened)
    assert value == 100 + BARS - 500.5
    assert len(trail.closed) == 1


async def test_bars_that_are_looked_back_at_are_kept() -> None:
    """As many as it takes, before the newest."""
    trail = Trail(Resolution.MINUTE)
    [test] = conditions.tests_of([{"type": "volume", "times": 1.0, "resolution": "1m", "bars": 20}])
    gauge = VolumeOf(test.gauge, trail)  # type: ignore[arg-type]
    _, opened = trail_of([gauge])
    trail.gauges.append(gauge)
    await trail.work_out(opened)
    [[(_, value, _)]] = trail.begin(opened)
    assert value == 1.0
    assert gauge.form(flat(60 * BARS, 1.0, volume=300), 0.0) == 3.0


def test_a_high_of_a_year_needs_all_of_its_days() -> None:
    """Those that another condition has had read may be too few."""
    trail = Trail(Resolution.DAY)
    trail.closed = [flat(86_400 * 300, 100.0)]
    gauge = ExtremeOf(Extreme(Period.YEAR, Side.HIGH), trail)
    moment = Moment(86_400.0 * 301, 150, 150, 150, 86_400 * 301, None, None, None, is_late=False)
    assert gauge.read(moment) is None
    trail.closed = [flat(86_400 * 100, 200.0), flat(86_400 * 300, 100.0)]
    gauge.begin()
    assert gauge.read(moment) == (0, 0, 0)
