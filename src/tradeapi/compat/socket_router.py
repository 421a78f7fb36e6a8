"""Where the socket of this protocol is."""

import re

from fastapi import APIRouter, WebSocket

from tradeapi import metrics
from tradeapi.charts.sources import LONGEST_NAME, NAME
from tradeapi.compat.socket import ProSocket
from tradeapi.streams.codes import POLICY, TRY_LATER
from tradeapi.streams.hub import Hub
from tradeapi.streams.protocol import SUBPROTOCOL

router = APIRouter()

_is_name = re.compile(NAME).fullmatch


@router.websocket("/ws/charts/{chart:path}")
async def follow(socket: WebSocket, chart: str) -> None:
    hub: Hub = socket.state.hub
    offered = SUBPROTOCOL in socket.scope["subprotocols"]
    await socket.accept(SUBPROTOCOL if offered else None)
    if len(chart) > LONGEST_NAME or not _is_name(chart):
        await socket.close(POLICY, "no such id")
        return
    if hub.is_full:
        await socket.close(TRY_LATER, "too many connections")
        return
    with hub.mailbox() as mailbox, metrics.STREAM_CLIENTS.track_inprogress():
        await ProSocket(socket, hub, mailbox, chart).run()
