"""Everybody reconnects at once, each having missed a minute of all that it watches."""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx2
import orjson
from websockets.sync.client import connect

from benchmarks.figures import Figure
from benchmarks.processes import Served, cpu_seconds, forget_peak, peak, python, serving, tradeapi
from benchmarks.streams.crowd import LISTENER, Client, Heard, Positions, crowd, gathered
from benchmarks.streams.places import Place, place
from benchmarks.streams.publisher import stamp, topic
from benchmarks.streams.watchlists import SYMBOLS, WATCHED, following, watching
from benchmarks.workbench import Workbench

CLIENTS = 1_000
# Of each symbol: a minute's, told in less.
MISSED = 60


class Return(NamedTuple):
    """`seconds` until all were ready, and what of the CPU's the server took for that."""

    seconds: float
    cpu: float
    heard: Heard


def storm(bench: Workbench) -> Iterator[Figure]:
    command = python("benchmarks.streams.servers", "bare", str(bench.folder / "stormed"))
    with serving(command, {}) as bare:
        floor = _return(bench, bare, [LISTENER] * CLIENTS)
    here = place(bench, SYMBOLS)
    with serving(tradeapi("serve"), here.settings) as served:
        token = here.token(served)
        # Whoever stays keeps the topics open.
        with gathered(bench, served.url, [following(here.symbols, token)]):
            positions = _positions(served, here.symbols, token)
            _miss(served, here, token, MISSED - 1)
            newest = stamp()
            _miss(served, here, token, 1)
            clients = watching(here.symbols, CLIENTS, token, positions)
            before = forget_peak(served)
            ours = _return(bench, served, clients, fresh=newest)
            most = peak(served)
    what = f"{CLIENTS:,} x {WATCHED} reconnect at once"
    yield Figure(
        what=f"{what}, until all caught up",
        unit="s",
        floor=floor.seconds,
        ours=ours.seconds,
        how=f"each missed {MISSED} updates of each topic; {ours.heard.bytes / 1e6:.1f} MB sent; "
        "floor: as many let in by a bare uvicorn",
    )
    yield Figure(what=f"{what}, of the server", unit="CPU s", floor=floor.cpu, ours=ours.cpu)
    lost = CLIENTS - ours.heard.ready + ours.heard.errors
    yield Figure(what=f"{what}, errors", unit="-", ours=lost, at_most=0)
    yield Figure(
        what=f"{what}, peak memory", unit="MB", floor=before, ours=most, how="floor: before it"
    )


def _return(
    bench: Workbench, served: Served, clients: Sequence[Client], *, fresh: int = 0
) -> Return:
    before = cpu_seconds(served.pid)
    with crowd(bench, served.url, clients, fresh=fresh) as back:
        seconds, heard = back.settle()
    return Return(seconds, cpu_seconds(served.pid) - before, heard)


def _positions(served: Served, symbols: Sequence[str], token: str) -> Positions:
    """Where the topics stand."""
    topics = [topic(symbol) for symbol in symbols]
    address = urlsplit(served.url)
    url = f"ws://{address.netloc}/ws"
    positions: dict[str, Mapping[str, object]] = {}
    caller = {"Authorization": f"Bearer {token}"}
    with connect(url, additional_headers=caller, compression=None, proxy=None) as socket:
        socket.send(orjson.dumps({"op": "subscribe", "topics": topics}), text=True)
        for text in socket:
            frame = orjson.loads(text)
            if frame["type"] == "snapshot":
                positions[frame["topic"]] = {name: frame[name] for name in ("epoch", "seq")}
            if len(positions) == len(topics):
                break
    return positions


def _miss(served: Served, here: Place, token: str, times: int) -> None:
    """All symbols change so many times."""
    caller = {"Authorization": f"Bearer {token}"}
    with httpx2.Client(base_url=served.url, headers=caller, timeout=30) as client:
        for _ in range(times):
            now = {"price": stamp(), "size": 1, "time": time.time()}
            ticks = [{"symbol": symbol, **now} for symbol in here.symbols]
            client.post("/api/v1/ticks", json={"items": ticks}).raise_for_status()
