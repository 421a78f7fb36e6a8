"""HTTP below the application, with what a stream of events needs beyond ASGI."""

from asyncio import TimerHandle
from collections.abc import Callable
from typing import Any

from tradeapi.streams.connection import (
    CLOSE_SECONDS,
    EXTENSION,
    FAREWELL_SECONDS,
    Connection,
    be_prompt,
)
from tradeapi.web.http_protocol import HttpProtocol


class AnswerProtocol(HttpProtocol, Connection):
    """HTTP whose answers can be aborted, and can say goodbye.

    Who asks to be told of the end is a stream: its answer is the last on its connection.
    """

    _leave: Callable[[], float] | None = None
    _is_stopping = False
    _deadline: TimerHandle | None = None

    def on_message_begin(self) -> None:
        super().on_message_begin()
        extensions: dict[str, Any] = {EXTENSION: self}
        self.scope["extensions"] = extensions

    def on_shutdown(self, leave: Callable[[], float]) -> None:
        be_prompt(self.transport)
        self._leave = leave
        if self._is_stopping:
            self._say_goodbye(leave)

    def abort(self) -> None:
        self._abort()

    def on_response_complete(self) -> None:
        if self._leave is not None:
            self._leave = None
            # A client that does not read would keep the unsent rest, and the connection, for ever.
            self._abort_after(CLOSE_SECONDS)
        super().on_response_complete()

    def shutdown(self) -> None:
        self._is_stopping = True
        super().shutdown()
        if self._leave is not None:
            self._say_goodbye(self._leave)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._deadline is not None:
            self._deadline.cancel()

    def _say_goodbye(self, leave: Callable[[], float]) -> None:
        self._abort_after(leave() + FAREWELL_SECONDS)

    def _abort_after(self, seconds: float) -> None:
        """Unless it is due sooner already."""
        when = self.loop.time() + seconds
        if self._deadline is None or when < self._deadline.when():
            if self._deadline is not None:
                self._deadline.cancel()
            self._deadline = self.loop.call_at(when, self._abort)
