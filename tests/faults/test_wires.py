"""A wire between two networks that is pulled out, which neither of its ends is told."""

import json
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

from tests.faults.conftest import SETTINGS
from tests.faults.networks import HERE, WIRE, two_networks
from tests.hostile.serving import Server, eventually, serve
from tests.streams.documented import frame_of

SYMBOL = "CRYPTO:FAR"


def test_clients_at_a_wire_that_is_pulled_out_are_forgotten(
    sqlite_url: str, tmp_path: Path
) -> None:
    """Whether something is on its way to them or not, and without a trace; who has another wire
    hears everything meanwhile.
    """
    with ExitStack() as resources:
        here, there = resources.enter_context(two_networks())
        resources.enter_context(here.inside())
        server = resources.enter_context(serve(sqlite_url, tmp_path, HOST=HERE, **SETTINGS))
        server.put(f"/symbols/{SYMBOL}")
        near = resources.enter_context(visiting(server))
        follow(near)
        with there.inside():
            resources.enter_context(visiting(server))
            follow(resources.enter_context(visiting(server)))
        assert server.metric("stream_clients") == 3
        there.ip("link", "set", WIRE, "down")
        for _ in eventually(30):
            price = trade(server)
            while hear(near, "quote")["quote"]["last"] != price:
                pass
            if server.metric("stream_clients") == 1:
                break
        for _ in eventually(30):
            # The one that asks, and the one that is near.
            if server.sockets == 2:
                break
        assert server.crashes == []


def visiting(server: Server) -> ClientConnection:
    """Answers pings, for as long as any arrive."""
    url = f"ws://{HERE}:{server.address[1]}/ws"
    return connect(url, proxy=None, ping_interval=None, close_timeout=0.5)


def follow(guest: ClientConnection) -> None:
    guest.send(json.dumps({"op": "subscribe", "topics": [f"quotes:{SYMBOL}"]}))
    hear(guest, "snapshot")


def hear(guest: ClientConnection, type: str) -> Mapping[str, Any]:
    """The next frame of this type."""
    while (frame := frame_of(guest.recv(timeout=10)))["type"] != type:
        pass
    return frame


def trade(server: Server) -> float:
    """The price, which is another one each time."""
    price = round(time.time() % 1000, 3)
    tick = {"symbol": SYMBOL, "price": price, "size": 1, "time": time.time()}
    server.post("/ticks", [tick])
    return price
