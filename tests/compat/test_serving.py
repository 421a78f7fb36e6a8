"""The socket of lightweight-charts-pro behind a real server."""

import anyio
import orjson
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.streams.conftest import running
from tradeapi.app import create_app
from tradeapi.settings import Settings

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("protocol", [{}, {"ws": "websockets-sansio"}], ids=["direct", "plain"])
async def test_a_server_that_stops_says_so(sqlite_url: str, protocol: dict[str, str]) -> None:
    """By its close code, so that the page comes back to another."""
    settings = Settings(database_url=sqlite_url, demo=False, drain_seconds=0)
    async with running(create_app(settings), settings, **protocol) as server:
        url = f"ws://127.0.0.1:{server.port}/ws/charts/desk"
        async with connect(url, proxy=None) as socket:
            assert orjson.loads(await socket.recv())["type"] == "connected"
            await socket.send('{"type": "ping"}')
            assert orjson.loads(await socket.recv()) == {"type": "pong"}
            server.stop()
            with pytest.raises(ConnectionClosed) as closed, anyio.fail_after(10):
                await socket.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1012
