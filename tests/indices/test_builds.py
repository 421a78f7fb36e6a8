"""Indices as they are built: from stored bars to levels that are published."""

import numpy as np
import pytest

from tests.indices.desk import Desk, day_of, golden
from tradeapi.indices.packing import Held
from tradeapi.market.resolutions import Resolution

pytestmark = pytest.mark.anyio
LEVELS = [1000, 3050 / 3, 18727 / 18, 5636827 / 5400, 434035679 / 405000, 4774392469 / 4500000]


async def test_an_index_has_the_exact_levels(desk: Desk) -> None:
    """And so have its symbol's bars; it says that it rests on undated share counts."""
    await golden(desk)
    await desk.define("G3", count=3)
    result = await desk.build("G3", end=5)
    assert result is not None
    assert (result["revision"], result["sessions"]) == (1, 6)
    assert await desk.levels("G3") == pytest.approx(LEVELS, rel=1e-13)
    bars = await desk.read(await desk.directory.get("INDEX:G3"), Resolution.DAY)
    assert bars.close.tolist() == await desk.levels("G3")
    assert bars.time.tolist() == [day_of(place) for place in range(6)]
    assert (bars.open == bars.close).all()


async def test_dividends_are_reinvested(desk: Desk) -> None:
    """All of them, or what 15 % leaves of them, or none."""
    await golden(desk)
    for returns, last in (("total", 1067.888001), ("net", 1066.851216), ("price", 1060.976104)):
        withheld = {"withholding": 0.15} if returns == "net" else {}
        code = returns.upper()
        await desk.define(code, count=3, return_type=returns, **withheld)
        await desk.build(code, end=5)
        assert (await desk.levels(code))[-1] == pytest.approx(last, rel=1e-9)


async def test_what_is_extended_is_what_is_built_at_once(desk: Desk) -> None:
    """Bit for bit, and whatever is built again in the middle leaves all as it is."""
    await golden(desk)
    await desk.define("ONCE", count=3)
    await desk.define("TWICE", count=3)
    await desk.build("ONCE", end=5)
    for end in (0, 2, 3):
        await desk.build("TWICE", end=end)
    await desk.build("TWICE", end=5)
    assert _told(await desk.sessions("TWICE")) == _told(await desk.sessions("ONCE"))
    await desk.build("TWICE", start=2, end=3)
    assert _told(await desk.sessions("TWICE")) == _told(await desk.sessions("ONCE"))


def _told(sessions: list[Held]) -> list[list[object]]:
    return [
        [part.tobytes() if isinstance(part, np.ndarray) else part for part in held]
        for held in sessions
    ]
