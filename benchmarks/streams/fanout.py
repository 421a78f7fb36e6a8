"""One topic to all clients, against others that send the same frames to as many."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import NamedTuple

from benchmarks.figures import Figure
from benchmarks.processes import Served, python, serving
from benchmarks.streams.crowd import LISTENER, Client, gathered, subscriber
from benchmarks.streams.places import fed, place
from benchmarks.streams.publisher import Plan, topic
from benchmarks.streams.stretches import Source, cheapest, in_turns, quickest
from benchmarks.workbench import STREAMS, Workbench

SIZES = 200, 1_000
DELIVERIES_PER_SECOND = 40_000
SECONDS = 1.2
ROUNDS = 3


class Rival(NamedTuple):
    served: Served
    socket: str
    client: Client


def fanout(bench: Workbench) -> Iterator[Figure]:
    with ExitStack() as servers:
        rivals = _rivals(bench, servers)
        for size in SIZES:
            yield from _compare(bench, rivals, size)


def _rivals(bench: Workbench, servers: ExitStack) -> Mapping[str, Rival]:
    """Ours first."""
    here = place(bench, 1)
    served, socket = servers.enter_context(fed(bench, here))
    client = subscriber([topic(here.symbols[0])], here.token(served))
    rivals = {"ours": Rival(served, socket, client)}
    servers_of_others = python("benchmarks.streams.servers")
    commands = {
        "a bare uvicorn loop": [*servers_of_others, "bare"],
        "websockets.broadcast": [*servers_of_others, "broadcast"],
    }
    if bench.ws is not None:
        commands["node ws"] = ["node", str(STREAMS / "broadcast.js"), bench.ws]
    for name, command in commands.items():
        socket = str(bench.folder / name.replace(" ", "-"))
        served = servers.enter_context(serving([*command, socket], {}))
        rivals[name] = Rival(served, socket, LISTENER)
    return rivals


def _compare(bench: Workbench, rivals: Mapping[str, Rival], size: int) -> Iterator[Figure]:
    with ExitStack() as crowds:
        sources = [_source(bench, rival, size, crowds) for rival in rivals.values()]
        ours, *others = in_turns(*sources, rounds=ROUNDS)
    for name, other in zip(list(rivals)[1:], others, strict=True):
        yield Figure(
            what=f"one topic to {size:,}: {name}",
            unit="CPU s/M",
            floor=cheapest(other).cpu,
            ours=cheapest(ours).cpu,
            how=f"{quickest(ours).how}; floor: {quickest(other).how}",
        )


def _source(bench: Workbench, rival: Rival, size: int, crowds: ExitStack) -> Source:
    plan = Plan(
        to="lines",
        place=rival.socket,
        symbols=["BENCH:S000"],
        rate=DELIVERIES_PER_SECOND / size,
        seconds=SECONDS,
    )
    clients = crowds.enter_context(gathered(bench, rival.served.url, [rival.client] * size))
    return Source(plan, [rival.served], [clients], size)
