"""The simulated exchange's prices hold together and look like prices."""

from collections.abc import Callable

import numpy as np
import pytest

from tradeapi.analytics.resampling import fold
from tradeapi.market.calendars.calendar import Calendar
from tradeapi.market.calendars.days import DAY, day_of
from tradeapi.market.providers.securities import SECURITIES, SEED, Security
from tradeapi.market.providers.simulated import SimulatedMarket
from tradeapi.market.resolutions import Resolution
from tradeapi.market.store.blocks import VOLUME
from tradeapi.market.store.tick_bars import build

CalendarOf = Callable[[str], Calendar]

NOW = 1_772_211_600  # 2026-02-27 17:00 UTC, a Friday, in session
EVERY = pytest.mark.parametrize("security", SECURITIES, ids=lambda security: security.ticker)
ONE_EACH = pytest.mark.parametrize(
    "security", [SECURITIES[0], SECURITIES[-1]], ids=lambda security: security.ticker
)


@EVERY
def test_a_day_is_the_fold_of_its_minutes(security: Security, calendar_of: CalendarOf) -> None:
    """Bit for bit, volume included, for days long past and for an early close."""
    calendar = calendar_of(security.calendar)
    market = SimulatedMarket(SEED)
    start, end = NOW - 100 * DAY, NOW - 80 * DAY  # with the Friday after Thanksgiving
    days = market.days(security, calendar, calendar.trading_day(start), end)
    minutes = market.minutes(security, calendar, start - DAY, end)
    folded = fold(minutes, calendar.labels(minutes.time, Resolution.DAY))
    shared = np.isin(days.time, folded.time)
    assert shared.sum() > 10
    assert days[shared][1:-1] == folded[np.isin(folded.time, days.time)][1:-1]


@ONE_EACH
def test_a_minute_is_built_from_its_trades(security: Security, calendar_of: CalendarOf) -> None:
    """Bit for bit, and each trade lies inside of its minute."""
    market = SimulatedMarket(SEED)
    minutes = market.minutes(security, calendar_of(security.calendar), NOW - 3600, NOW)
    assert len(minutes) == 60
    for index in range(60):
        minute = minutes[index : index + 1]
        trades = market.trades(security, minute)
        times = [trade.time for trade in trades]
        assert minute.time[0] < times[0] <= times[-1] < minute.time[0] + 60
        assert times == sorted(times)
        built, _ = build(trades, [int(minute.time[0])] * len(trades), {})
        assert built.values[0, : VOLUME + 1].tolist() == [
            column.item() for column in minute.columns()[1:]
        ]


@ONE_EACH
def test_history_does_not_depend_on_when_one_looks(
    security: Security, calendar_of: CalendarOf
) -> None:
    """What a day and a minute were is the same today, next year, and for any range asked."""
    calendar = calendar_of(security.calendar)
    today, later = SimulatedMarket(SEED), SimulatedMarket(SEED)
    later.days(security, calendar, NOW, NOW + 300 * DAY)
    start = NOW - 90 * DAY
    assert today.days(security, calendar, start, NOW) == later.days(security, calendar, start, NOW)
    whole = today.minutes(security, calendar, NOW - 7 * DAY, NOW)
    part = later.minutes(security, calendar, NOW - 4000, NOW)
    assert len(part) == 66
    assert whole[-66:] == part


def test_another_seed_is_another_market(calendar_of: CalendarOf) -> None:
    """The seed decides."""
    security, calendar = SECURITIES[0], calendar_of("XNYS")
    one, two = (
        SimulatedMarket(seed).days(security, calendar, NOW - 9 * DAY, NOW) for seed in (1, 2)
    )
    assert one != two


@EVERY
def test_bars_look_like_bars(security: Security, calendar_of: CalendarOf) -> None:
    """Prices are whole cents in order, volumes whole lots, and no day is out of proportion."""
    calendar = calendar_of(security.calendar)
    market = SimulatedMarket(SEED)
    for bars in (
        market.days(security, calendar, NOW - 5 * 365 * DAY, NOW),
        market.minutes(security, calendar, NOW - 7 * DAY, NOW),
    ):
        assert (bars.low >= 0.01).all()
        assert (bars.low <= np.minimum(bars.open, bars.close)).all()
        assert (bars.high >= np.maximum(bars.open, bars.close)).all()
        for prices in (bars.open, bars.high, bars.low, bars.close):
            assert np.array_equal(np.round(prices, 2), prices)
        assert (bars.volume > 0).all()
        assert (bars.volume % security.lot == 0).all()
        assert (bars.high < 1.6 * bars.low).all()


def test_a_split_divides_the_price(calendar_of: CalendarOf) -> None:
    """On its ex-date the stored price falls to a quarter and the volume rises."""
    security, calendar = SECURITIES[0], calendar_of("XNYS")
    [(ex_date, ratio)] = security.splits
    day = day_of(ex_date)
    bars = SimulatedMarket(SEED).days(security, calendar, day - 30 * DAY, day + 30 * DAY)
    place = int(bars.time.searchsorted(day))
    assert bars.time[place] == day
    assert bars.close[place - 1] / bars.open[place] == pytest.approx(ratio, rel=0.1)
    assert bars.volume[place:].mean() > 2 * bars.volume[:place].mean()


def test_every_security_says_that_it_is_simulated() -> None:
    """Nobody shall take these for real prices."""
    assert len(SECURITIES) == len({security.symbol for security in SECURITIES}) == 20
    assert all("simulated" in security.name for security in SECURITIES)
    assert sum(security.calendar == "24x7" for security in SECURITIES) == 2
