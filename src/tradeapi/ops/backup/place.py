"""Where backups are kept: a folder, or a bucket of S3 or of what speaks like it.

A file is there as a whole, or not at all.
"""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, S3Store

from tradeapi.errors import NotFound, NotStarted
from tradeapi.logging import without_credentials
from tradeapi.ops.backup.faults import Unreachable
from tradeapi.ops.backup.streaming import CHUNK_BYTES, Measured

S3 = "s3://"
# S3 takes up to 10,000 parts, of at least 5 MB; three are in memory.
MOST_PARTS = 5000
SMALLEST_PART = 8 * 1024 * 1024
AT_ONCE = 2


@dataclass(frozen=True, slots=True)
class Stored:
    bytes: int
    modified: datetime


class Place:
    def __init__(self, location: str) -> None:
        self.location = location
        self._folder = None if location.startswith(S3) else Path(location)
        with self._told():
            self._store = _bucket(location) if self._folder is None else _folder(self._folder)

    def files(self) -> Mapping[str, Stored]:
        """Those that are whole; what lies deeper is another place."""
        with self._told():
            found = obstore.list_with_delimiter(self._store)["objects"]
        return {meta["path"]: Stored(meta["size"], meta["last_modified"]) for meta in found}

    @contextmanager
    def writing(self, name: str, expected_bytes: int) -> Iterator[Measured]:
        """A file that is there once this has ended, and never if it ends with an error."""
        part = max(SMALLEST_PART, expected_bytes // MOST_PARTS)
        with (
            self._told(),
            obstore.open_writer(
                self._store, name, buffer_size=part, max_concurrency=AT_ONCE
            ) as file,
        ):
            yield Measured(file.write)
        self._settle(name)

    def chunks(self, name: str) -> Iterator[bytes]:
        with self._told():
            for chunk in obstore.get(self._store, name).stream(min_chunk_size=CHUNK_BYTES):
                yield bytes(chunk)

    def read(self, name: str) -> bytes:
        return b"".join(self.chunks(name))

    def write(self, name: str, content: bytes) -> None:
        with self._told():
            obstore.put(self._store, name, content)
        self._settle(name)

    def delete(self, name: str) -> None:
        with self._told(), suppress(FileNotFoundError):
            obstore.delete(self._store, name)

    def unfinished(self) -> Iterator[Path]:
        """What killed processes left in a folder; of a bucket its own rules clear them away."""
        if self._folder is not None:
            yield from self._folder.glob("*#*")

    def _settle(self, name: str) -> None:
        """Have it outlive a loss of power: obstore leaves that to the system."""
        if self._folder is None:
            return
        with self._told():
            for path in (self._folder / name, self._folder):
                file = os.open(path, os.O_RDONLY)
                try:
                    os.fsync(file)
                finally:
                    os.close(file)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise NotFound(f"{self.location}: {_sentence(error)}") from error
        except (BaseError, OSError, ValueError) as error:
            raise Unreachable(f"{self.location}: {_sentence(error)}") from error


def kind_of(location: str) -> str:
    return "s3" if location.startswith(S3) else "folder"


def _folder(path: Path) -> LocalStore:
    return LocalStore(path.absolute(), mkdir=True)


def _bucket(location: str) -> S3Store:
    """Credentials, region and address come from the variables of AWS."""
    name, _, prefix = location.removeprefix(S3).partition("/")
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL", "")
    if endpoint and not endpoint.startswith(("http://", "https://")):
        raise NotStarted("AWS_ENDPOINT_URL: is no address that begins with https:// or http://.")
    return S3Store(
        name,
        prefix=prefix.strip("/") or None,
        client_options={"allow_http": endpoint.startswith("http://")},
    )


def _sentence(error: Exception) -> str:
    """Without the structures that are printed below it; of what S3 says its code and its message.

    The rest of that may be our request with its credentials, as it has been signed.
    """
    said, mark, answer = str(error).partition("\n\nDebug source")[0].partition("<")
    told = re.findall(r"<(?:Code|Message)>([^<]*)<", mark + answer)
    return without_credentials(" ".join(" ".join([said, *told]).split()))
