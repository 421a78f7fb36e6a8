"""Which spans are kept, and what they may say. It is imported where tracing is on only."""

import random
from collections.abc import Sequence

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.sdk.trace.sampling import Decision, ParentBased, Sampler, SamplingResult
from opentelemetry.trace import Link, SpanKind, Status, TraceState
from opentelemetry.util.types import Attributes
from starlette.types import Scope

from tradeapi.logging import REDACTED
from tradeapi.web.path_tokens import take_token

BEGINNINGS = (SpanKind.SERVER, SpanKind.CONSUMER)


def sampler(ratio: float) -> Sampler:
    """A caller's trace goes on under its id, but whether it is kept is not theirs to say.

    Else strangers could have us keep everything: by the flag that they send, or by ids of which a
    ratio of them knows which it keeps.
    """
    chance = Chance(ratio)
    return ParentBased(root=chance, remote_parent_sampled=chance, remote_parent_not_sampled=chance)


class Chance(Sampler):
    """So many of the requests and jobs. What we ask the database by ourselves begins none."""

    def __init__(self, ratio: float) -> None:
        self._ratio = ratio

    def should_sample(  # noqa: PLR0913, PLR0917  they are the interface's
        self,
        parent_context: Context | None,  # noqa: ARG002
        trace_id: int,  # noqa: ARG002
        name: str,  # noqa: ARG002
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,  # noqa: ARG002
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        is_kept = kind in BEGINNINGS and random.random() < self._ratio  # noqa: S311  no secret
        decision = Decision.RECORD_AND_SAMPLE if is_kept else Decision.DROP
        return SamplingResult(decision, attributes if is_kept else None, trace_state)

    def get_description(self) -> str:
        return f"Chance({self._ratio})"


class Discreet(SpanProcessor):
    """Takes out what may be secret: tokens in paths, all of queries, and what errors say."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:  # noqa: ARG002
        attributes = span.attributes or {}
        if "url.path" in attributes:
            scope: Scope = {"path": str(attributes["url.path"])}
            take_token(scope)
            span.set_attribute("url.path", scope["path"])
        if "url.query" in attributes:
            span.set_attribute("url.query", REDACTED)

    def on_end(self, span: ReadableSpan) -> None:
        """PostgreSQL tells of values that it does not take: an address that is taken, for one."""
        # It is the same one that is sent; whoever began it records all errors, as libraries do.
        span._events = ()  # noqa: SLF001
        span._status = Status(span.status.status_code)  # noqa: SLF001
