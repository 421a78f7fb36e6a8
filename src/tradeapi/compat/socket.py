"""One client on the socket of this protocol."""

import asyncio
from contextlib import closing, suppress
from typing import Any, assert_never

import anyio
import orjson
from starlette.websockets import WebSocket, WebSocketDisconnect

from tradeapi.compat.charts import ProCharts
from tradeapi.compat.dependencies import pro_charts
from tradeapi.compat.dialect import code_of
from tradeapi.compat.requests import History, InitialData, Ping, Pong, parse
from tradeapi.compat.updates import Updates
from tradeapi.errors import Invalid, NotFound, TradeError, Unauthenticated
from tradeapi.streams import credentials, farewell
from tradeapi.streams.access import Access, Standing
from tradeapi.streams.codes import NOT_AUTHENTICATED, POLICY, RESTART, TRY_LATER
from tradeapi.streams.connection import as_disconnect, connection_of
from tradeapi.streams.hub import Hub
from tradeapi.streams.limits import LOOKUPS_OF_A_MESSAGE, Conduct
from tradeapi.streams.mailbox import Lagged, Mailbox
from tradeapi.streams.requests import Subscribe
from tradeapi.streams.subscriptions import Subscriptions
from tradeapi.web.outages import outage
from tradeapi.web.principal import Principal
from tradeapi.web.proxies import caller_key

PING_SECONDS = 30.0
IDLE_SECONDS = 300.0
# How often to look for a chart that is not there yet.
LOOK_SECONDS = 1.0
LEFT = 1000
HISTORY = 300


class ProSocket:
    """Lives from the handshake to the close; what the stream tells of the chart is passed on."""

    def __init__(self, socket: WebSocket, hub: Hub, mailbox: Mailbox, key: str) -> None:
        self._socket = socket
        self._hub = hub
        self._mailbox = mailbox
        self._key = key
        self._updates = Updates(key)
        self._conduct = Conduct(hub.limits)
        self._subscriptions = Subscriptions(hub, mailbox)
        self._connection = connection_of(socket)
        self._address = caller_key(socket.client.host if socket.client else None)
        self._access = Access(
            hub.callers,
            hub.clock,
            self._address,
            auth_seconds=hub.limits.auth_seconds,
            warn=lambda _: None,
            end=self._close,
        )
        self._farewell = (LEFT, "")
        self._is_there = False
        # Whether it has been looked for the chart, and whether all that it is told comes here.
        self._looked = asyncio.Event()
        self._followed = asyncio.Event()
        self._tasks = anyio.create_task_group()

    async def run(self) -> None:
        self._connection.on_shutdown(self._leave)
        with closing(self._access), closing(self._subscriptions):
            try:
                principal = await self._greet()
                self._charts: ProCharts = pro_charts(self._socket, principal)
            except TradeError as error:
                await self._turn_away(error)
                return
            async with self._tasks:
                self._say(type="connected", chartId=self._key)
                for run in (self._write, self._follow, self._ping):
                    self._tasks.start_soon(run)
                self._tasks.start_soon(self._hub.serve_snapshots, self._mailbox)
                await self._read()
                self._tasks.cancel_scope.cancel()

    async def _greet(self) -> Principal:
        authenticator = self._socket.state.authenticator
        now, scope = self._hub.clock.now(), self._socket.scope
        self._access.take(await credentials.of_handshake(authenticator, scope, now))
        principal = self._access.principal
        if self._access.standing is Standing.REQUIRED:
            raise Unauthenticated("Say who you are: send an access token or an API key.")
        principal.require_chart(self._key)
        return principal

    async def _turn_away(self, error: TradeError) -> None:
        fields = {"error": str(error), "errorCode": code_of(error.code)}
        with suppress(WebSocketDisconnect):
            await self._socket.send_text(_text(type="error", **fields))
            is_unknown = isinstance(error, Unauthenticated)
            await self._socket.close(NOT_AUTHENTICATED if is_unknown else POLICY)

    def _leave(self) -> float:
        """The server stops; in how many seconds the client has been told, at the latest."""
        self._close(RESTART, "restart")
        return 0.0

    def _close(self, code: int, reason: str) -> None:
        self._farewell = code, reason
        self._mailbox.close()

    def _say(self, **fields: object) -> None:
        self._mailbox.say(_text(**fields))

    async def _read(self) -> None:
        while not self._mailbox.is_closing:
            await self._mailbox.heard()
            try:
                async with asyncio.timeout(IDLE_SECONDS):
                    message = await self._socket.receive()
            except TimeoutError:
                self._close(LEFT, "idle")
                break
            if message["type"] == "websocket.disconnect":
                return
            await self._receive(message.get("text"))
        await anyio.sleep_forever()

    async def _receive(self, text: str | None) -> None:
        now = asyncio.get_running_loop().time()
        try:
            self._count(now)
            await self._do(parse(text))
        except Invalid as error:
            self._refuse(error)
            if self._conduct.is_abuse(now):
                self._close(POLICY, "too many faulty messages")
        except TradeError as error:
            self._refuse(error)
        except Exception as error:
            passing = outage(error)
            if passing is None:
                raise
            self._refuse(passing)
        else:
            self._conduct.behaves()

    def _count(self, now: float) -> None:
        if not self._conduct.allows(now):
            raise Invalid(f"More than {self._hub.limits.messages_per_second} messages a second.")

    def _refuse(self, error: TradeError) -> None:
        code = "invalid_field" if isinstance(error, Invalid) else error.code
        self._say(type="error", error=str(error), errorCode=code_of(code))

    async def _do(self, asked: InitialData | History | Ping | Pong) -> None:
        match asked:
            case Ping():
                self._say(type="pong")
            case Pong():
                pass
            case InitialData():
                await self._begin()
                self._say(type="initial_data_response", **await self._initial(asked))
            case History(pane, series, window):
                found = await self._charts.history(self._key, pane, series, window)
                head = {"type": "history_response", "chartId": self._key, "paneId": pane}
                self._say(**head, **found)
            case _:
                assert_never(asked)

    async def _initial(self, asked: InitialData) -> dict[str, Any]:
        if asked.pane is not None and asked.series is not None:
            series = await self._charts.series(self._key, asked.pane, asked.series)
            return {"chartId": self._key, "paneId": asked.pane, **series}
        chart = await self._charts.chart(self._key)
        # Each is read as if it had been asked for by a message of its own.
        self._conduct.pay(
            LOOKUPS_OF_A_MESSAGE * sum(len(pane["series"]) for pane in chart["panes"])
        )
        return asked.of(chart)

    async def _begin(self) -> None:
        """Have all that follows an answer be told: whoever asks has missed what was before."""
        await self._looked.wait()
        if self._is_there:
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._followed.wait()

    async def _follow(self) -> None:
        """From when there is such a chart on; if it is removed, from when there is one again."""
        while True:
            if not self._followed.is_set():
                await self._subscribe()
            self._looked.set()
            await anyio.sleep(LOOK_SECONDS)

    async def _subscribe(self) -> None:
        try:
            topic = f"charts:{await self._charts.id_of(self._key)}"
        except NotFound:
            self._is_there = False
            # What is in it when it is found has come meanwhile.
            self._updates.has_begun = True
            return
        except Exception as error:
            if outage(error) is None:
                raise
            return
        self._is_there = True
        asked = Subscribe(id=None, topics=[topic], history=HISTORY, throttle=0.0, resume={})
        await self._subscriptions.add(asked, self._access.principal)

    async def _ping(self) -> None:
        while True:
            await anyio.sleep(PING_SECONDS)
            self._say(type="ping", timestamp=self._hub.clock.now())

    async def _write(self) -> None:
        try:
            while texts := await self._mailbox.take():
                async with asyncio.timeout(self._hub.limits.send_seconds):
                    for text in texts:
                        for told in self._told(text):
                            with as_disconnect():
                                await self._socket.send_text(told)
        except WebSocketDisconnect:
            self._tasks.cancel_scope.cancel()
            return
        except (Lagged, TimeoutError):
            self._farewell = TRY_LATER, "too slow"
        await self._end()

    def _told(self, text: str) -> list[str]:
        if text.startswith(_OURS):
            return [text]
        frame = orjson.loads(text)
        if "topic" not in frame:
            # The stream's own words for all its clients are no words of this protocol.
            return [text] if frame["type"] == "error" else []
        if frame["type"] == "error":
            self._followed.clear()
            error = NotFound(frame["detail"])
            fields = {"error": str(error), "errorCode": code_of(frame["code"])}
            return [_text(type="error", **fields)]
        if frame["type"] == "snapshot":
            self._followed.set()
        return list(self._updates.translate(frame))

    async def _end(self) -> None:
        await farewell.close(self._socket, self._connection, *self._farewell)
        self._tasks.cancel_scope.cancel()


# Beside errors, which the stream has as well.
_OURS = (
    '{"type":"connected",',
    '{"type":"initial_data_response",',
    '{"type":"history_response",',
    '{"type":"ping",',
    '{"type":"pong"}',
)


def _text(**fields: object) -> str:
    return orjson.dumps(fields).decode()
