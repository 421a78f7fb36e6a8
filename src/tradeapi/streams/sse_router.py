"""The live stream over plain HTTP."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import StreamingResponse

from tradeapi.errors import FieldError, Invalid
from tradeapi.streams.bookmark import positions_in
from tradeapi.streams.hub import Hub
from tradeapi.streams.requests import (
    DEFAULT_HISTORY,
    LONGEST_TOPIC,
    MOST_HISTORY,
    MOST_THROTTLE,
    Subscribe,
)
from tradeapi.streams.sse import MOST_TOPICS, Events
from tradeapi.web.principal import NEEDS_STREAM
from tradeapi.web.problems import problems

router = APIRouter(tags=["stream"])


class StreamParameters(BaseModel):
    """What a client asks for, and what it has to say because browsers set no headers."""

    topics: list[str] = Field(
        description=f"Up to {MOST_TOPICS}, separated by commas or given one by one.",
        examples=[["bars:SIM:BTCUSD:1m", "quotes:SIM:BTCUSD"]],
    )
    history: int = Field(
        default=DEFAULT_HISTORY, ge=0, le=MOST_HISTORY, description="How many bars to begin with."
    )
    throttle_ms: int = Field(
        default=0, ge=0, le=MOST_THROTTLE, description="A topic's frames come at most so often."
    )
    last_event_id: str = Field(
        default="", description="The id of the last event you had; the header Last-Event-ID wins."
    )
    ticket: str = Field(default="", description="Who you are, where no header can say it.")


@router.get(
    "/stream",
    summary="Follow topics by server-sent events",
    dependencies=[NEEDS_STREAM],
    response_class=StreamingResponse,
    responses={
        200: {
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
            "description": "Events without an end; the data of each is a frame as `/ws` has it.",
        },
        **problems(422),
    },
)
async def follow(request: Request, asked: Annotated[StreamParameters, Query()]) -> Events:
    """Begins with an `ack`, then each topic with a snapshot, or where the last event was."""
    hub: Hub = request.state.hub
    topics = _topics(asked.topics, min(MOST_TOPICS, hub.limits.topics))
    last = request.headers.get("last-event-id", asked.last_event_id)
    return Events(
        Subscribe(
            id=None,
            topics=topics,
            history=asked.history,
            throttle=asked.throttle_ms / 1000,
            resume=positions_in(last, topics),
        )
    )


def _topics(texts: Sequence[str], most: int) -> Sequence[str]:
    names = dict.fromkeys(name for text in texts for name in text.split(",") if name)
    if not names:
        raise _refuse("topics must name a topic.")
    if len(names) > most:
        detail = f"{len(names)} topics are more than the {most} a stream may have."
        raise _refuse(detail, code="too_many_topics")
    if any(len(name) > LONGEST_TOPIC for name in names):
        raise _refuse(f"A topic is a text of at most {LONGEST_TOPIC} characters.")
    return tuple(names)


def _refuse(detail: str, *, code: str | None = None) -> Invalid:
    return Invalid(detail, code=code, errors=[FieldError("/query/topics", detail)])
