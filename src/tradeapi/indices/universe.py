"""Who may be a constituent of an index."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from tradeapi.analytics.bars import Int64Array
from tradeapi.database import raw
from tradeapi.errors import FieldError, Invalid
from tradeapi.indices.schemas import Rules, UniverseIn
from tradeapi.market.calendars.days import date_of, day_of
from tradeapi.market.symbols.names import Name

# Later than every session.
NEVER = 2**62


class Member(NamedTuple):
    """A symbol of the universe; `calendar` is the code of the one that it trades by."""

    id: int
    symbol: str
    currency: str
    sector: str | None
    basis: str
    calendar: str
    listed_from: date | None
    listed_to: date | None


class Universe:
    """In the order of their names, which decides where sizes are equal."""

    def __init__(self, members: Sequence[Member]) -> None:
        self.members = sorted(members, key=lambda member: member.symbol)
        self.ids: Int64Array = np.array([member.id for member in self.members], np.int64)
        self.columns: Mapping[int, int] = {
            member.id: column for column, member in enumerate(self.members)
        }

    def __len__(self) -> int:
        return len(self.members)

    @property
    def listed_from(self) -> Int64Array:
        days = [member.listed_from for member in self.members]
        return np.array([-NEVER if day is None else day_of(day) for day in days], np.int64)

    @property
    def listed_to(self) -> Int64Array:
        days = [member.listed_to for member in self.members]
        return np.array([NEVER if day is None else day_of(day) for day in days], np.int64)

    def columns_of(self, ids: Int64Array) -> Int64Array:
        return np.array([self.columns[id] for id in ids.tolist()], np.int64)


async def universe_of(session: AsyncSession, rules: Rules, *, but: str) -> Universe:
    """All that the rules let in, without the index itself; raises Invalid for nobody, and for
    names of no symbol."""
    universe = await universe_left(session, rules, but=but)
    known = {member.symbol for member in universe.members}
    for place, name in enumerate(_full_names(rules.universe)):
        if name not in known:
            detail = f"There is no symbol {name[:80]}."
            error = FieldError(f"/universe/symbols/{place}", detail)
            raise Invalid(detail, code="unknown_symbol", errors=[error])
    if not len(universe):
        raise nobody()
    return universe


async def universe_left(session: AsyncSession, rules: Rules, *, but: str) -> Universe:
    """The same of rules that were good once: symbols that are gone since are left out."""
    asked = rules.universe
    wanted: Mapping[str, Sequence[str]] = {
        "s.type": asked.types,
        "s.exchange": asked.exchanges,
        "s.sector": asked.sectors,
    }
    if asked.symbols:
        wanted = {"s.symbol": _full_names(asked)}
    return Universe([member for member in await _members(session, wanted) if member.symbol != but])


def nobody() -> Invalid:
    detail = "There is no symbol in this universe."
    return Invalid(detail, code="empty_universe", errors=[FieldError("/universe", detail)])


def removed(id: int, currency: str) -> Member:
    """In place of a symbol that is no more: it has no name, and is not listed on any day."""
    return Member(id, "", currency, None, "raw", "", date.max, None)


async def universe_by_ids(session: AsyncSession, ids: Sequence[int]) -> Universe:
    """Symbols as they are by now; those that are gone are left out."""
    return Universe(await _members(session, {"s.id": ids}) if ids else [])


async def _members(
    session: AsyncSession, wanted: Mapping[str, Sequence[str] | Sequence[int]]
) -> list[Member]:
    """All whose columns have one of these values; of a column without any it does not matter.

    There may be ten thousand, of which the ORM would make a second object each.
    """
    connection = await raw(session)
    conditions = ["TRUE"]
    arguments: list[object] = []
    for column, values in wanted.items():
        if values:
            condition, argument = connection.one_of(f"${len(arguments) + 1}", values)
            conditions.append(f"{column} {condition}")
            arguments.append(argument)
    rows = await connection.fetch(_SELECT.format(" AND ".join(conditions)), *arguments)
    return [Member(*row[:_LISTED], *map(_day, row[_LISTED:])) for row in rows]


def _day(stored: date | str | None) -> date | None:
    return None if stored is None else date_of(stored)


def _full_names(universe: UniverseIn) -> Sequence[str]:
    """Bare tickers are no constituents: another symbol may come that has the same."""
    return [Name.parse(symbol).symbol for symbol in universe.symbols]


# The place of `listed_from` in a row.
_LISTED = 6
_SELECT = """
SELECT s.id, s.symbol, s.currency, s.sector, s.basis, COALESCE(s.calendar, e.calendar),
  s.listed_from, s.listed_to
FROM symbols s JOIN exchanges e ON e.code = s.exchange WHERE {}
"""
