"""The proof of a backup: it is restored for real, and has in it what the manifest says."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from threading import Event

from sqlalchemy.engine import URL

from tradeapi import migrations
from tradeapi.clock import Clock
from tradeapi.errors import Conflict
from tradeapi.ops.backup.encryption import Keys
from tradeapi.ops.backup.engine import Engine, Sink, engine_of
from tradeapi.ops.backup.faults import Damaged
from tradeapi.ops.backup.manifest import Contents, Manifest
from tradeapi.ops.backup.place import Place
from tradeapi.ops.backup.smoke import newest_bars
from tradeapi.ops.backup.streaming import Chunks, Writer, copy, in_thread

MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class Proof:
    """`restoring_seconds` is what it takes to have a database, `checking_seconds` to know it."""

    manifest: Manifest
    restoring_seconds: float
    checking_seconds: float


@dataclass(frozen=True, slots=True)
class Drill:
    """`age_seconds` is what a loss of the database would lose now, `restoring_seconds` how long it
    would take until there is one again, migrated; `series` are those whose newest bars were read.
    """

    manifest: Manifest
    age_seconds: float
    restoring_seconds: float
    series: int


async def verify(manifest: Manifest, place: Place, keys: Keys, url: URL) -> Proof:
    """In a database of its own on the server of `url`; raises Damaged."""
    engine = engine_for(manifest, url)
    async with engine.scratch(url) as scratch:
        return await fill(engine, scratch, manifest, place, keys)


async def drill(manifest: Manifest, place: Place, keys: Keys, url: URL, clock: Clock) -> Drill:
    """The same, and then it is taken for our database, by the code that serves it."""
    refuse_newer(manifest)
    engine = engine_for(manifest, url)
    async with engine.scratch(url) as scratch:
        proof = await fill(engine, scratch, manifest, place, keys)
        begun = time.monotonic()
        await migrate(scratch)
        migrating = time.monotonic() - begun
        series = await newest_bars(scratch, clock)
    return Drill(
        manifest,
        age_seconds=clock.now() - manifest.created_at,
        restoring_seconds=proof.restoring_seconds + migrating,
        series=series,
    )


async def fill(engine: Engine, url: URL, manifest: Manifest, place: Place, keys: Keys) -> Proof:
    """An empty database; raises Damaged where it is then not what the manifest says."""
    begun = time.monotonic()
    sink, stop = await engine.sink(url), Event()

    def give_up() -> None:
        stop.set()
        sink.abort()

    digest = await in_thread(lambda: _receive(sink, manifest, place, keys, stop), give_up)
    filled = time.monotonic()
    if digest != manifest.file.sha256:
        raise Damaged(f"{manifest.file.name} is damaged: its SHA-256 is another.")
    found = await engine.contents(url)
    if faults := [*_differences(manifest.contents, found)]:
        more = f", and {len(faults) - MOST_NAMED} more" if len(faults) > MOST_NAMED else ""
        raise Damaged(f"{manifest.id} is damaged: {', '.join(faults[:MOST_NAMED])}{more}.")
    return Proof(manifest, filled - begun, time.monotonic() - filled)


async def is_whole(manifest: Manifest, place: Place) -> bool:
    """Whether the file is what was stored; without restoring it."""
    stop = Event()

    def digest() -> str:
        reader = Chunks(place.chunks(manifest.file.name), stop)
        reader.rest()
        return reader.sha256

    return await in_thread(digest, stop.set) == manifest.file.sha256


async def migrate(url: URL) -> None:
    address = url.render_as_string(hide_password=False)
    await asyncio.to_thread(migrations.upgrade, address)


def engine_for(manifest: Manifest, url: URL) -> Engine:
    kind = url.get_backend_name()
    if kind != manifest.origin.kind:
        raise Conflict(f"{manifest.id} is of {manifest.origin.kind}, and not of {kind}.")
    return engine_of(url)


def refuse_newer(manifest: Manifest) -> None:
    """What a later version has written this one can't serve."""
    migration = manifest.contents.migration
    if migration is not None and not migrations.is_known(migration):
        raise Conflict(
            f"{manifest.id} is at the migration {migration}, which tradeapi {manifest.tradeapi} "
            f"made; this one knows those up to {migrations.head()}. Restore it with that version."
        )


def _receive(sink: Sink, manifest: Manifest, place: Place, keys: Keys, stop: Event) -> str:
    reader = Chunks(place.chunks(manifest.file.name), stop)

    def give(writer: Writer) -> None:
        if manifest.file.encryption is None:
            copy(reader, writer)
        else:
            keys.unseal(reader, writer)

    try:
        sink.receive(give)
    except Damaged as error:
        raise Damaged(f"{manifest.file.name} is damaged: {error}") from error
    reader.rest()
    return reader.sha256


def _differences(expected: Contents, found: Contents) -> Iterator[str]:
    if found.migration != expected.migration:
        yield f"it is at migration {found.migration}, not {expected.migration}"
    for name in sorted(expected.tables.keys() | found.tables.keys()):
        was, now = expected.tables.get(name), found.tables.get(name)
        if was is None or now is None:
            yield f"{name} is {'missing' if now is None else 'new'}"
        elif was.rows != now.rows:
            yield f"{name} has {now.rows} rows, not {was.rows}"
        elif was.hash != now.hash:
            yield f"rows of {name} differ"
