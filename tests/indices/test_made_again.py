"""An index that is deleted and made again with the same code is another one."""

# ruff: noqa: SLF001  # whose news was lost

import pytest
from sqlalchemy import select

from tests.indices.desk import Desk
from tradeapi.bus.memory import MemoryBus
from tradeapi.errors import Stale
from tradeapi.indices.models import IndexDefinition
from tradeapi.indices.published import Published
from tradeapi.indices.schemas import Rules
from tradeapi.indices.service import Indices
from tradeapi.web.preconditions import Precondition


async def built(desk: Desk, base: float) -> str:
    """Its ETag."""
    await desk.define("X", base_value=base)
    await desk.build("X", end=3)
    async with desk.database.reading() as session:
        chosen = select(IndexDefinition).where(IndexDefinition.code == "X")
        return (await session.scalars(chosen)).one().etag


async def test_nothing_of_the_old_one_is_told_or_taken_for_the_new_one(desk: Desk) -> None:
    """Though both have the same version and revision, and nobody has heard of either."""
    await desk.stock("US:A", [10.0, 11, 12, 13], shares=100)
    etag = await built(desk, 1000.0)
    published = Published(desk.database, MemoryBus())
    old = await published.get("X")
    is_good = published.holds(old)
    assert is_good()
    async with desk.database.transaction() as session:
        indices = Indices(session, desk.calendars, desk.clock.now())
        await indices.delete("X", Precondition(etag))
    desk.directory.clear()
    await built(desk, 1.0)
    await published._look()
    new = await published.get("X")
    assert (old.levels[0], new.levels[0]) == (1000.0, 1.0)
    assert not is_good()
    assert old.state != new.state
    async with desk.database.transaction() as session:
        indices = Indices(session, desk.calendars, desk.clock.now())
        with pytest.raises(Stale):
            await indices.replace("X", Rules.model_validate({}), Precondition(etag))
