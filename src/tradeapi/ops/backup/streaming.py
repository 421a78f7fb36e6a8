"""Bytes on their way: measured as they pass, and stopped when nobody waits for them any more."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from hashlib import sha256
from threading import Event
from typing import Protocol, TypeVar

CHUNK_BYTES = 1024 * 1024

Result = TypeVar("Result")


class Reader(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


class Writer(Protocol):
    def write(self, chunk: bytes, /) -> int: ...

    def flush(self) -> None: ...


class Stopped(Exception):
    """Nobody waits for it any more."""


class Measured:
    """Passes on what is written to it; `error` is what that has ended with, see Chunks."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._write = write
        self._digest = sha256()
        self.bytes = 0
        self.error: BaseException | None = None

    def write(self, chunk: bytes) -> int:
        try:
            self._write(chunk)
        except BaseException as error:
            self.error = error
            raise
        self._digest.update(chunk)
        self.bytes += len(chunk)
        return len(chunk)

    def flush(self) -> None:
        """What is stored is stored as a whole, at the end."""

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()


class Chunks:
    """Reads what comes in chunks of any size; `error` is what that has ended with.

    Libraries below Python make a sentence of an error that goes through them.
    """

    def __init__(self, chunks: Iterable[bytes], stop: Event) -> None:
        self._chunks = iter(chunks)
        self._stop = stop
        self._left = memoryview(b"")
        self._digest = sha256()
        self.error: BaseException | None = None

    def read(self, size: int = -1, /) -> bytes:
        try:
            if not self._left:
                self._left = memoryview(self._next())
        except BaseException as error:
            self.error = error
            raise
        size = len(self._left) if size < 0 else size
        taken, self._left = self._left[:size], self._left[size:]
        return bytes(taken)

    def rest(self) -> None:
        """What is behind the end of what was wanted is part of the file as well."""
        while self.read():
            pass

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    def _next(self) -> bytes:
        if self._stop.is_set():
            raise Stopped
        chunk = next(self._chunks, b"")
        self._digest.update(chunk)
        return chunk


def chunks_of(reader: Reader) -> Iterator[bytes]:
    return iter(lambda: reader.read(CHUNK_BYTES), b"")


def copy(reader: Reader, writer: Writer) -> None:
    for chunk in chunks_of(reader):
        writer.write(chunk)


async def in_thread(
    work: Callable[[], Result], stop: Callable[[], object] = lambda: None
) -> Result:
    """What blocks; when we are cancelled it is told to stop, if it is long, and waited for."""
    task = asyncio.create_task(asyncio.to_thread(work))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        stop()
        with suppress(Exception):
            await task
        raise
