"""What is told of holdings while builds are published, and once all is lost."""

from collections.abc import AsyncIterable
from typing import Any

import pytest

from tests.indices.desk import NAN, Desk, date_of, day_of, golden
from tradeapi.indices.holdings import export
from tradeapi.indices.holdings.changes import Asked, changes
from tradeapi.indices.holdings.composition import composition
from tradeapi.indices.holdings.export import export as exported
from tradeapi.indices.holdings.reading import Outdated, Sessions, at_one_revision
from tradeapi.indices.holdings.schemas import Format, What
from tradeapi.indices.published import Published
from tradeapi.indices.spans import Span

pytestmark = pytest.mark.anyio


async def test_what_is_read_is_of_the_revision_that_is_published(desk: Desk) -> None:
    """Also where nobody has told this process of it yet."""
    await golden(desk)
    await desk.define("G3", count=3)
    await desk.build("G3", end=2)
    published = Published(desk.database, desk.bus)
    assert (await published.get("G3")).revision == 1
    await desk.build("G3", end=3)

    async def last(sessions: Sessions) -> tuple[int, int]:
        held = await sessions.held(int(sessions.series.days[-1]))
        return sessions.series.revision, held.day

    assert await at_one_revision(published, desk.database, "G3", last) == (2, day_of(3))


async def test_a_file_of_two_revisions_breaks_off(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rather than be a file of neither."""
    monkeypatch.setattr(export, "ROWS_PER_PAGE", 3)
    await golden(desk)
    await desk.define("G3", count=3)
    await desk.build("G3", end=4)
    published = Published(desk.database, desk.bus)
    sessions = Sessions(desk.database, await published.get("G3"))
    parts = (await exported(sessions, file(Format.CSV))).body_iterator
    assert str(date_of(0)) in str(await anext(aiter(parts)))
    await desk.build("G3", end=5)
    with pytest.raises(Outdated):
        await whole(parts)
    # One that is made before it is sent has not begun yet.
    with pytest.raises(Outdated):
        await exported(sessions, file(Format.XLSX))


async def test_an_index_that_has_lost_all_holds_nothing(desk: Desk) -> None:
    """Whoever was in it has left, and its files have no rows for these sessions."""
    await desk.stock("US:GONE", [5, 5, NAN, NAN], shares=1, listed_to=date_of(2))
    await desk.define("LOST", delisting="zero")
    await desk.build("LOST", end=3)
    sessions = Sessions(desk.database, await Published(desk.database, desk.bus).get("LOST"))
    held = await sessions.held(day_of(3))
    told = composition(sessions.series, held, await sessions.names(held.ids), None)
    assert [told["level"], told["count"], told["items"]] == [0.0, 0, []]
    asked = Asked(range=slice(0, 4), after=None, limit=9, is_all=False)
    [item] = (await changes(sessions, asked))[0]["items"]
    assert [item["date"], item["count"]] == [str(date_of(2)), 0]
    assert [one["market_cap"] for one in item["exited"]] == [0.0]
    for format in Format:
        size = len(await whole((await exported(sessions, file(format))).body_iterator))
        assert size > 0
    lines = (await whole((await exported(sessions, file(Format.CSV))).body_iterator)).splitlines()
    assert len(lines) == 1 + 2


def file(format: Format) -> export.Asked:
    return export.Asked(what=What.COMPOSITION, format=format, span=Span(start=None, end=None))


async def whole(parts: AsyncIterable[Any]) -> bytes:
    return b"".join([part async for part in parts])
