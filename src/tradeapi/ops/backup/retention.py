"""Which backups stay: the newest of each day, week and month, for as many of them as wanted."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

import structlog
from sqlalchemy.engine import URL

from tradeapi.clock import Clock
from tradeapi.ops.backup.catalogue import entries
from tradeapi.ops.backup.creating import alone
from tradeapi.ops.backup.manifest import NAME, SUFFIX, Manifest, is_ahead
from tradeapi.ops.backup.place import Place

# Whoever is at it takes less.
ORPHAN_SECONDS = 86_400.0

_log = structlog.get_logger("tradeapi.backup")


@dataclass(frozen=True, slots=True)
class Keep:
    daily: int
    weekly: int
    monthly: int


class Pruned(NamedTuple):
    """`backups` are ids, `orphans` names of files that belong to none; `damaged` and `ahead` are
    left alone.
    """

    backups: Sequence[str]
    orphans: Sequence[str]
    damaged: Sequence[str]
    ahead: Sequence[str]
    kept: int


async def prune(url: URL, place: Place, keep: Keep, clock: Clock, *, dry_run: bool) -> Pruned:
    """What is no good, or ahead of the time, counts for nothing and is left to an operator."""
    async with alone(url):
        found = entries(place)
        good = [entry.good for entry in found if entry.good]
        # They would take the places of all that is made until then.
        ahead = {manifest.id for manifest in good if is_ahead(manifest.id, clock.now())}
        staying = ahead | kept([one for one in good if one.id not in ahead], keep)
        going = [manifest for manifest in good if manifest.id not in staying]
        orphans = _orphans(place, {entry.id for entry in found}, clock)
        if not dry_run:
            for manifest in going:
                # In this order nothing is ever listed that is not there.
                place.delete(f"{manifest.id}{SUFFIX}")
                place.delete(manifest.file.name)
                _log.info("backup.removed", id=manifest.id)
            _sweep(place, orphans, clock)
    return Pruned(
        backups=[manifest.id for manifest in going],
        orphans=orphans,
        damaged=[entry.id for entry in found if not entry.good],
        ahead=sorted(ahead),
        kept=len(staying),
    )


def kept(backups: Sequence[Manifest], keep: Keep) -> set[str]:
    """Their ids, always with the newest; days, weeks and months without one don't count."""
    newest = sorted(backups, key=lambda backup: backup.created_at, reverse=True)
    return (
        {backup.id for backup in newest[:1]}
        | _firsts(newest, keep.daily, lambda day: (day.year, day.month, day.day))
        | _firsts(newest, keep.weekly, lambda day: day.isocalendar()[:2])
        | _firsts(newest, keep.monthly, lambda day: (day.year, day.month))
    )


def _firsts(
    newest: Sequence[Manifest], count: int, period: Callable[[datetime], tuple[int, ...]]
) -> set[str]:
    found: dict[tuple[int, ...], str] = {}
    for backup in newest:
        found.setdefault(period(datetime.fromtimestamp(backup.created_at, UTC)), backup.id)
    return {*[*found.values()][:count]}


def _orphans(place: Place, known: set[str], clock: Clock) -> Sequence[str]:
    """Files of ours that no manifest is beside."""
    return [
        name
        for name, stored in sorted(place.files().items())
        if NAME.fullmatch(name)
        and name.partition(".")[0] not in known
        and clock.now() - stored.modified.timestamp() > ORPHAN_SECONDS
    ]


def _sweep(place: Place, orphans: Sequence[str], clock: Clock) -> None:
    for name in orphans:
        place.delete(name)
        _log.info("backup.orphan_removed", name=name)
    for path in place.unfinished():
        is_ours = NAME.fullmatch(path.name.partition("#")[0]) is not None
        if is_ours and clock.now() - path.stat().st_mtime > ORPHAN_SECONDS:
            path.unlink(missing_ok=True)
