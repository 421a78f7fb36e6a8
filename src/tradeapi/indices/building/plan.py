"""Which sessions a build goes through."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy.ext.asyncio import AsyncSession

from tradeapi.analytics.bars import Int64Array
from tradeapi.database import raw
from tradeapi.errors import FieldError, Invalid
from tradeapi.indices.models import IndexDefinition
from tradeapi.indices.rules import hash_of
from tradeapi.indices.schemas import Rules
from tradeapi.indices.sessions import last_session, sessions
from tradeapi.indices.universe import Universe, nobody
from tradeapi.market.calendars.calendar import Calendar
from tradeapi.market.calendars.days import DAY, day_of
from tradeapi.market.resolutions import Resolution

_FIRST_DAY = 4 * DAY


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """The sessions to build, ascending, without a gap to what is built before.

    Where it `is_anew` they begin with the first session of the index. `waits`: with the first one
    among them on which it has a constituent.
    """

    days: Int64Array
    is_anew: bool
    waits: bool


async def planned(  # noqa: PLR0913
    session: AsyncSession,
    index: IndexDefinition,
    universe: Universe,
    calendar: Calendar,
    *,
    now: float,
    start: date | None = None,
    end: date | None = None,
) -> Plan:
    """The sessions from `start` to `end`, and what has to be built with them.

    Nothing is left out between two levels: a later start begins after the last session that is
    built, and what was built after an earlier end follows from what is new. Without a start it is
    the session after the last one, without an end the last that is over. Raises Invalid.
    """
    rules = Rules.model_validate(index.definition)
    last = last_session(calendar, now)
    until = last if end is None else min(day_of(end), last)
    first = None if start is None else day_of(start)
    if start is not None and end is not None and start > end:
        raise _nothing("/end", f"The end {end} lies before the start {start}.")
    is_followed = index.methodology == hash_of(rules, index.calendar)
    if index.last_day is None or index.first_day is None or not is_followed:
        base = await _base(session, rules, universe, first)
        if index.last_day is not None:
            until = max(until, min(index.last_day, last))
        return _plan(calendar, base, until, rules)
    if first is not None and first <= index.first_day:
        until = max(until, index.last_day)
        return _plan(calendar, await _base(session, rules, universe, first), until, rules)
    begin = index.last_day + DAY if first is None else min(first, index.last_day + DAY)
    if begin <= index.last_day:
        until = max(until, index.last_day)
    days = sessions(calendar, begin, until + DAY)
    if not len(days):
        raise _nothing("/start", "All sessions that are over are built.")
    return Plan(days, is_anew=False, waits=False)


def _plan(calendar: Calendar, base: int, until: int, rules: Rules) -> Plan:
    days = sessions(calendar, base, until + DAY)
    if not len(days):
        raise _nothing("/start", "There is no session in this range that is over.")
    return Plan(days, is_anew=True, waits=rules.base_date is None)


async def _base(session: AsyncSession, rules: Rules, universe: Universe, first: int | None) -> int:
    """The first day of an index that is built from its beginning."""
    if not len(universe):
        raise nobody()
    if rules.base_date is not None:
        base = day_of(rules.base_date)
        if first is not None and first < base:
            raise _nothing("/start", f"The index begins on {rules.base_date}.")
        return base
    if first is not None:
        return max(first, _FIRST_DAY)
    connection = await raw(session)
    chosen, ids = connection.one_of("$1", universe.ids.tolist())
    rows = await connection.fetch(_FIRST_BAR.format(chosen), ids)
    if rows[0][0] is None:
        raise Invalid("No symbol of the universe has a daily bar.", code="nothing_to_build")
    return int(rows[0][0])


def _nothing(pointer: str, detail: str) -> Invalid:
    return Invalid(detail, code="nothing_to_build", errors=[FieldError(pointer, detail)])


_FIRST_BAR = (
    f"SELECT MIN(first) FROM bar_series WHERE resolution = {Resolution.DAY.seconds} "  # noqa: S608
    "AND symbol_id {}"
)
