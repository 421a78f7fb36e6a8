"""What an index has held over some sessions, with what its constituents are and what they did."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from anyio import to_thread
from sqlalchemy import select

from tradeapi.analytics.bars import Int64Array
from tradeapi.analytics.indices.methodology import Methodology
from tradeapi.analytics.indices.panel import Panel
from tradeapi.database import Database
from tradeapi.errors import Invalid, NotFound, Unavailable
from tradeapi.indices.building.data import converters_of
from tradeapi.indices.building.history import happenings
from tradeapi.indices.building.panels import Panels, stretches
from tradeapi.indices.holdings.reading import Outdated, Sessions
from tradeapi.indices.models import IndexDefinition
from tradeapi.indices.packing import Held
from tradeapi.indices.published import Series
from tradeapi.indices.rules import methodology_of
from tradeapi.indices.schemas import Rules
from tradeapi.indices.spans import bad_range
from tradeapi.indices.universe import Universe, universe_by_ids
from tradeapi.market.calendars.days import DAY

# Constituents times sessions: of what is looked at for one answer, and of what is read in one go.
MOST_CELLS = 1_000_000
CELLS_AT_ONCE = 100_000
UNCLASSIFIED = "Unclassified"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Portfolio:
    """`sessions` in their order, and a panel for each stretch of them, whose columns are those of
    the `universe`: of all who were held."""

    sessions: Sequence[Held]
    universe: Universe
    methodology: Methodology
    panels: Sequence[Panel]

    @property
    def sectors(self) -> Sequence[str]:
        """By column."""
        return [member.sector or UNCLASSIFIED for member in self.universe.members]

    def columns(self, held: Held) -> Int64Array:
        return self.universe.columns_of(held.ids)


async def portfolio_of(
    database: Database, series: Series, shown: slice, days: Int64Array | None = None
) -> Portfolio:
    """Of these of its sessions; with `days` the panels are of those instead.

    Raises Invalid for too much, and Unavailable where it is built anew meanwhile.
    """
    sessions = await _sessions(database, series, series.days[shown])
    is_own = days is None
    days = series.days[shown] if days is None else days
    ids = await to_thread.run_sync(_ids, sessions)
    if len(ids) * len(days) > MOST_CELLS:
        raise _too_much(len(ids), len(days), "start" if is_own else "window")
    async with database.reading() as session:
        definition = await session.scalar(
            select(IndexDefinition.definition).where(IndexDefinition.id == series.id)
        )
        if definition is None:
            raise NotFound(f"There is no index {series.code}.", code="unknown_index")
        rules = Rules.model_validate(definition)
        universe = await universe_by_ids(session, ids.tolist())
        converters = await converters_of(session, rules)
    if len(universe) < len(ids):
        detail = f"{len(ids) - len(universe)} constituents of {series.code} are removed by now."
        raise bad_range("start", detail)
    async with database.read() as raw:
        happened = await happenings(raw, universe, int(days[0]))
    reader = Panels(database, universe, happened, converters, rules.currency, {})
    panels = [await reader.panel(stretch, int(stretch[-1]) + DAY) for stretch in stretches(days)]
    return Portfolio(
        sessions=sessions,
        universe=universe,
        methodology=methodology_of(rules, universe),
        panels=panels,
    )


async def _sessions(database: Database, series: Series, days: Int64Array) -> Sequence[Held]:
    """A few at a time: the event loop does nothing else while the driver takes an answer apart."""
    reading = Sessions(database, series)
    found: list[Held] = []
    try:
        size = await reading.size(int(days[0]), int(days[-1]))
        if size > MOST_CELLS:
            raise _too_much(size // len(days), len(days), "start")
        at_once = max(CELLS_AT_ONCE * len(days) // max(size, 1), 1)
        for low in range(0, len(days), at_once):
            rows = await reading.rows(days[low : low + at_once].tolist())
            found += [Held.of(row) for row in rows]
    except Outdated as error:
        detail = f"{series.code} is being published; ask again."
        raise Unavailable(detail) from error
    return found


def _ids(sessions: Sequence[Held]) -> Int64Array:
    return np.unique(np.concatenate([held.ids for held in sessions]))


def _too_much(members: int, sessions: int, name: str) -> Invalid:
    return bad_range(
        name,
        f"{members:,} constituents over {sessions:,} sessions are too many for one answer: "
        f"{MOST_CELLS:,} prices are looked at. Ask for fewer sessions.",
    )
