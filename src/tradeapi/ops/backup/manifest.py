"""What a backup is: a JSON file beside it, written last, and checked to its last byte."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Literal

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from tradeapi.ops.backup.faults import Damaged

FORMAT = 1
SUFFIX = ".json"
# Ids, and so the names of all files of a backup, begin with its time. Whatever else is there is
# somebody else's.
NAME = re.compile(r"(\d{8}T\d{6}Z-\d{4})\.(json|dump|dump\.age|db\.zst|db\.zst\.age)", re.ASCII)
# Thousands of tables have less. Whoever else may write there must not fill our memory.
MOST_BYTES = 4 * 1024 * 1024
# Clocks of machines differ.
AHEAD_SECONDS = 60.0


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Table(Part):
    """`hash` is over the content of all rows, in whatever order they lie."""

    rows: int
    hash: str


class Contents(Part):
    """What is in a database: `migration` is the revision of its schema."""

    migration: str | None
    tables: Mapping[str, Table]


class Origin(Part):
    """The database; `bytes` is how large it was there."""

    kind: Literal["postgresql", "sqlite"]
    version: str
    bytes: int


class File(Part):
    """As it is stored: `sha256` is of that, encrypted where it is."""

    name: str
    bytes: int
    sha256: str
    encryption: Literal["age"] | None
    recipients: tuple[str, ...]


class Manifest(Part):
    """`created_at` is the instant that it shows, in epoch seconds."""

    format: int
    id: str
    tradeapi: str
    created_at: float
    seconds: float
    origin: Origin
    file: File
    contents: Contents

    @property
    def rows(self) -> int:
        return sum(table.rows for table in self.contents.tables.values())


def encode(manifest: Manifest) -> bytes:
    fields = manifest.model_dump(mode="json")
    return _written({**fields, "sha256": sha256(_written(fields)).hexdigest()})


def decode(name: str, content: bytes) -> Manifest:
    """Raises Damaged where a single byte is another than when it was written."""
    try:
        fields = orjson.loads(content)
        is_ours = fields["format"] == FORMAT
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise Damaged(f"{name} is damaged: it is no manifest.") from error
    if not is_ours:
        raise Damaged(f"{name} has the format {fields['format']}; this version knows {FORMAT}.")
    try:
        fields.pop("sha256", None)
        manifest = Manifest.model_validate(fields)
    except ValidationError as error:
        raise Damaged(f"{name} is damaged: {error.errors()[0]['msg']}.") from error
    if not _is_written(manifest, content):
        raise Damaged(f"{name} is damaged: it is not what was written.")
    return manifest


def stamp(at: float) -> str:
    """By name they are in the order of their time."""
    return f"{datetime.fromtimestamp(at, UTC):%Y%m%dT%H%M%SZ}"


def is_ahead(id: str, now: float) -> bool:
    """Whether it was made by a clock that went wrong, so that nobody knows how old it is."""
    return id > stamp(now + AHEAD_SECONDS)


def is_of(manifest: Manifest, id: str) -> bool:
    """Whether it says what its name does: one that was copied or made up could name, and have
    removed, what belongs to another backup."""
    name = manifest.file.name
    try:
        begun = datetime.strptime(id[:16], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return False
    return (
        manifest.id == id
        and name.startswith(f"{id}.")
        and not name.endswith(SUFFIX)
        and NAME.fullmatch(name) is not None
        # Its time is rounded, and that of its name is cut.
        and abs(manifest.created_at - begun) <= 1
    )


def _is_written(manifest: Manifest, content: bytes) -> bool:
    try:
        return encode(manifest) == content
    except orjson.JSONEncodeError:
        # No number of ours is as large.
        return False


def _written(fields: Mapping[str, object]) -> bytes:
    return orjson.dumps(fields, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
