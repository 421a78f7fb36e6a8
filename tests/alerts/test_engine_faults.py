"""What one alert has in it must not keep others from firing."""

from typing import Any

import anyio
import pytest
from sqlalchemy import delete, update

from tests.alerts.desks import MINUTE, Desk, price, watching
from tradeapi.alerts.engine.firings import Firing, Firings
from tradeapi.alerts.engine.gauges import Moment
from tradeapi.alerts.engine.rows import active_among
from tradeapi.alerts.models import Alert
from tradeapi.auth.models import User
from tradeapi.jobs.opening import jobs_of
from tradeapi.metrics import ALERTS_WATCHED
from tradeapi.notifications.notifier import Notifier


async def test_numbers_beyond_all_bounds_are_told_as_none(desk: Desk) -> None:
    """A move from next to nothing is more than a number can say, and no JSON."""
    async with watching(desk.market) as market:
        await market.trade("X:A", *[5e-324] * 5, every=MINUTE)
        move = {"type": "move", "percent": 5.0, "minutes": 1, "direction": "up"}
        id = await desk.make("X:A", move)
        await market.trade("X:A", 9e13)
        [told] = await desk.wait(1, of=id)
        assert told.data["values"] == [None]


@pytest.mark.parametrize(
    "changed",
    [
        {"channels": ["carrier_pigeon"]},
        {"conditions": [{"type": "price", "is": "above", "level": "vwap"}]},
        {"conditions": [{"type": "price", "is": "above", "level": 10**400}]},
        {"conditions": [{"type": "move", "percent": 1.0, "direction": "up", "minutes": "all"}]},
    ],
)
async def test_what_a_newer_release_has_written_harms_no_other(
    desk: Desk, changed: dict[str, object]
) -> None:
    """Its ways to users and its conditions are left out."""
    async with watching(desk.market) as market:
        await market.trade("X:A", 100)
        newer = await desk.make("X:A", price("above", 105))
        older = await desk.make("X:A", price("above", 105))
        await market.rest()
    async with desk.market.database.transaction() as session:
        await session.execute(update(Alert).where(Alert.id == newer).values(changed))
    async with watching(desk.market) as market:
        await market.trade("X:A", 106)
        assert await desk.wait(1, of=older)


async def test_a_firing_that_cannot_be_told_holds_up_no_other(desk: Desk) -> None:
    """Whatever is wrong with it."""
    market = desk.market
    ids = [await desk.make("X:A", price("above", 105), repeat=True) for _ in range(3)]
    notifier = Notifier(jobs_of(market.database, market.clock), market.bus, market.clock, {})
    firings = Firings(market.database, notifier, market.clock)
    moment = Moment(market.clock.now(), 106, 106, 106, 0, None, None, None, is_late=False)
    async with market.database.reading() as session:
        alerts = await active_among(session, ids)
    bad: Any = ["no number"]
    for alert, values in zip(alerts, ([106.0], bad, [106.0]), strict=True):
        firings.fire(Firing(alert, 1, moment, values, moment.time))
        firings.mark(alert)
    await firings.write()
    assert len(await desk.told()) == 2
    firings.fire(Firing(alerts[0], 2, moment, [106.0], moment.time))
    await firings.write()
    assert len(await desk.told()) == 3


async def test_alerts_of_an_account_that_is_deleted_are_watched_no_more(desk: Desk) -> None:
    """Though they go without a word."""
    async with watching(desk.market) as market:
        for level in range(5):
            await desk.make("X:A", price("above", 105.0 + level))
        await market.rest()
        async with desk.market.database.transaction() as session:
            await session.execute(delete(User).where(User.id == desk.owner))
        with anyio.fail_after(20):
            while watched():  # noqa: ASYNC110  it is read, not told
                await anyio.sleep(0.05)


def watched() -> float:
    [family] = ALERTS_WATCHED.collect()
    return sum(sample.value for sample in family.samples)
