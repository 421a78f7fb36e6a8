"""What a server says on the stream, for the AsyncAPI document.

The stream writes text: no frame ever becomes one of these objects.
"""

from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, RootModel

from tradeapi.streams.access import Standing
from tradeapi.streams.codes import ERRORS
from tradeapi.streams.requests import LONGEST_ID
from tradeapi.web.principal import Scope

Id = int | Annotated[str, Field(max_length=LONGEST_ID)] | None
Code = Annotated[str, Field(json_schema_extra={"enum": [*ERRORS]})]
Time = Annotated[float, Field(description="In seconds since 1970.")]
Seq = Annotated[int, Field(description="Rises with every change of the topic, not by one.")]
Epoch = Annotated[str, Field(description="What `seq` counts; under another it means nothing.")]


class TopicName(RootModel[str]):
    """How one kind of topics is called."""


class Message(BaseModel):
    """One kind of frame; `example` is one."""

    # Only the schemas are asked for, and seldom.
    model_config = ConfigDict(defer_build=True)
    example: ClassVar[str]


class Answer(Message):
    id: Id = Field(description="Of the frame that is answered; null if it had none.")


class Limits(BaseModel):
    """What one socket may ask for."""

    topics: int = Field(description="At a time.")
    frame_bytes: int = Field(description="The longest frame of a client.")
    messages_per_second: int
    burst: int = Field(description="So many messages at once, after a rest.")
    history: int = Field(description="The most bars of a snapshot.")
    throttle_ms: int = Field(description="The longest.")


class Hello(Message):
    """The first frame; `auth` says what is left to do about who you are."""

    example = """{"type": "hello", "version": 1, "connection": "e921cc6079514ac3a456401eff9cf41a",
        "time": 1795217326.361, "heartbeat": 15, "limits": {"topics": 500, "frame_bytes": 65536,
        "messages_per_second": 20, "burst": 60, "history": 5000, "throttle_ms": 60000},
        "auth": "optional"}"""

    type: Literal["hello"]
    version: Literal[1] = Field(description="Of the protocol.")
    connection: str
    time: Time
    heartbeat: float = Field(description="How often one comes, in seconds.")
    limits: Limits
    auth: Standing


class Auth(Answer):
    """The credentials are good: whose the socket is now, and until when."""

    example = """{"type": "auth", "id": 0, "user": "0197a3f2-5d0c-7c52-9d3e-6f1a8be0c1d4",
        "scopes": ["read"], "expires": 1795218226}"""

    type: Literal["auth"]
    user: UUID | None = Field(description="Null where it is a share of somebody's.")
    scopes: list[Scope]
    expires: int | None = Field(
        description="In seconds since 1970; null for an API key without an end."
    )


class AuthExpiring(Message):
    """The socket is closed soon, unless you send `auth` with a new token of the same user."""

    example = '{"type": "auth_expiring", "in": 60}'

    type: Literal["auth_expiring"]
    seconds: int = Field(alias="in", ge=0, description="In so many seconds.")


class Rejected(BaseModel):
    """A topic that could not be had, or let go."""

    topic: str
    code: Code
    detail: str


class Ack(Answer):
    """Every topic of the request was accepted or rejected.

    Nothing of an accepted one comes before; then each begins with `snapshot` or `resumed`.
    """

    example = """{"type": "ack", "id": 1, "topics": ["bars:SIM:BTCUSD:1m"], "rejected": [
        {"topic": "quotes:SIM:NOPE", "code": "unknown_symbol",
        "detail": "There is no symbol SIM:NOPE."}]}"""

    type: Literal["ack"]
    topics: list[str]
    rejected: list[Rejected]


class ReplayState(Answer):
    """A replay has begun, has come to its end, or was stopped."""

    example = '{"type": "replay", "id": 5, "replay": "r1", "state": "started"}'

    type: Literal["replay"]
    replay: str = Field(description="Its name, which its frames have.")
    state: Literal["started", "ended", "stopped"]


class Pong(Answer):
    """The answer to `ping`."""

    example = '{"type": "pong", "id": 3}'

    type: Literal["pong"]


class Resumed(Message):
    """The frames that you missed of the topic follow."""

    example = """{"type": "resumed", "topic": "bars:SIM:BTCUSD:1m", "epoch": "9e7686ee-7",
        "from": 133119, "to": 149502}"""

    type: Literal["resumed"]
    topic: str
    epoch: Epoch
    first: int = Field(alias="from", description="The position after the one you gave.")
    last: int = Field(alias="to", description="The topic's position now.")


class Reset(Message):
    """What you hold of the topic is no longer good; a new snapshot follows."""

    example = """{"type": "reset", "topic": "bars:SIM:BTCUSD:1m", "reason": "backfill",
        "rest": "/api/v1/bars/SIM:BTCUSD?resolution=1m"}"""

    type: Literal["reset"]
    topic: str
    reason: Literal["backfill", "actions", "retention", "epoch"]
    rest: str = Field(description="Where to read it again.")


class Heartbeat(Message):
    """Silence of twice `heartbeat` means a dead connection."""

    example = '{"type": "heartbeat", "time": 1795217328.618}'

    type: Literal["heartbeat"]
    time: Time


class Bye(Message):
    """The server closes because it stops or is full."""

    example = '{"type": "bye", "reason": "restart", "reconnect_in_ms": 4372}'

    type: Literal["bye"]
    reason: Literal["restart", "limit"]
    reconnect_in_ms: int = Field(ge=0)


class Error(Message):
    """With an `id` it answers your frame; with a `topic` or a `replay`, that one is over."""

    example = """{"type": "error", "id": 4, "field": "topics", "code": "too_many_topics",
        "detail": "600 topics are more than the 500 a socket may have."}"""

    type: Literal["error"]
    id: Id = None
    topic: str | None = None
    replay: str | None = Field(None, description="The replay that is over.")
    field: str | None = Field(None, description="Which field of your frame is wrong.")
    code: Code
    detail: str = Field(description="A sentence for people.")


class Snapshot(Message):
    """The topic's state at exactly `seq`: every later change comes with a higher one."""

    type: Literal["snapshot"]
    epoch: Epoch
    seq: Seq


class Update(Message):
    """One change of a topic."""

    seq: Seq
    prev: int = Field(description="The `seq` of the frame before this one, for those who got all.")


class StatusTopic(TopicName):
    """Whether the server hears at once of what other servers write: `status`."""

    root: Annotated[str, Field(pattern="^status$", examples=["status"])]


class Status(BaseModel):
    state: Literal["live", "degraded"] = Field(
        description="While it is degraded, news of other servers is a second or two late."
    )
    since: Time


class StatusSnapshot(Snapshot):
    """The state of the server you are connected to."""

    example = """{"type": "snapshot", "topic": "status", "epoch": "0134e647", "seq": 1022,
        "status": {"state": "live", "since": 1795217326.361}}"""

    topic: StatusTopic
    status: Status


class StatusUpdate(Update, Status):
    """The server's state is another one."""

    example = """{"type": "status", "topic": "status", "seq": 2046, "prev": 1022,
        "state": "degraded", "since": 1795217411.021}"""

    type: Literal["status"]
    topic: StatusTopic


MESSAGES: tuple[type[Message], ...] = (
    Hello,
    Auth,
    AuthExpiring,
    Ack,
    Resumed,
    Reset,
    Pong,
    ReplayState,
    Error,
    Heartbeat,
    Bye,
    StatusSnapshot,
    StatusUpdate,
)
