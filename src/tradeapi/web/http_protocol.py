"""HTTP below the application: uvicorn's, with bounds on what comes before a request is one.

uvicorn keeps a head of any size in memory, and waits for its end for ever; so it does for a client
to read what it has asked for.
"""

from asyncio import TimerHandle, Transport

from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from tradeapi.web.gate import Gate
from tradeapi.web.refusals import overloaded, refusal

# The parser takes addresses of up to 64 KiB; the rest is for headers.
MOST_HEAD_BYTES = 96 * 1024
# For a head from its first byte on, and for the rest of a body that nobody reads any more.
PATIENCE_SECONDS = 10
# Without one byte of an answer being taken.
STALLED_SECONDS = 60

# Headers that say that a body follows.
BODIES = {b"content-length", b"transfer-encoding"}

Fault = tuple[int, str, str]

_MALFORMED: Fault = (400, "bad_request", "This is not HTTP.")
_TOO_LARGE: Fault = (
    431,
    "head_too_large",
    f"The address and the headers have more than {MOST_HEAD_BYTES} bytes.",
)
_TOO_SLOW: Fault = (408, "request_timeout", "The request took too long to arrive.")


class HttpProtocol(HttpToolsProtocol):
    """`_unparsed` counts the bytes since the parser last came to the end of something."""

    _unparsed = 0
    _is_in_head = False
    _patience: TimerHandle | None = None
    _stalled: TimerHandle | None = None
    _fault = _MALFORMED
    _answering: RequestResponseCycle | None = None
    _is_turned_away = False

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        self._go_on()
        if self._answering is not None:
            # uvicorn only tells the last of several requests that were sent at once.
            self._answering.disconnected = True
            self._answering.message_event.set()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._unparsed += len(data)
        super().data_received(data)
        if self._unparsed > MOST_HEAD_BYTES:
            self._refuse(_TOO_LARGE)
        elif self._is_in_head and self._patience is None:
            self._wait()

    def on_message_begin(self) -> None:
        self._is_in_head = True
        self._is_turned_away = False
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._is_in_head = False
        self._advance()
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if size > MOST_HEAD_BYTES:
            self._fault = _TOO_LARGE
            # The parser stops, and has us answer it as malformed.
            raise ValueError(_TOO_LARGE)
        if self._is_refused():
            self._turn_away()
        else:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._unparsed = 0
        if not self._is_turned_away:
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._advance()
        if not self._is_turned_away:
            super().on_message_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._answering = cycle
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.cycle.response_complete and self.cycle.more_body:
            self._wait()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._go_on()
        self._stalled = self.loop.call_later(STALLED_SECONDS, self._abort)

    def resume_writing(self) -> None:
        self._go_on()
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  uvicorn's words
        self._refuse(self._fault)

    def _is_refused(self) -> bool:
        """Before uvicorn makes a request of it, which would cost as much as the refusal."""
        gate = self.app_state.get("gate")
        before: RequestResponseCycle | None = self.cycle
        is_pipelined = before is not None and not before.response_complete
        if not isinstance(gate, Gate) or is_pipelined or self.parser.should_upgrade():
            return False
        if gate.is_full:
            # As it is written: who writes a path in another way than we do is refused with most.
            path = self.url.partition(b"?")[0].decode("latin-1")
            if gate.refuses({"path": path, "query_string": b""}):
                return True
        gate.expect()
        return False

    def _turn_away(self) -> None:
        self._is_turned_away = True
        stays = self.parser.get_http_version() != "1.0" and self.parser.should_keep_alive()
        is_head = self.parser.get_method() == b"HEAD"
        self.transport.write(overloaded(closes=not stays, is_head=is_head))
        if not stays:
            self.transport.close()
        elif any(name in BODIES for name, _ in self.headers):
            self._wait()
        HttpToolsProtocol.on_response_complete(self)

    def _advance(self) -> None:
        self._unparsed = 0
        self._stop_waiting()

    def _wait(self) -> None:
        self._stop_waiting()
        self._patience = self.loop.call_later(PATIENCE_SECONDS, self._give_up)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _go_on(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def _abort(self) -> None:
        if self._answering is not None:
            # What waits to be sent wakes up before the connection is known to be lost.
            self._answering.disconnected = True
        self.transport.abort()

    def _give_up(self) -> None:
        self._patience = None
        if self._is_in_head:
            self._refuse(_TOO_SLOW)
        else:
            self.transport.close()

    def _refuse(self, fault: Fault) -> None:
        if not self.transport.is_closing():
            self.transport.write(refusal(*fault))
            self.transport.close()
