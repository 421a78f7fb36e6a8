"""Which backups stay, and that the others really go."""

import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from tests.backup import files
from tradeapi.clock import FixedClock
from tradeapi.ops.backup.catalogue import entries, get
from tradeapi.ops.backup.engine import address
from tradeapi.ops.backup.manifest import Contents, File, Manifest, Origin, encode
from tradeapi.ops.backup.place import Place
from tradeapi.ops.backup.retention import ORPHAN_SECONDS, Keep, Pruned, kept, prune

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
Stored = Callable[..., Manifest]


def backup(at: datetime) -> Manifest:
    id = f"{at:%Y%m%dT%H%M%SZ}-1234"
    file = File(name=f"{id}.dump", bytes=4, sha256="", encryption=None, recipients=())
    return Manifest(
        format=1,
        id=id,
        tradeapi="1",
        created_at=at.timestamp(),
        seconds=1,
        origin=Origin(kind="postgresql", version="18", bytes=1),
        file=file,
        contents=Contents(migration=None, tables={}),
    )


def every(step: timedelta, count: int) -> Sequence[Manifest]:
    return [backup(NOON - step * number) for number in range(count)]


def days_of(ids: set[str]) -> list[str]:
    return sorted({id[:8] for id in ids}, reverse=True)


def test_the_newest_of_each_day_stays() -> None:
    """Of as many days as wanted, however many there are of each."""
    found = kept(every(timedelta(hours=6), 60), Keep(3, 0, 0))
    assert len(found) == 3
    assert days_of(found) == ["20261127", "20261126", "20261125"]
    assert "20261127T120000Z-1234" in found
    assert "20261126T180000Z-1234" in found


def test_grandfathers_fathers_and_sons() -> None:
    """Two years of daily ones: days, weeks (by ISO, from Monday) and months, each the newest."""
    found = kept(every(timedelta(days=1), 730), Keep(7, 4, 12))
    days = days_of(found)
    assert days[:7] == [f"202611{day}" for day in range(27, 20, -1)]
    # Sundays, but for this week; that of the 22nd is among the days.
    assert {"20261122", "20261115", "20261108"} <= {*days}
    months = [day for day in days if day < "20261108"]
    assert months == ["20261031", "20260930", "20260831", "20260731", "20260630", "20260531",
                      "20260430", "20260331", "20260228", "20260131", "20251231"]  # fmt: skip


def test_days_without_one_do_not_count() -> None:
    """After a month of silence the last seven are still there."""
    old = [backup(NOON - timedelta(days=30 + number)) for number in range(10)]
    assert len(kept(old, Keep(7, 0, 0))) == 7


def test_the_newest_stays_whatever_is_wanted() -> None:
    """Also where nothing is."""
    assert kept(every(timedelta(hours=1), 5), Keep(0, 0, 0)) == {"20261127T120000Z-1234"}
    assert kept([], Keep(7, 4, 12)) == set()


@pytest.fixture
def stored(location: str) -> Stored:
    def store(at: datetime, content: bytes = b"data") -> Manifest:
        place, manifest = Place(location), backup(at)
        place.write(manifest.file.name, content)
        place.write(f"{manifest.id}.json", encode(manifest))
        return manifest

    return store


async def pruned(url: str, location: str, keep: Keep, *, dry_run: bool = False) -> Pruned:
    latest = max(datetime.now(UTC), NOON).timestamp()
    clock = FixedClock(latest + ORPHAN_SECONDS + 60)
    return await prune(address(url), Place(location), keep, clock, dry_run=dry_run)


async def test_what_need_not_stay_goes(sqlite_url: str, location: str, stored: Stored) -> None:
    """With its data; a dry run only says so."""
    new, old = stored(NOON), stored(NOON - timedelta(days=1))
    said = await pruned(sqlite_url, location, Keep(1, 0, 0), dry_run=True)
    assert said.backups == [old.id]
    assert len(Place(location).files()) == 4
    assert await pruned(sqlite_url, location, Keep(1, 0, 0)) == said
    assert {*Place(location).files()} == {new.file.name, f"{new.id}.json"}


async def test_what_is_no_good_counts_for_nothing(
    sqlite_url: str, location: str, stored: Stored
) -> None:
    """The newest that is good stays; the others are left for somebody to look at."""
    good = stored(NOON - timedelta(days=2))
    short = stored(NOON - timedelta(days=1), b"dat")
    torn = stored(NOON)
    Place(location).write(f"{torn.id}.json", b"{")
    said = await pruned(sqlite_url, location, Keep(0, 0, 0))
    assert (said.backups, said.kept) == ([], 1)
    assert {*said.damaged} == {short.id, torn.id}
    assert good.file.name in Place(location).files()


async def test_a_clock_that_was_ahead_costs_no_backup(
    sqlite_url: str, location: str, stored: Stored
) -> None:
    """What it has dated is left alone, and is neither the newest nor one of those that stay."""
    old, new = stored(NOON - timedelta(days=1)), stored(NOON)
    ahead = [stored(NOON + timedelta(days=400 + number)) for number in range(3)]
    said = await pruned(sqlite_url, location, Keep(1, 0, 0))
    assert said.backups == [old.id]
    assert said.ahead == [manifest.id for manifest in ahead]
    place, now = Place(location), NOON.timestamp()
    assert get(place, "latest", now) == new
    assert get(place, ahead[0].id, now) == ahead[0]
    for manifest in (new, *ahead[1:]):
        place.delete(f"{manifest.id}.json")
    assert get(place, "latest", now) == ahead[0]


async def test_a_crash_between_leaves_no_manifest_without_data(
    sqlite_url: str, location: str, stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it leaves is data without a manifest, which the next one removes a day later."""
    stored(NOON)
    old = stored(NOON - timedelta(days=1))
    delete = Place.delete

    def once(self: Place, name: str) -> None:
        delete(self, name)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Place, "delete", once)
        with pytest.raises(KeyboardInterrupt):
            await pruned(sqlite_url, location, Keep(1, 0, 0))
    assert old.file.name in Place(location).files()
    assert all(entry.good for entry in entries(Place(location)))
    said = await pruned(sqlite_url, location, Keep(1, 0, 0))
    assert said.orphans == [old.file.name]
    assert old.file.name not in Place(location).files()


async def test_what_is_not_ours_stays(sqlite_url: str, folder: str) -> None:
    """And what somebody may be about to finish; what a killed one had begun goes."""
    place = Place(folder)
    others = "notes.txt", "20261127T120000Z-1234.txt", "my.dump", "package.json"
    for name in (*others, "staging/20261127T120000Z-1234.dump"):
        place.write(name, b"x")
    assert entries(place) == []
    begun = "20261127T120000Z-1234.dump#1"
    draft = "#notes.txt#"
    for name in (begun, draft):
        files.write(folder, name, b"x")
    os.utime(f"{folder}/{draft}", (0, 0))
    clock = FixedClock(datetime.now(UTC).timestamp())
    await prune(address(sqlite_url), place, Keep(1, 1, 1), clock, dry_run=False)
    assert begun in files.names(folder)
    os.utime(f"{folder}/{begun}", (0, 0))
    await prune(address(sqlite_url), place, Keep(1, 1, 1), clock, dry_run=False)
    assert begun not in files.names(folder)
    assert draft in files.names(folder)
    assert {*place.files()} - {draft} == {*others}
    assert place.read("staging/20261127T120000Z-1234.dump") == b"x"
