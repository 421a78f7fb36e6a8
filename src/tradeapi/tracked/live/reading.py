"""Jobs as they are read for those who follow them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import column, select, table

from tradeapi.database import Database
from tradeapi.tracked.answers import document
from tradeapi.tracked.models import TrackedJob
from tradeapi.tracked.service import no_such_job

_epoch = table("epoch", column("value"))


@dataclass(frozen=True, slots=True)
class Reading:
    """A job as HTTP answers it, at its version; `epoch` is the database's."""

    epoch: str
    version: int
    document: Mapping[str, Any]


async def read(database: Database, id: UUID) -> Reading:
    """Raises NotFound."""
    async with database.reading() as session:
        epoch_now = select(_epoch.c.value).scalar_subquery()
        chosen = select(epoch_now, TrackedJob).where(TrackedJob.id == id)
        found = (await session.execute(chosen)).first()
    if found is None:
        raise no_such_job()
    epoch, job = found
    return Reading(f"{epoch}-{id.hex}", job.version, document(job))
