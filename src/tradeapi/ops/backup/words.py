"""What the commands say."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from tradeapi.ops.backup.catalogue import Entry
from tradeapi.ops.backup.manifest import Manifest
from tradeapi.ops.backup.proving import Drill, Proof
from tradeapi.ops.backup.restoring import Restored
from tradeapi.ops.backup.retention import Pruned

UNITS = "B", "kB", "MB", "GB"


def created(manifest: Manifest) -> str:
    return (
        f"{manifest.id} has {manifest.rows:,} rows of {len(manifest.contents.tables)} tables: "
        f"{_size(manifest.file.bytes)}, {_sealed(manifest)}, in {manifest.seconds:.1f} s."
    )


def listed(entries: Sequence[Entry]) -> Iterator[str]:
    if not entries:
        yield "There is no backup."
    for entry in entries:
        yield f"{entry.id}  {_facts(entry)}"


def verified(proof: Proof) -> str:
    manifest = proof.manifest
    return (
        f"{manifest.id} was restored in {proof.restoring_seconds:.1f} s: all {manifest.rows:,} "
        f"rows of {len(manifest.contents.tables)} tables are what they were."
    )


def restored(done: Restored) -> str:
    before = f" What was there before is now {done.before}." if done.before else ""
    return f"{verified(done.proof)}{before}"


def pruned(done: Pruned, *, dry_run: bool) -> Iterator[str]:
    gone = "would be removed" if dry_run else "is removed"
    for id in done.backups:
        yield f"{id} {gone}."
    for name in done.orphans:
        yield f"{name} {gone}: it belongs to no backup."
    for id in done.damaged:
        yield f"{id} is damaged, and left alone."
    for id in done.ahead:
        yield f"{id} was made by a clock that was ahead, and is left alone."
    yield f"{done.kept} {'stays' if done.kept == 1 else 'stay'}."


def drilled(done: Drill) -> Iterator[str]:
    yield f"backup   {done.manifest.id}"
    yield f"RPO      {_duration(done.age_seconds)}  (what was written since would be lost)"
    yield f"RTO      {_duration(done.restoring_seconds)}  (restored and migrated)"
    yield f"rows     {done.manifest.rows:,}, all what they were"
    yield f"series   {done.series}, their newest bars read"


def _facts(entry: Entry) -> str:
    manifest = entry.good
    if manifest is None:
        return f"DAMAGED: {entry.fault}"
    at = datetime.fromtimestamp(manifest.created_at, UTC)
    return "  ".join(
        (
            f"{at:%Y-%m-%d %H:%M:%S} UTC",
            f"{_size(manifest.file.bytes):>9}",
            f"{manifest.rows:>12,} rows",
            f"{manifest.origin.kind} {manifest.origin.version.partition(' ')[0]}",
            f"migration {manifest.contents.migration}",
            _sealed(manifest),
        )
    )


def _sealed(manifest: Manifest) -> str:
    return "encrypted" if manifest.file.encryption else "not encrypted"


def _size(bytes: float) -> str:
    unit = 0
    while bytes >= 1000 and unit < len(UNITS) - 1:
        bytes, unit = bytes / 1000, unit + 1
    return f"{bytes:.{1 if unit else 0}f} {UNITS[unit]}"


def _duration(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds, 1))) if seconds >= 60 else f"{seconds:.1f} s"
