"""The backups of one place, the newest first. What has no manifest is none."""

from collections.abc import Sequence
from dataclasses import dataclass

from tradeapi.errors import NotFound, TradeError
from tradeapi.ops.backup.faults import Damaged
from tradeapi.ops.backup.manifest import MOST_BYTES, NAME, SUFFIX, Manifest, decode, is_ahead, is_of
from tradeapi.ops.backup.place import Place

LATEST = "latest"


@dataclass(frozen=True, slots=True)
class Entry:
    """Without a manifest there is a `fault`, and with one there may be."""

    id: str
    manifest: Manifest | None
    fault: str | None

    @property
    def is_good(self) -> bool:
        return self.fault is None


def entries(place: Place) -> Sequence[Entry]:
    files = place.files()
    sizes = {name: stored.bytes for name, stored in files.items()}
    names = sorted(
        (name for name in files if NAME.fullmatch(name) and name.endswith(SUFFIX)), reverse=True
    )
    return [_entry(place, name, sizes) for name in names]


def latest(place: Place, now: float) -> Sequence[Entry]:
    """The latest first; at last those that are ahead of the time, which may be of any."""
    return sorted(entries(place), key=lambda entry: is_ahead(entry.id, now))


def get(place: Place, id: str, now: float) -> Manifest:
    """Of `latest` the newest that is good; raises NotFound, or Damaged."""
    found = latest(place, now) if id == LATEST else _named(place, id)
    for entry in found:
        if entry.manifest is not None and entry.is_good:
            return entry.manifest
        if id != LATEST:
            raise Damaged(str(entry.fault))
    if id == LATEST:
        raise NotFound(f"There is no backup at {place.location}.")
    raise NotFound(f"There is no backup {id} at {place.location}.")


def _named(place: Place, id: str) -> Sequence[Entry]:
    sizes = {name: stored.bytes for name, stored in place.files().items()}
    name = f"{id}{SUFFIX}"
    return [_entry(place, name, sizes)] if name in sizes else []


def _entry(place: Place, name: str, sizes: dict[str, int]) -> Entry:
    id = name.removesuffix(SUFFIX)
    if sizes[name] > MOST_BYTES:
        return Entry(id, None, f"{name} is damaged: it is too large.")
    try:
        manifest = decode(name, place.read(name))
    except TradeError as error:
        return Entry(id, None, str(error))
    if not is_of(manifest, id):
        return Entry(id, None, f"{name} is damaged: it is that of another backup.")
    file = manifest.file
    if file.name not in sizes:
        return Entry(id, manifest, f"{file.name} is missing.")
    if sizes[file.name] != file.bytes:
        return Entry(id, manifest, f"{file.name} has {sizes[file.name]} bytes, not {file.bytes}.")
    return Entry(id, manifest, None)
