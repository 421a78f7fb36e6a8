"""Where a mailbox sends what is due at once: past ASGI, which takes one message after the other."""

from typing import Protocol

_TEXT = 0x81


class Outlet(Protocol):
    """A socket that says whether it can take more, and whom to tell when that changes."""

    @property
    def is_writable(self) -> bool:
        """Whether little enough is unsent; what is written in spite of it is kept, too."""
        ...

    def write(self, frames: bytes) -> None: ...


def wire(text: str) -> bytes:
    """The text as one WebSocket frame of a server's: final, not masked, not compressed."""
    payload = text.encode()
    length = len(payload)
    if length < 126:
        return bytes((_TEXT, length)) + payload
    if length < 65536:
        return bytes((_TEXT, 126)) + length.to_bytes(2, "big") + payload
    return bytes((_TEXT, 127)) + length.to_bytes(8, "big") + payload
