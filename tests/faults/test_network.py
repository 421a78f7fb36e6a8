"""Wires that are cut or say nothing more, between clients and the server."""

import ctypes
import socket
import struct

import anyio
import pytest

from tests.faults.trading import eventually, trading
from tests.hostile.serving import Server
from tests.hostile.wire import said, say, stream
from tests.streams.cable import Cable

pytestmark = pytest.mark.anyio

# Linux's number of the option, which Python does not name.
SO_ATTACH_FILTER = 26
DROP_EVERYTHING = struct.pack("HBBI", 0x06, 0, 0, 0)


@pytest.mark.parametrize(("crowd", "cuts"), [(0, [0.1, 0.5, 1]), (200, [0, 0, 0])])
async def test_who_is_cut_off_goes_on_where_he_stopped(
    server: Server, crowd: int, cuts: list[float]
) -> None:
    """What he has missed is known, so no bars are read anew; also when hundreds come at once."""
    async with (
        Cable(server.url) as cable,
        trading(server.url, guests_at=[cable.url], crowd=crowd) as trades,
    ):
        begun = trades.kinds["snapshot"]
        for seconds in cuts:
            await cable.cut()
            await anyio.sleep(seconds)
            await cable.mend()
            await trades.go_on()
        series = sum(topic.startswith("bars:") for one in trades.guests for topic in one.charts)
        assert trades.kinds["resumed"] == series * len(cuts)
        quotes = sum(len(guest.charts) for guest in trades.guests) - series
        assert trades.kinds["snapshot"] == begun + quotes * len(cuts)
        assert set(trades.closes) == {None}


@pytest.mark.parametrize("seconds", [1, 8])
async def test_what_was_on_its_way_arrives_or_is_sent_again(server: Server, seconds: int) -> None:
    """The network loses everything and says nothing, for less or more than a ping is waited for."""
    async with (
        Cable(server.url) as cable,
        trading(server.url, guests_at=[cable.url], patience=4) as trades,
    ):
        cable.hold()
        await anyio.sleep(seconds)
        cable.release()
        await trades.go_on()


async def test_a_trade_that_is_sent_again_counts_once(server: Server) -> None:
    """It was taken, and the answer was lost."""
    async with (
        Cable(server.url) as cable,
        trading(cable.url, guests_at=[server.url]) as trades,
    ):
        cable.mute()
        # By now another one is on its way.
        await anyio.sleep(0.3)
        await trades.hear_all()
        await cable.cut()
        cable.release()
        await cable.mend()
        await trades.go_on()
        assert trades.trader.repeated


async def test_a_client_that_is_gone_without_a_word_is_forgotten(server: Server) -> None:
    """Its kernel acknowledges nothing more, whether anything is sent to it or not."""
    async with trading(server.url) as trades:
        with stream(server.address) as idle, stream(server.address) as following:
            following.sendall(say(op="subscribe", topics=list(trades.guests[0].charts)))
            said(following, "snapshot")
            known = server.metric("stream_clients")
            for gone in (idle, following):
                fall_silent(gone)
            await eventually(lambda: server.metric("stream_clients") == known - 2)
        assert not trades.closes


def fall_silent(gone: socket.socket) -> None:
    """Drop all that arrives, before the kernel answers it."""
    code = ctypes.create_string_buffer(DROP_EVERYTHING)
    program = struct.pack("HL", len(DROP_EVERYTHING) // 8, ctypes.addressof(code))
    gone.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)
