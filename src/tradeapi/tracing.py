"""The trace that work belongs to, and how a job takes it along; nothing where tracing is off."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, StatusCode, TraceFlags
from structlog.contextvars import bound_contextvars

# As W3C Trace Context has it, for which a dependency of its own is too much.
TRACEPARENT = "traceparent"
_VERSION = "00"


def name_of(span: trace.Span) -> str:
    """The id of its trace, as logs have it."""
    return trace.format_trace_id(span.get_span_context().trace_id)


def carried() -> dict[str, str]:
    """What a job takes along, so that it is part of the same trace; nothing if that is not kept."""
    context = trace.get_current_span().get_span_context()
    if not context.trace_flags.sampled:
        return {}
    ids = trace.format_trace_id(context.trace_id), trace.format_span_id(context.span_id)
    return {TRACEPARENT: "-".join((_VERSION, *ids, "01"))}


@contextmanager
def resumed(name: str, headers: Mapping[str, object] | None) -> Iterator[None]:
    """Do a job as part of the trace that it was asked for in, or of one of its own."""
    parent = _parent(str((headers or {}).get(TRACEPARENT, "")))
    context = trace.set_span_in_context(NonRecordingSpan(parent)) if parent else None
    with trace.get_tracer("tradeapi").start_as_current_span(
        name,
        context=context,
        kind=SpanKind.CONSUMER,
        # What it says may be secret; the log has it, without that.
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        if not span.get_span_context().is_valid:
            yield
            return
        with bound_contextvars(trace_id=name_of(span)):
            try:
                yield
            except Exception as error:
                span.set_attribute("error.type", type(error).__name__)
                span.set_status(StatusCode.ERROR)
                raise


def _parent(text: str) -> SpanContext | None:
    """We have written it ourselves, so that it is kept if that was: it does not come from far."""
    parts = text.split("-")
    if len(parts) != 4:
        return None
    ids = int(parts[1], 16), int(parts[2], 16)
    return SpanContext(*ids, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))
