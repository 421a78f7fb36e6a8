"""A client that reads a fifth of what is sent to it."""

import json
import threading
import time

import anyio
import anyio.to_thread
import httpx2
import pytest

from tests.faults.guests import PATIENCE_SECONDS
from tests.faults.together import Together
from tests.faults.trading import trading
from tests.hostile.serving import Server
from tests.hostile.wire import CLOSE, PING, frame, frames, say, stream

pytestmark = pytest.mark.anyio

SYMBOLS = [f"CRYPTO:SLOW{number}" for number in range(40)]
RESOLUTIONS = ["1m", "5m", "15m", "30m", "1h", "4h", "1d", "1w", "1M"]
TOPICS = [f"bars:{symbol}:{resolution}" for symbol in SYMBOLS for resolution in RESOLUTIONS]
PONG = 10
BYTES_PER_SECOND = 50_000
ROUNDS = 40
ROUND_SECONDS = 0.2
MEGABYTE = 1024 * 1024


class SlowReader(threading.Thread):
    """`behind` is by how many rounds each bar was old when it was read; `is_out` is whether the
    server has closed.
    """

    def __init__(self, address: tuple[str, int]) -> None:
        super().__init__()
        self._address = address
        self.round = 0
        self.is_over = self.is_out = False
        self.behind: list[int] = []

    def run(self) -> None:
        try:
            self._read()
        except ConnectionResetError:
            self.is_out = True

    def _read(self) -> None:
        with stream(self._address, seconds=30, room=16 * 1024) as opened:
            opened.sendall(say(op="subscribe", topics=TOPICS, history=0))
            begun, heard = time.monotonic(), 0
            for code, data in frames(opened):
                heard += len(data)
                time.sleep(max(0, begun + heard / BYTES_PER_SECOND - time.monotonic()))
                if code == PING:
                    opened.sendall(frame(PONG, data))
                elif code == CLOSE:
                    self.is_out = True
                    return
                elif (told := json.loads(data))["type"] == "bar":
                    self.behind.append(self.round - int(told["bar"][4]))
                if self.is_over:
                    return


@pytest.mark.parametrize("way", ["one", "plain"])
async def test_a_slow_reader_reads_what_is_new_and_hurts_nobody(
    together: Together, way: str
) -> None:
    """What it reads is never much older than at first; the rest of it was replaced in time.

    Through ASGI the kernel can't be told to keep little that is unsent: there the reader falls
    behind by all that it keeps, and may be put out, but costs no more memory and hurts nobody.
    """
    server: Server = getattr(together, way)
    async with (
        trading(server.url) as trades,
        httpx2.AsyncClient(base_url=server.url, timeout=PATIENCE_SECONDS) as http,
    ):
        for symbol in SYMBOLS:
            (await http.put(f"/api/v1/symbols/{symbol}", json={})).raise_for_status()
        reader, conflated = SlowReader(server.address), server.metric("stream_conflated_total")
        reader.start()
        await anyio.sleep(1)
        memory = server.memory
        for number in range(1, ROUNDS + 1):
            reader.round = number
            await post(http, number)
            await anyio.sleep(ROUND_SECONDS)
        reader.is_over = True
        await anyio.to_thread.run_sync(reader.join)
        assert server.memory - memory < 40 * MEGABYTE
        assert not trades.closes
    assert server.metric("stream_conflated_total") > conflated
    if way == "one":
        assert not reader.is_out
        assert max(reader.behind) < ROUNDS / 2


async def post(http: httpx2.AsyncClient, number: int) -> None:
    """Each symbol trades once, at the number of the round."""
    ticks = [
        {"symbol": symbol, "price": number, "size": 1, "time": time.time()} for symbol in SYMBOLS
    ]
    (await http.post("/api/v1/ticks", json=ticks)).raise_for_status()
