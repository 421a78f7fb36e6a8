"""The backups of one place, the newest first. What has no manifest is none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tradeapi.errors import NotFound, TradeError
from tradeapi.ops.backup.faults import Damaged
from tradeapi.ops.backup.manifest import MOST_BYTES, NAME, SUFFIX, Manifest, decode, is_ahead, is_of
from tradeapi.ops.backup.place import Place, Stored

LATEST = "latest"


@dataclass(frozen=True, slots=True)
class Entry:
    """Without a manifest there is a `fault`, and with one there may be."""

    id: str
    manifest: Manifest | None
    fault: str | None

    @property
    def good(self) -> Manifest | None:
        """Its manifest, where nothing is wrong with it."""
        return None if self.fault else self.manifest


def entries(place: Place) -> Sequence[Entry]:
    files = place.files()
    names = (name for name in files if NAME.fullmatch(name) and name.endswith(SUFFIX))
    return [_entry(place, name, files) for name in sorted(names, reverse=True)]


def latest(place: Place, now: float) -> Sequence[Entry]:
    """The latest first; at last those that are ahead of the time, which may be of any."""
    return sorted(entries(place), key=lambda entry: is_ahead(entry.id, now))


def get(place: Place, id: str, now: float) -> Manifest:
    """Of `latest` the newest that is good; raises NotFound, or Damaged."""
    if id == LATEST:
        for entry in latest(place, now):
            if entry.good is not None:
                return entry.good
        raise NotFound(f"There is no backup at {place.location}.")
    files, name = place.files(), f"{id}{SUFFIX}"
    if name not in files:
        raise NotFound(f"There is no backup {id} at {place.location}.")
    entry = _entry(place, name, files)
    if entry.good is None:
        raise Damaged(str(entry.fault))
    return entry.good


def _entry(place: Place, name: str, files: Mapping[str, Stored]) -> Entry:
    id = name.removesuffix(SUFFIX)
    if files[name].bytes > MOST_BYTES:
        return Entry(id, None, f"{name} is damaged: it is too large.")
    try:
        manifest = decode(name, place.read(name))
    except TradeError as error:
        return Entry(id, None, str(error))
    if not is_of(manifest, id):
        return Entry(id, None, f"{name} is damaged: it is that of another backup.")
    file, stored = manifest.file, files.get(manifest.file.name)
    if stored is None:
        return Entry(id, manifest, f"{file.name} is missing.")
    if stored.bytes != file.bytes:
        return Entry(id, manifest, f"{file.name} has {stored.bytes} bytes, not {file.bytes}.")
    return Entry(id, manifest, None)
