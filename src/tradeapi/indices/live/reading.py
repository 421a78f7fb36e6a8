"""Indices as they are read for those who follow them: what is published, and what led there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tradeapi.drivers import Raw
from tradeapi.indices.packing import COLUMNS, Held
from tradeapi.indices.service import symbol_of
from tradeapi.market.calendars.days import date_at
from tradeapi.streams.topics import Change

# Of so many builds each is told, to whoever comes back.
MOST_BUILDS = 100
# A build of more sessions tells its last rebalance alone.
FEW_SESSIONS = 5

Fields = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Reading:
    """An index at its revision: `fields` are those of a snapshot, and `symbol_id` tells it from
    others that had its code.

    `changes` are what led there from the revision that was asked for, each with its own; None:
    those are not known any more, or too many.
    """

    epoch: str
    symbol_id: int
    revision: int
    fields: Fields
    changes: Sequence[tuple[int, Change]] | None


async def read(raw: Raw, code: str, after: int | None) -> Reading | None:
    """What was built after a revision, or nothing of that; None where there is no such index."""
    # First how far it has come: what is read then is at least as new.
    rows = await raw.fetch(_INDEX, code)
    if not rows:
        return None
    epoch, id, symbol_id, revision = rows[0]
    newest = await raw.fetch(_NEWEST, id)
    held = Held.of(newest[0]) if newest else None
    rebalances = await _rebalances(raw, id, 0, 2**62, 1)
    fields = {
        "code": code,
        "symbol": symbol_of(code),
        "revision": revision,
        "date": None if held is None else date_at(held.day).isoformat(),
        "level": None if held is None else held.level,
        "count": 0 if held is None else len(held.ids),
        "last_rebalance": rebalances[0] if rebalances else None,
    }
    changes: list[tuple[int, Change]] | None = []
    if after is not None:
        changes = await _changes(raw, id, after, revision)
    # Where an index stopped that had this code before means nothing.
    return Reading(f"{epoch}-{symbol_id}", symbol_id, revision, fields, changes)


async def _changes(raw: Raw, id: int, after: int, until: int) -> list[tuple[int, Change]] | None:
    if not 0 <= until - after <= MOST_BUILDS:
        return None
    builds = await raw.fetch(_BUILDS, id, after, until)
    if len(builds) < until - after:
        return None
    changes: list[tuple[int, Change]] = []
    for revision, start, end, sessions, level in builds:
        built = {
            "revision": revision,
            "start": date_at(start).isoformat(),
            "end": date_at(end).isoformat(),
            "level": level,
        }
        changes.append((revision, Change(type="index_built", fields=built, key=None, final=True)))
        most = sessions if sessions <= FEW_SESSIONS else 1
        for rebalance in await _rebalances(raw, id, start, end, most):
            told = {**rebalance, "revision": revision}
            changes.append(
                (revision, Change(type="index_rebalanced", fields=told, key=None, final=True))
            )
    return changes


async def _rebalances(raw: Raw, id: int, start: int, end: int, most: int) -> list[Fields]:
    """The last ones of these days, in order: what was changed at the close of each."""
    found = [Held.of(row) for row in await raw.fetch(_REBALANCES, id, start, end, most)]
    changed = []
    for held in reversed(found):
        for row in await raw.fetch(_BEFORE, id, held.day):
            before = Held.of(row).ids
            changed.append((held, np.setdiff1d(held.ids, before), np.setdiff1d(before, held.ids)))
    ids = {id for _, *some in changed for part in some for id in part.tolist()}
    names = await _names(raw, sorted(ids))
    return [
        {
            "date": date_at(held.day).isoformat(),
            "entered": sorted(names[id] for id in entered.tolist() if id in names),
            "exited": sorted(names[id] for id in exited.tolist() if id in names),
            "turnover": held.turnover,
        }
        for held, entered, exited in changed
    ]


async def _names(raw: Raw, ids: Sequence[int]) -> Mapping[int, str]:
    if not ids:
        return {}
    chosen, argument = raw.one_of("$1", ids)
    return {row[0]: row[1] for row in await raw.fetch(_SYMBOLS.format(chosen), argument)}


_INDEX = """
SELECT e.value, i.id, i.symbol_id, i.revision FROM indices i CROSS JOIN epoch e WHERE i.code = $1
"""
_PUBLISHED = f"SELECT {COLUMNS} FROM index_sessions WHERE index_id = $1 AND NOT is_staged"  # noqa: S608  columns, no data
_NEWEST = f"{_PUBLISHED} ORDER BY day DESC LIMIT 1"
_BEFORE = f"{_PUBLISHED} AND day < $2 ORDER BY day DESC LIMIT 1"
# What is lost for good is traded no more.
_REBALANCES = f"""
{_PUBLISHED} AND day >= $2 AND day <= $3 AND LENGTH(before) > 0
AND (turnover > 0 OR LENGTH(members) = 0) ORDER BY day DESC LIMIT $4
"""
_BUILDS = """
SELECT b.revision, b.start_day, b.end_day, b.sessions, s.level FROM index_builds b
LEFT JOIN index_sessions s ON s.index_id = b.index_id AND NOT s.is_staged AND s.day = b.end_day
WHERE b.index_id = $1 AND b.revision > $2 AND b.revision <= $3 ORDER BY b.revision
"""
_SYMBOLS = "SELECT id, symbol FROM symbols WHERE id {}"
