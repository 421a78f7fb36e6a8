"""A new backup: the data first, and at last the manifest that makes it one."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from threading import Event
from typing import Never

import structlog
from sqlalchemy.engine import URL

from tradeapi import __version__
from tradeapi.clock import Clock
from tradeapi.errors import TradeError
from tradeapi.leases.locks import AWAY, open_locks
from tradeapi.ops.backup.encryption import Keys
from tradeapi.ops.backup.engine import Source, engine_of
from tradeapi.ops.backup.faults import Busy, Empty, Unreachable
from tradeapi.ops.backup.manifest import FORMAT, SUFFIX, Contents, File, Manifest, encode, stamp
from tradeapi.ops.backup.place import Place
from tradeapi.ops.backup.streaming import in_thread

LOCK = "backup"
SIGN_SECONDS = 1.0
ENCRYPTED = ".age"

_log = structlog.get_logger("tradeapi.backup")


async def create(url: URL, place: Place, keys: Keys, clock: Clock) -> Manifest:
    """Raises BackupFault; then nothing is listed that was not before."""
    engine = engine_of(url)
    async with alone(url):
        begun = clock.now()
        async with engine.source(url) as source:
            at = clock.now()
            id = _id(at)
            name = f"{id}{engine.suffix}{ENCRYPTED if keys.recipients else ''}"
            try:
                file, contents = await _both(source, place, name, keys)
                manifest = Manifest(
                    format=FORMAT,
                    id=id,
                    tradeapi=__version__,
                    created_at=round(at, 3),
                    seconds=round(clock.now() - begun, 3),
                    origin=source.origin,
                    file=file,
                    contents=contents,
                )
                await in_thread(lambda: place.write(f"{id}{SUFFIX}", encode(manifest)))
            except BaseException:
                # What is left without a manifest is none, and swept a day later.
                with suppress(TradeError):
                    place.delete(name)
                raise
    _log.info("backup.created", id=id, bytes=file.bytes, seconds=manifest.seconds)
    return manifest


@asynccontextmanager
async def alone(url: URL) -> AsyncIterator[None]:
    """One process at a time makes or removes backups of a database; raises Busy."""
    async with open_locks(url) as locks:
        try:
            is_ours = await locks.take(LOCK)
        except AWAY as error:
            raise Unreachable(f"The database does not answer: {type(error).__name__}.") from error
        if not is_ours:
            raise Busy("Another process makes or removes backups of this database just now.")

        async def keep() -> Never:
            while True:
                await asyncio.sleep(SIGN_SECONDS)
                # Should it be lost nothing breaks: two backups have two names.
                await locks.holds(LOCK)

        keeper = asyncio.create_task(keep())
        try:
            yield
        finally:
            keeper.cancel()
            await locks.release(LOCK)


async def _both(source: Source, place: Place, name: str, keys: Keys) -> tuple[File, Contents]:
    """Stored and counted at the same time, of the same instant."""
    stop = Event()

    def give_up() -> None:
        stop.set()
        source.abort()

    storing = asyncio.create_task(
        in_thread(lambda: _store(source, place, name, keys, stop), give_up)
    )
    try:
        contents = await source.contents()
        if contents.migration is None:
            # That of a wrong address would be as good as any, and others go for it.
            raise Empty("Nothing has migrated this database yet: is it the right one?")
        return await storing, contents
    finally:
        storing.cancel()
        await asyncio.wait({storing})


def _store(source: Source, place: Place, name: str, keys: Keys, stop: Event) -> File:
    with place.writing(name, source.origin.bytes) as file:
        source.send(lambda reader: keys.seal(reader, file), stop)
    return File(
        name=name,
        bytes=file.bytes,
        sha256=file.sha256,
        encryption="age" if keys.recipients else None,
        recipients=keys.recipients,
    )


def _id(at: float) -> str:
    """By name they are in the order of their time."""
    return f"{stamp(at)}-{secrets.randbelow(10_000):04}"
