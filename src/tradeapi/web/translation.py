"""Problems in the words of another protocol."""

from abc import ABC, abstractmethod

from starlette.types import Message, Send

from tradeapi.web.problems import MEDIA_TYPE

_PROBLEM = (b"content-type", MEDIA_TYPE.encode())


class Translation(ABC):
    """Passes everything on but a problem, which it holds back until it is whole."""

    __slots__ = ("_body", "_send", "_start")

    def __init__(self, send: Send) -> None:
        self._send = send
        self._start: Message | None = None
        self._body = b""

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _PROBLEM in message["headers"]:
            self._start = message
        elif self._start is None or message["type"] != "http.response.body":
            await self._send(message)
        else:
            self._body += message.get("body", b"")
            if not message.get("more_body", False):
                await self._tell(self._start)

    @abstractmethod
    async def _tell(self, start: Message) -> None:
        """Send the answer that stands for the problem in `_body`."""
