"""What keeps one request from hurting the others: a body limit, a time limit, a last resort."""

import asyncio
from collections.abc import Mapping

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tradeapi.errors import Forbidden, Invalid, NotFound, TooLarge, TradeError, Unavailable
from tradeapi.web.envelope import REQUEST_ID
from tradeapi.web.outages import outage
from tradeapi.web.problems import trade_problem

# Of a model's body; a field too many costs some microseconds, in which nobody else is answered.
DOCUMENT_BYTES = 512 * 1024
# Of servers that can answer a handshake with more than a status.
SOCKET_ANSWERS = "websocket.http.response"

_log = structlog.get_logger("tradeapi.web")


class Guard:
    """Bodies of up to `bytes` are read, and small ones only; at the addresses `large_at` those of
    the size that stands there.

    `seconds` is the time until an answer begins: a download under way is never cut off.

    A request that runs out of it answers 503 and not 504: nobody stands behind us. Its transaction
    is rolled back, unless the time ran out in the very commit; so retry what is safe to repeat.
    Every error that no layer further in has answered becomes a problem here.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        bytes: int,
        large_at: Mapping[str, int],
        seconds: float,
        debug: bool,
    ) -> None:
        self._app = app
        self._bytes = bytes
        self._large_at = large_at
        self._seconds = seconds
        self._debug = debug

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._answer(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._shake_hands(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = _Answer(send, self._seconds)
        try:
            await self._app(scope, self._limited(scope, receive), answer.send)
        except asyncio.CancelledError:
            if answer.is_late():
                problem = Unavailable("The request took too long.", code="request_timeout")
                await self._tell(problem, scope, receive, send)
                return
            if not answer.begun:
                # The process stops and has waited as long as it may.
                problem = Unavailable("The process is stopping.", code="stopping")
                await self._tell(problem, scope, receive, send)
            raise
        except Exception as error:
            if answer.begun:
                # Too late for another answer: the server logs this and cuts the connection.
                raise
            await self._tell(self._judge(error), scope, receive, send)
        finally:
            answer.timer.cancel()

    async def _shake_hands(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = _Refusal(scope, receive, send)
        try:
            await self._app(scope, receive, refusal.send)
        except Exception as error:
            if refusal.is_settled:
                raise
            await refusal.tell(self._judge(error))

    async def _tell(self, problem: TradeError, scope: Scope, receive: Receive, send: Send) -> None:
        if isinstance(problem, Unavailable):
            _log.warning("request.unavailable", code=problem.code, cause=repr(problem.__cause__))
        await trade_problem(scope[REQUEST_ID], problem)(scope, receive, send)

    def _judge(self, error: Exception) -> TradeError:
        if isinstance(error, TradeError):
            return error
        if isinstance(error, ClientDisconnect):
            # Nobody will read this; it is for the log and the metrics.
            return Invalid("The client left before its body was complete.", code="bad_body")
        passing = outage(error)
        if passing is not None:
            passing.__cause__ = error
            return passing
        _log.error("request.crashed", exc_info=error)
        detail = f"{type(error).__name__}: {error}" if self._debug else "The fault is ours."
        return TradeError(detail)

    def _limited(self, scope: Scope, receive: Receive) -> Receive:
        if "\n" in scope["path"]:
            # A route's `$` lets one pass at the end, and whoever compares paths does not.
            raise NotFound("There is nothing at this address.")
        most = self._large_at.get(scope["path"]) or min(self._bytes, DOCUMENT_BYTES)
        for name, value in scope["headers"]:
            if name == b"transfer-encoding":
                return self._counting(receive, most)
            # The server itself reads no more than this.
            if name == b"content-length" and value.isdigit() and int(value) > most:
                raise _too_large(most)
        return receive

    @staticmethod
    def _counting(receive: Receive, most: int) -> Receive:
        size = 0

        async def counted() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > most:
                error = _too_large(most)
                # FastAPI turns any other exception into its 400 while it reads a body.
                raise HTTPException(error.status, str(error)) from error
            return message

        return counted


def _too_large(most: int) -> TooLarge:
    return TooLarge(f"The body is larger than {most} bytes.")


class _Answer:
    """Notices when an answer begins; until then the time runs.

    `asyncio.timeout` does the same for seven times the price.
    """

    __slots__ = ("_expired", "_send", "_task", "begun", "timer")

    def __init__(self, send: Send, seconds: float) -> None:
        self._send = send
        self._task = asyncio.current_task()
        self._expired = False
        self.begun = False
        self.timer = asyncio.get_running_loop().call_later(seconds, self._expire)

    async def send(self, message: Message) -> None:
        if not self.begun:
            self.begun = True
            self.timer.cancel()
        await self._send(message)

    def is_late(self) -> bool:
        """Whether it was us who cancelled the request, and nobody else did too."""
        return self._expired and self._task is not None and self._task.uncancel() == 0

    def _expire(self) -> None:
        self._expired = True
        if self._task is not None:
            self._task.cancel()


async def respond(response: Response, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer in the application's place; a server that can't send a body refuses in its own way."""
    if scope["type"] == "websocket" and SOCKET_ANSWERS not in scope.get("extensions", {}):
        await send({"type": "websocket.close"})
    else:
        await response(scope, receive, send)


class _Refusal:
    """A handshake that nobody accepts is answered with a problem; the server's own has none."""

    __slots__ = ("_receive", "_scope", "_send", "is_settled")

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self.is_settled = False

    async def send(self, message: Message) -> None:
        if self.is_settled or message["type"] != "websocket.close":
            self.is_settled = True
            await self._send(message)
        elif "endpoint" in self._scope:
            await self.tell(Forbidden("The socket is refused."))
        else:
            await self.tell(NotFound("There is no socket at this address."))

    async def tell(self, error: TradeError) -> None:
        self.is_settled = True
        problem = trade_problem(self._scope[REQUEST_ID], error)
        await respond(problem, self._scope, self._receive, self._send)
