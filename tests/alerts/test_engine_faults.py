"""What one alert has in it must not keep others from firing."""

import anyio
import pytest
from sqlalchemy import delete, update

from tests.alerts.desks import MINUTE, Desk, price, watching
from tradeapi.alerts.models import Alert
from tradeapi.auth.models import User
from tradeapi.metrics import ALERTS_WATCHED


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
