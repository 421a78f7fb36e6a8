"""The place of a request: it has one while it is worked on.

Not while its body is still arriving, nor while its answer leaves: nobody who is slow keeps others
out.
"""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tradeapi.errors import Unavailable
from tradeapi.web.envelope import REQUEST_ID
from tradeapi.web.gate import Gate
from tradeapi.web.problems import trade_problem
from tradeapi.web.refusals import OVERLOADED, come_back_in


class Shedding:
    def __init__(self, app: ASGIApp, *, gate: Gate) -> None:
        self._app = app
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        rank = self._gate.rank(scope) if scope["type"] == "http" else None
        if rank is None:
            await self._app(scope, receive, send)
        elif await self._gate.enter(rank):
            place = _Place(self._gate, receive, send)
            try:
                await self._app(scope, place.receive, place.send)
            finally:
                place.give_up()
        else:
            code, detail = OVERLOADED
            error = Unavailable(detail, code=code, retry_after=come_back_in())
            # Guard would log each of them.
            await trade_problem(scope[REQUEST_ID], error)(scope, receive, send)


class _Place:
    __slots__ = ("_gate", "_is_held", "_receive", "_send")

    def __init__(self, gate: Gate, receive: Receive, send: Send) -> None:
        self._gate = gate
        self._receive = receive
        self._send = send
        self._is_held = True

    async def receive(self) -> Message:
        if not self._is_held:
            return await self._receive()
        self._gate.step_aside()
        try:
            return await self._receive()
        finally:
            self._gate.step_back()

    async def send(self, message: Message) -> None:
        self.give_up()
        await self._send(message)

    def give_up(self) -> None:
        if self._is_held:
            self._is_held = False
            self._gate.leave()
