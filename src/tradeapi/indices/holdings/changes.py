"""At which closes an index was traded: who came in, who left, and for what weight."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from anyio import to_thread

from tradeapi.analytics.bars import Float64Array, Int64Array
from tradeapi.analytics.indices.membership import moves, ranks
from tradeapi.indices.documents import iso
from tradeapi.indices.holdings.names import Names
from tradeapi.indices.holdings.reading import Members, Sessions
from tradeapi.indices.packing import Held

# Of the members of so many sessions who moved is found in one go.
SESSIONS_AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """`range` are places among the sessions; `after` is the day that the page before ended with.
    With `is_all` days are listed on which nothing but weights changed, too."""

    range: slice
    after: int | None
    limit: int
    is_all: bool


@dataclass(slots=True)
class Found:
    """The days that are listed, ascending, and what all of the range come to."""

    days: list[int] = field(default_factory=list)
    changes: int = 0
    rebalances: int = 0
    entered: int = 0
    exited: int = 0


async def changes(sessions: Sessions, asked: Asked) -> tuple[Mapping[str, Any], int | None]:
    """As they are answered, and the last day of the page where there are more."""
    series = sessions.series
    found = await _found(sessions, asked)
    days = [day for day in found.days if asked.after is None or day > asked.after]
    shown = days[: asked.limit]
    start, end = asked.range.start, asked.range.stop
    answer = {
        "code": series.code,
        "revision": series.revision,
        "since": iso(int(series.days[max(start - 1, 0)])),
        "start": iso(int(series.days[start])),
        "end": iso(int(series.days[end - 1])),
        "totals": {
            "sessions": end - start,
            "changes": found.changes,
            "rebalances": found.rebalances,
            "entered": found.entered,
            "exited": found.exited,
            "turnover": float(series.turnover[start:end].sum()),
        },
        "items": await _items(sessions, shown),
    }
    return answer, shown[-1] if len(days) > len(shown) else None


async def _found(sessions: Sessions, asked: Asked) -> Found:
    days, found = sessions.series.days, Found()
    # The session before the range is what its first one is compared with.
    first, last = max(asked.range.start - 1, 0), asked.range.stop - 1
    for start in range(first, last, SESSIONS_AT_ONCE):
        end = min(start + SESSIONS_AT_ONCE, last)
        members = await sessions.members(int(days[start]), int(days[end]))
        await to_thread.run_sync(_count, found, members, asked.is_all)
    return found


def _count(found: Found, members: Members, is_all: bool) -> None:
    """In a thread; the first session is only what the next is compared with."""
    moved = moves(members.ids, members.counts)
    is_listed = np.zeros(len(members.days), np.bool_)
    is_listed[moved.entered_at] = is_listed[moved.exited_at] = True
    is_traded = members.is_traded.copy()
    is_traded[0] = False
    found.changes += int(np.count_nonzero(is_listed))
    found.rebalances += int(np.count_nonzero(is_traded))
    found.entered += len(moved.entered)
    found.exited += len(moved.exited)
    found.days += members.days[is_listed | is_traded if is_all else is_listed].tolist()


async def _items(sessions: Sessions, shown: Sequence[int]) -> Sequence[Mapping[str, Any]]:
    if not shown:
        return []
    days = sessions.series.days
    before = days[days.searchsorted(np.array(shown, np.int64)) - 1]
    rows = await sessions.rows(np.union1d(before, shown).tolist())
    held = await to_thread.run_sync(lambda: {row[0]: Held.of(row) for row in rows})
    names = await sessions.names(np.concatenate([one.ids for one in held.values()]))
    pairs = zip(before.tolist(), shown, strict=True)
    return await to_thread.run_sync(
        lambda: [_item(held[old], held[new], names) for old, new in pairs]
    )


def _item(old: Held, new: Held, names: Names) -> Mapping[str, Any]:
    came, left = _only(new.ids, old.ids), _only(old.ids, new.ids)
    return {
        "date": iso(new.day),
        "turnover": new.turnover,
        "count": len(new.ids),
        "entered": _entered(new, came, names) if came else [],
        "exited": _exited(old, new, left, names) if left else [],
    }


def _only(ids: Int64Array, others: Int64Array) -> list[int]:
    """The places of those that are none of the others."""
    known = set(others.tolist())
    return [place for place, id in enumerate(ids.tolist()) if id not in known]


def _entered(new: Held, came: Sequence[int], names: Names) -> Sequence[Mapping[str, Any]]:
    nothing = np.zeros(len(new.ids))
    return _moved((new.ids, new.caps, nothing, new.weights), came, names)


def _exited(old: Held, new: Held, left: Sequence[int], names: Names) -> Sequence[Mapping[str, Any]]:
    assert new.before is not None  # noqa: S101  nobody leaves without a trade
    assert new.sizes is not None  # noqa: S101  the same
    nothing = np.zeros(len(old.ids))
    return _moved((old.ids, new.sizes, new.before, nothing), left, names)


def _moved(
    columns: tuple[Int64Array, Float64Array, Float64Array, Float64Array],
    chosen: Sequence[int],
    names: Names,
) -> Sequence[Mapping[str, Any]]:
    """Of ids, market caps and the two weights those that are chosen, the largest first; the rank is
    among all."""
    ids, sizes, _, _ = columns
    rank = ranks(sizes, names.places(ids))
    order = sorted(chosen, key=rank.__getitem__)
    rows = zip(*(column[order].tolist() for column in (rank, *columns)), strict=True)
    return [
        {
            "symbol": names[id].symbol,
            "name": names[id].name,
            "rank": place,
            "market_cap": size,
            "weight_before": before,
            "weight_after": after,
        }
        for place, id, size, before, after in rows
    ]
