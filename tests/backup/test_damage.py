"""A backup that is not what it was is found out, wherever it is touched."""

from hashlib import sha256

import pytest
from sqlalchemy import text

from tests.backup import files
from tests.backup.conftest import DeskOf
from tradeapi.database import Database
from tradeapi.ops.backup.faults import Damaged
from tradeapi.ops.backup.manifest import MOST_BYTES, decode, encode

# Of the file's length.
SPOTS = (0.0, 0.02, 0.31, 0.64, 0.97, 1.0)


@pytest.mark.parametrize("is_encrypted", [False, True])
async def test_a_flipped_bit_is_found(
    filled_url: str,
    folder: str,
    desk_of: DeskOf,
    encrypted: dict[str, object],
    is_encrypted: bool,
) -> None:
    """All over the file, encrypted or not."""
    desk = desk_of(filled_url, **(encrypted if is_encrypted else {}))
    manifest = await desk.create()
    name = manifest.file.name
    whole = files.read(folder, name)
    for spot in SPOTS:
        broken = bytearray(whole)
        broken[int(spot * (len(whole) - 1))] ^= 0x10
        files.write(folder, name, bytes(broken))
        with pytest.raises(Damaged, match=r"is damaged|can't be decrypted"):
            await desk.verify(manifest.id)
    # Here each byte counts alike.
    with pytest.raises(Damaged, match=r"its SHA-256 is another"):
        await desk.restore(manifest.id, "elsewhere", replace=False)
    files.write(folder, name, whole)
    await desk.verify(manifest.id)


async def test_a_file_that_ends_early_is_not_good(
    filled_url: str, folder: str, desk_of: DeskOf
) -> None:
    """Its length gives it away before anything is restored; also where it is missing."""
    desk = desk_of(filled_url)
    manifest = await desk.create()
    name = manifest.file.name
    files.write(folder, name, files.read(folder, name)[:-100])
    (entry,) = await desk.entries()
    assert "bytes, not" in str(entry.fault)
    with pytest.raises(Damaged, match="bytes, not"):
        await desk.verify(manifest.id)
    files.remove(folder, name)
    with pytest.raises(Damaged, match="is missing"):
        await desk.verify(manifest.id)


async def test_a_flipped_bit_in_the_manifest_is_found(
    sqlite_url: str, folder: str, desk_of: DeskOf
) -> None:
    """Each of its bytes counts, white space as well."""
    manifest = await desk_of(sqlite_url).create()
    content = files.read(folder, f"{manifest.id}.json")
    assert decode("it", content) == manifest
    for spot in range(0, len(content), 7):
        for bit in (0x01, 0x10):
            broken = bytearray(content)
            broken[spot] ^= bit
            with pytest.raises(Damaged):
                decode("it", bytes(broken))
    with pytest.raises(Damaged):
        decode("it", content[:-1])


async def test_a_manifest_of_a_later_version_says_so(
    sqlite_url: str, folder: str, desk_of: DeskOf
) -> None:
    """Rather than that it is damaged."""
    manifest = await desk_of(sqlite_url).create()
    content = files.read(folder, f"{manifest.id}.json")
    with pytest.raises(Damaged, match="has the format 2; this version knows 1"):
        decode("it", content.replace(b'"format": 1', b'"format": 2'))


async def test_other_rows_than_were_backed_up_are_found(
    filled_url: str, folder: str, desk_of: DeskOf
) -> None:
    """The file of one backup under the manifest of another: the rows tell, and not its checksum."""
    desk = desk_of(filled_url)
    first = await desk.create()
    async with Database(filled_url) as database, database.transaction() as session:
        await session.execute(text("UPDATE heads SET last = last + 1"))
        await session.execute(text("DELETE FROM users"))
    second = await desk.create()
    content = files.read(folder, second.file.name)
    files.write(folder, first.file.name, content)
    forged = {"bytes": len(content), "sha256": sha256(content).hexdigest()}
    manifest = first.model_copy(update={"file": first.file.model_copy(update=forged)})
    files.write(folder, f"{first.id}.json", encode(manifest))
    with pytest.raises(Damaged, match="rows of heads differ, users has 0 rows, not 1"):
        await desk.verify(first.id)


async def test_a_manifest_under_another_name_is_none(
    sqlite_url: str, folder: str, desk_of: DeskOf
) -> None:
    """It would be removed with the data of the backup that it was copied from."""
    desk = desk_of(sqlite_url, backup_keep_daily=0, backup_keep_weekly=0, backup_keep_monthly=0)
    manifest = await desk.create()
    copied = f"20200101T000000Z-{manifest.id[-4:]}.json"
    files.write(folder, copied, files.read(folder, f"{manifest.id}.json"))
    assert [entry.good is not None for entry in await desk.entries()] == [True, False]
    assert (await desk.prune(dry_run=False)).backups == []
    assert manifest.file.name in files.names(folder)
    await desk.verify(manifest.id)


@pytest.mark.parametrize(
    "forged",
    [
        {"id": "../../elsewhere"},
        {"created_at": 1e300},
        {"created_at": 0.0},
        {"file": "20200101T000000Z-0001.dump"},
        {"file": "20210101T000000Z-0001.json"},
    ],
)
async def test_a_manifest_that_was_made_up_spoils_nothing(
    sqlite_url: str, folder: str, desk_of: DeskOf, forged: dict[str, object]
) -> None:
    """By somebody who may write there: it is damaged, and the others are as good as they were."""
    desk = desk_of(sqlite_url, backup_keep_daily=0, backup_keep_weekly=0, backup_keep_monthly=0)
    good = await desk.create()
    id, other = "20210101T000000Z-0001", "20200101T000000Z-0001.dump"
    for name in (other, f"{id}.db.zst"):
        files.write(folder, name, b"something")
    file = good.file.model_copy(
        update={"name": forged.get("file", f"{id}.db.zst"), "bytes": len(b"something")}
    )
    changed = {"id": id, "created_at": 1609459200.0, **forged, "file": file}
    files.write(folder, f"{id}.json", encode(good.model_copy(update=changed)))
    assert [entry.good is not None for entry in await desk.entries()] == [True, False]
    assert (await desk.prune(dry_run=False)).backups == []
    assert other in files.names(folder)
    await desk.verify("latest")


async def test_a_manifest_of_enormous_numbers_is_damaged(
    sqlite_url: str, folder: str, desk_of: DeskOf
) -> None:
    """Or is one itself."""
    desk = desk_of(sqlite_url)
    manifest = await desk.create()
    content = files.read(folder, f"{manifest.id}.json")
    written = f'"bytes": {manifest.file.bytes}'.encode()
    with pytest.raises(Damaged):
        decode("it", content.replace(written, b'"bytes": 1e30'))
    files.write(folder, f"{manifest.id}.json", content + b" " * MOST_BYTES)
    (entry,) = await desk.entries()
    assert "too large" in str(entry.fault)
