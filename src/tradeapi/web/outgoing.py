"""A file in the making that is sent as it grows."""

from io import RawIOBase

from typing_extensions import Buffer


class Outgoing(RawIOBase):
    """Takes what is written, and knows how much that was when it is gone."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []
        self._position = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Buffer) -> int:
        part = bytes(data)
        self._parts.append(part)
        self._position += len(part)
        return len(part)

    def tell(self) -> int:
        return self._position

    def take(self) -> bytes:
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken
