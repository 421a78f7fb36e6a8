"""What a client says on the stream, for the AsyncAPI document."""

from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, Field, RootModel

from tradeapi.streams.messages import Ack, Auth, Id, Message, Pong, ReplayState
from tradeapi.streams.requests import (
    DEFAULT_HISTORY,
    FASTEST,
    LONGEST_ID,
    LONGEST_TOKEN,
    LONGEST_TOPIC,
    MOST_HISTORY,
    MOST_THROTTLE,
)

AnyTopic = Annotated[str, Field(min_length=1, max_length=LONGEST_TOPIC)]


class Operation(Message):
    """Answered with `answer` or an `error`."""

    answer: ClassVar[type[Message]]
    id: Id = Field(None, description="The answer has it.")


class Topics(RootModel[list[str]]):
    """What is followed, by name."""

    root: Annotated[list[AnyTopic], Field(min_length=1)]


class Position(BaseModel):
    """Where you stopped."""

    epoch: str = Field(description="Of the topic's last snapshot.")
    seq: int = Field(description="The last one you applied.")


class Authenticate(Operation):
    """Say who you are, or go on being it."""

    example = '{"op": "auth", "id": 0, "token": "tk_4fZq8Lm2_..."}'
    answer = Auth

    op: Literal["auth"]
    token: str = Field(
        min_length=1, max_length=LONGEST_TOKEN, description="An access token or an API key."
    )


class Subscribe(Operation):
    """Follow topics; one that you hold gets these options, and a new snapshot."""

    example = """{"op": "subscribe", "id": 1, "topics": ["bars:SIM:BTCUSD:1m",
        "quotes:SIM:BTCUSD"], "history": 300, "throttle_ms": 250,
        "resume": {"bars:SIM:BTCUSD:1m": {"epoch": "9e7686ee-7", "seq": 133118}}}"""
    answer = Ack

    op: Literal["subscribe"]
    topics: Topics
    history: int = Field(
        DEFAULT_HISTORY, ge=0, le=MOST_HISTORY, description="How many bars a snapshot has."
    )
    throttle_ms: int = Field(
        0, ge=0, le=MOST_THROTTLE, description="At most one burst of a topic's frames in so long."
    )
    resume: dict[str, Position] = Field({}, description="Where you stopped, by topic.")


class Unsubscribe(Operation):
    """Follow topics no longer."""

    example = '{"op": "unsubscribe", "id": 2, "topics": ["quotes:SIM:BTCUSD"]}'
    answer = Ack

    op: Literal["unsubscribe"]
    topics: Topics


class Replay(Operation):
    """Play what a topic was once more, as if it happened now."""

    example = """{"op": "replay", "id": 5, "topic": "bars:SIM:BTCUSD:1m",
        "start": "2024-06-03T14:30:00Z", "end": 1717426800, "speed": 60}"""
    answer = ReplayState

    op: Literal["replay"]
    topic: AnyTopic
    start: int | float | str = Field(description="In seconds, milliseconds or ISO 8601.")
    end: int | float | str | None = Field(None, description="The same; until now without.")
    speed: int | float = Field(1, ge=1, le=FASTEST, description="So many seconds in one.")


class StopReplay(Operation):
    """End a replay."""

    example = '{"op": "stop_replay", "id": 6, "replay": "r1"}'
    answer = ReplayState

    op: Literal["stop_replay"]
    replay: str = Field(min_length=1, max_length=LONGEST_ID)


class Ping(Operation):
    """Ask for a sign of life."""

    example = '{"op": "ping", "id": 3}'
    answer = Pong

    op: Literal["ping"]


OPERATIONS: tuple[type[Operation], ...] = (
    Authenticate,
    Subscribe,
    Unsubscribe,
    Replay,
    StopReplay,
    Ping,
)
