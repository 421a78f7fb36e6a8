"""The live stream's endpoint."""

from functools import partial

from fastapi import APIRouter, WebSocket

from tradeapi import metrics
from tradeapi.streams import farewell, protocol
from tradeapi.streams.codes import TRY_LATER
from tradeapi.streams.connection import connection_of
from tradeapi.streams.hub import Hub
from tradeapi.streams.session import Session

router = APIRouter()


@router.websocket("/ws")
async def stream(socket: WebSocket) -> None:
    hub: Hub = socket.state.hub
    offered = protocol.SUBPROTOCOL in socket.scope["subprotocols"]
    await socket.accept(protocol.SUBPROTOCOL if offered else None)
    if hub.is_full:
        await socket.send_text(farewell.full())
        await socket.close(TRY_LATER, "too many connections")
        return
    await connection_of(socket).carry(partial(_serve, socket, hub))


async def _serve(socket: WebSocket, hub: Hub) -> None:
    with hub.mailbox() as mailbox, metrics.STREAM_CLIENTS.track_inprogress():
        await Session(socket, socket.state.authenticator, hub, mailbox).run()
