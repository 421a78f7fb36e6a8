"""What was done about backups, written down: the newest of each, so that metrics can tell."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog
from sqlalchemy import delete, select
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from tradeapi.clock import Clock
from tradeapi.database import Database
from tradeapi.logging import without_credentials
from tradeapi.ops.backup.faults import Busy
from tradeapi.ops.backup.manifest import Manifest
from tradeapi.ops.backup.models import LONGEST_DETAIL, BackupRun, Kind

MOST_KEPT = 1000

_log = structlog.get_logger("tradeapi.backup")


@dataclass(slots=True)
class Note:
    """What is known at the end."""

    manifest: Manifest | None = None
    detail: str = ""


@asynccontextmanager
async def recorded(url: URL, kind: Kind, clock: Clock) -> AsyncIterator[Note]:
    """A run that fails is written down as well; one that was stopped or refused is not."""
    note, started = Note(), clock.now()
    try:
        yield note
    except Busy:
        raise
    except Exception as error:
        note.detail = str(error)
        await _write(url, _run(kind, note, started, clock.now(), ok=False))
        raise
    await _write(url, _run(kind, note, started, clock.now(), ok=True))


async def newest(session: AsyncSession, kind: Kind, *, ok: bool | None = None) -> BackupRun | None:
    """`ok`: of those that went so."""
    chosen = select(BackupRun).where(BackupRun.kind == kind)
    if ok is not None:
        chosen = chosen.where(BackupRun.ok.is_(ok))
    return await session.scalar(chosen.order_by(BackupRun.id.desc()).limit(1))


def _run(kind: Kind, note: Note, started: float, finished: float, *, ok: bool) -> BackupRun:
    manifest = note.manifest
    return BackupRun(
        kind=kind,
        backup=manifest and manifest.id,
        started_at=started,
        finished_at=finished,
        ok=ok,
        bytes=manifest and manifest.file.bytes,
        detail=without_credentials(note.detail)[:LONGEST_DETAIL],
    )


async def _write(url: URL, run: BackupRun) -> None:
    """A database that is away, or not migrated yet, does not make a good backup a bad one."""
    if _is_missing(url):
        # To open it would make it.
        return
    try:
        async with Database(url) as database, database.transaction() as session:
            session.add(run)
            await session.flush()
            # A hundred failures must not have it forgotten when it last went well.
            alike = BackupRun.kind == run.kind, BackupRun.ok.is_(run.ok)
            await session.execute(
                delete(BackupRun).where(*alike, BackupRun.id <= run.id - MOST_KEPT)
            )
    except (SQLAlchemyError, OSError) as error:
        _log.warning(
            "backup.not_recorded", error=without_credentials(str(error).partition("\n")[0])
        )


def _is_missing(url: URL) -> bool:
    return url.get_backend_name() == "sqlite" and not Path(str(url.database)).exists()
