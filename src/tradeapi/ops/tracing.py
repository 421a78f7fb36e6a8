"""Traces of requests and jobs, sent to a collector by OTLP.

The libraries are imported where there is one only: they take their time and memory.
"""
# ruff: noqa: PLC0415

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio

from tradeapi.settings import Settings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

EXPORT_SECONDS = 5
# What is not sent by then is lost: a collector that is away must not keep us from stopping.
STOP_SECONDS = 3
# Requests take no notice of a collector that is away or slow: what is over this is dropped.
MOST_WAITING = 2048
# Of one value. Addresses have what strangers put into them, up to 64 KiB.
LONGEST_VALUE = 4096


def provider_of(settings: Settings) -> "TracerProvider | None":
    """None: tracing is off."""
    if settings.otel_exporter_otlp_endpoint is None:
        return None
    from opentelemetry import propagate, trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import SpanLimits, TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    from tradeapi.ops.spans import Discreet, sampler

    endpoint = settings.otel_exporter_otlp_endpoint.rstrip("/")
    exporter = OTLPSpanExporter(f"{endpoint}/v1/traces", timeout=EXPORT_SECONDS)
    provider = TracerProvider(
        sampler=sampler(settings.otel_traces_sampler_arg),
        resource=Resource.create({"service.name": settings.otel_service_name}),
        span_limits=SpanLimits(max_span_attribute_length=LONGEST_VALUE),
        shutdown_on_exit=False,
    )
    provider.add_span_processor(Discreet())
    provider.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=MOST_WAITING))
    trace.set_tracer_provider(provider)
    # Nothing else that callers send along, such as baggage.
    propagate.set_global_textmap(TraceContextTextMapPropagator())
    return provider


@asynccontextmanager
async def tracing(provider: "TracerProvider | None") -> AsyncIterator[None]:
    """What asks the database and Redis is part of the traces; ends with sending what there is."""
    if provider is None:
        yield
        return
    from opentelemetry.instrumentation.asyncpg import AsyncPGInstrumentor
    from opentelemetry.instrumentation.redis import RedisInstrumentor

    instrumentors = (
        AsyncPGInstrumentor(),  # type: ignore[no-untyped-call]
        RedisInstrumentor(),
    )
    for instrumentor in instrumentors:
        instrumentor.instrument(tracer_provider=provider)
    try:
        yield
    finally:
        for instrumentor in instrumentors:
            instrumentor.uninstrument()
        with anyio.move_on_after(STOP_SECONDS, shield=True):
            await anyio.to_thread.run_sync(provider.shutdown, abandon_on_cancel=True)
