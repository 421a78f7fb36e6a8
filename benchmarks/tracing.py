"""What traces cost: quotes without any, with one request of a hundred traced, and with all."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack

from benchmarks.costs import cost, in_turns
from benchmarks.figures import Figure
from benchmarks.market import LIVE, fill
from benchmarks.processes import in_development, serving, tradeapi
from benchmarks.workbench import Workbench
from tests.monitoring.collector import collecting

PATH = f"/api/v1/quotes?symbols={LIVE.symbol}"


def tracing(bench: Workbench) -> Iterator[Figure]:
    with ExitStack() as resources:
        collector = resources.enter_context(collecting())
        services = []
        for ratio in (None, "0.01", "1"):
            # One process serves a database.
            url = bench.databases.clone()
            asyncio.run(fill(url, LIVE))
            settings = in_development(url)
            if ratio is not None:
                settings["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.address
                settings["OTEL_TRACES_SAMPLER_ARG"] = ratio
            services.append(resources.enter_context(serving(tradeapi("serve"), settings)))
        off, some, every = in_turns(*(cost(service, PATH) for service in services))
        assert collector.spans
    yield Figure(
        what="quotes, one of a hundred traced",
        unit="µs CPU",
        floor=off.cpu,
        ours=some.cpu,
        at_most=1.5,
        how="PostgreSQL, against no traces",
    )
    yield Figure(
        what="quotes, all traced",
        unit="µs CPU",
        floor=off.cpu,
        ours=every.cpu,
        how="the same; what is over 2,048 waiting spans is dropped",
    )
