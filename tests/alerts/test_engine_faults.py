"""What one alert has in it must not keep others from firing."""

import pytest
from sqlalchemy import update

from tests.alerts.desks import MINUTE, Desk, price, watching
from tradeapi.alerts.models import Alert


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
