"""A backup put in place of a database: nothing that is there is written over."""

import secrets
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.engine import URL

from tradeapi.database import Database
from tradeapi.ops.backup.encryption import Keys
from tradeapi.ops.backup.faults import Damaged
from tradeapi.ops.backup.manifest import Manifest
from tradeapi.ops.backup.place import Place
from tradeapi.ops.backup.proving import (
    Proof,
    engine_for,
    fill,
    is_whole,
    migrate,
    refuse_newer,
)

# More than the revisions that the lost database may have been ahead.
AHEAD = 1_000_000


@dataclass(frozen=True, slots=True)
class Restored:
    """`before` is where that is which was there."""

    proof: Proof
    before: str | None


async def restore(
    manifest: Manifest, place: Place, keys: Keys, url: URL, *, replace: bool
) -> Restored:
    """Into a database that is new or empty, and then migrated; raises Conflict for another one.

    With `replace` that is kept under another name.
    """
    refuse_newer(manifest)
    engine = engine_for(manifest, url)
    async with engine.target(url, replace=replace) as target:
        if not await is_whole(manifest, place):
            raise Damaged(f"{manifest.file.name} is damaged: its SHA-256 is another.")
        proof = await fill(engine, target.url, manifest, place, keys)
        await migrate(target.url)
        await _begin_anew(target.url)
        return Restored(proof, await target.settle())


async def _begin_anew(url: URL) -> None:
    """It goes another way than the lost one went: what clients know of that is not of this one."""
    async with Database(url) as database, database.transaction() as session:
        await session.execute(
            text("UPDATE epoch SET value = :value"), {"value": secrets.token_hex(4)}
        )
        for table in ("heads", "former_symbols"):
            # What is kept for ever under a revision must not be taken for a later one's.
            statement = text(f"UPDATE {table} SET revision = revision + :ahead")  # noqa: S608
            await session.execute(statement, {"ahead": AHEAD})
