"""What the commands do, each with its record."""

import asyncio
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tradeapi.clock import Clock, SystemClock
from tradeapi.errors import TradeError
from tradeapi.ops.backup.catalogue import LATEST, Entry, entries, get, latest
from tradeapi.ops.backup.creating import create
from tradeapi.ops.backup.encryption import Keys
from tradeapi.ops.backup.engine import address
from tradeapi.ops.backup.manifest import Manifest
from tradeapi.ops.backup.models import Kind
from tradeapi.ops.backup.place import Place
from tradeapi.ops.backup.proving import Drill, Proof, drill, verify
from tradeapi.ops.backup.restoring import Restored, restore
from tradeapi.ops.backup.retention import Keep, Pruned, prune
from tradeapi.ops.backup.runs import recorded
from tradeapi.settings import Settings


class Desk:
    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self._url = address(settings.database_url)
        self._location = settings.backup_location
        self._clock = clock or SystemClock()
        self._settings = settings
        self._keys = Keys(settings)
        scratch = settings.backup_scratch_url
        self._server = address(scratch.get_secret_value()) if scratch else self._url

    async def create(self) -> Manifest:
        async with recorded(self._url, Kind.CREATE, self._clock) as note:
            note.manifest = await create(self._url, self._place(), self._keys, self._clock)
        return note.manifest

    async def entries(self) -> Sequence[Entry]:
        return await asyncio.to_thread(lambda: entries(self._place()))

    async def verify(self, id: str) -> Proof:
        async with recorded(self._url, Kind.VERIFY, self._clock) as note:
            note.manifest = get(self._place(), id, self._clock.now())
            return await verify(note.manifest, self._place(), self._keys, self._server)

    async def restore(self, id: str, into: str, *, replace: bool) -> Restored:
        place = self._place()
        manifest = get(place, id, self._clock.now())
        url = address(into) if "://" in into else self._url.set(database=into)
        return await restore(manifest, place, self._keys, url, replace=replace)

    async def prune(self, *, dry_run: bool) -> Pruned:
        settings = self._settings
        keep = Keep(
            settings.backup_keep_daily, settings.backup_keep_weekly, settings.backup_keep_monthly
        )
        return await prune(self._url, self._place(), keep, self._clock, dry_run=dry_run)

    async def drill(self) -> Drill:
        async with recorded(self._url, Kind.DRILL, self._clock) as note:
            place = self._place()
            # Not the newest that is good: a drill is there to find that one is not.
            now = self._clock.now()
            found = latest(place, now)[:1]
            if found and not found[0].good:
                raise TradeError(str(found[0].fault))
            note.manifest = get(place, LATEST, now)
            done = await drill(note.manifest, place, self._keys, self._server, self._clock)
            note.detail = (
                f"age {done.age_seconds:.0f} s, restored in {done.restoring_seconds:.1f} s"
            )
        return done

    def _place(self) -> Place:
        """Opened where it is needed, so that a place that is not there is on record."""
        return Place(self._location)


@contextmanager
def stoppable() -> Iterator[None]:
    """SIGTERM does what Ctrl-C does: whatever is under way is undone first."""
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    assert task is not None  # noqa: S101  whoever asks is one
    loop.add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
