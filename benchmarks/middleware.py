"""What is wrapped around every request: one small route with all of it, and with nothing."""

from collections.abc import Iterator

from benchmarks.costs import cost, in_turns
from benchmarks.figures import Figure
from benchmarks.processes import in_development, python, serving, tradeapi
from benchmarks.workbench import Workbench

PATH = "/health"


def middleware(bench: Workbench) -> Iterator[Figure]:
    alone, wrapped = (in_development(bench.sqlite(name)) for name in ("alone", "wrapped"))
    with (
        serving(python("benchmarks.serve", "unwrapped"), alone) as without,
        serving(tradeapi("serve"), wrapped) as ours,
    ):
        route, whole = in_turns(cost(without, PATH), cost(ours, PATH))
    yield Figure(
        what="middleware, per request",
        unit="µs CPU",
        ours=whole.cpu - route.cpu,
        at_most=60,
        how=f"{PATH}: {whole.cpu:.0f} with it, {route.cpu:.0f} without",
    )
