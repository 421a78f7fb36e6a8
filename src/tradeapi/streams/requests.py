"""What clients say on a socket: their frames become requests, or are refused."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeGuard

import orjson

from tradeapi.streams.limits import Limits

DEFAULT_HISTORY = 300
MOST_HISTORY = 5000
MOST_THROTTLE = 60_000
LONGEST_ID = 64
LONGEST_TOPIC = 200
LONGEST_TOKEN = 4096
FASTEST = 100_000

Id = int | str | None


class Refused(Exception):
    """A client frame that can't be honoured; what the `error` frame says about it."""

    def __init__(self, code: str, detail: str, *, field: str | None = None, id: Id = None) -> None:
        super().__init__(detail)
        self.code = code
        self.field = field
        self.id = id


@dataclass(frozen=True, slots=True)
class Position:
    """How far a client has read a topic."""

    epoch: str
    seq: int


@dataclass(frozen=True, slots=True)
class Authenticate:
    """`token` is an access token or an API key."""

    id: Id
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Subscribe:
    """`throttle` is in seconds."""

    id: Id
    topics: Sequence[str]
    history: int
    throttle: float
    resume: Mapping[str, Position]


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    id: Id
    topics: Sequence[str]


@dataclass(frozen=True, slots=True)
class Replay:
    """`start` and `end` are as the client wrote them: what they mean is up to the topic."""

    id: Id
    topic: str
    start: object
    end: object
    speed: float


@dataclass(frozen=True, slots=True)
class StopReplay:
    id: Id
    replay: str


@dataclass(frozen=True, slots=True)
class Ping:
    id: Id


@dataclass(frozen=True, slots=True)
class Rejected:
    """A topic of a request that could not be had."""

    topic: str
    code: str
    detail: str


Request = Authenticate | Subscribe | Unsubscribe | Replay | StopReplay | Ping


def parse(text: str, limits: Limits) -> Request:
    """What a text frame asks for; raises Refused. Fields that are not known are ignored."""
    try:
        frame = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Refused("bad_frame", f"The frame is not JSON: {error}.") from error
    if not isinstance(frame, dict):
        raise Refused("bad_frame", "A frame is one JSON object.")
    id = _id(frame)
    op = frame.get("op")
    if not isinstance(op, str):
        raise Refused("invalid_field", "op must be a string.", field="op", id=id)
    request = _OPS.get(op)
    if request is None:
        names = ", ".join(_OPS)
        raise Refused("unknown_op", f"There is no op {op[:40]!r}; the ops are {names}.", id=id)
    try:
        return request(id, frame, limits)
    except Refused as refused:
        refused.id = id
        raise


def _authenticate(id: Id, frame: Mapping[str, object], _: Limits) -> Authenticate:
    token = frame.get("token")
    if isinstance(token, str) and 0 < len(token) <= LONGEST_TOKEN:
        return Authenticate(id, token)
    detail = f"token must be a string of at most {LONGEST_TOKEN} characters."
    raise Refused("invalid_field", detail, field="token")


def _subscribe(id: Id, frame: Mapping[str, object], limits: Limits) -> Subscribe:
    return Subscribe(
        id=id,
        topics=_topics(frame, limits),
        history=_number(frame, "history", DEFAULT_HISTORY, MOST_HISTORY),
        throttle=_number(frame, "throttle_ms", 0, MOST_THROTTLE) / 1000,
        resume=_positions(frame),
    )


def _unsubscribe(id: Id, frame: Mapping[str, object], limits: Limits) -> Unsubscribe:
    return Unsubscribe(id, _topics(frame, limits))


def _replay(id: Id, frame: Mapping[str, object], _: Limits) -> Replay:
    topic, start = frame.get("topic"), frame.get("start")
    if not _is_topic(topic):
        detail = f"topic must be a string of at most {LONGEST_TOPIC} characters."
        raise Refused("invalid_field", detail, field="topic")
    if start is None:
        raise Refused("invalid_field", "start must be a time.", field="start")
    return Replay(id, topic, start, frame.get("end"), _speed(frame))


def _stop_replay(id: Id, frame: Mapping[str, object], _: Limits) -> StopReplay:
    replay = frame.get("replay")
    if isinstance(replay, str) and 0 < len(replay) <= LONGEST_ID:
        return StopReplay(id, replay)
    detail = "replay must be the name of one, as its start was answered with."
    raise Refused("invalid_field", detail, field="replay")


def _ping(id: Id, _: Mapping[str, object], __: Limits) -> Ping:
    return Ping(id)


_OPS: dict[str, Callable[[Id, Mapping[str, object], Limits], Request]] = {
    "auth": _authenticate,
    "subscribe": _subscribe,
    "unsubscribe": _unsubscribe,
    "replay": _replay,
    "stop_replay": _stop_replay,
    "ping": _ping,
}


def _id(frame: Mapping[str, object]) -> Id:
    id = frame.get("id")
    if id is None or (isinstance(id, int) and not isinstance(id, bool)):
        return id
    if isinstance(id, str) and len(id) <= LONGEST_ID:
        return id
    detail = f"id must be an integer or a string of at most {LONGEST_ID} characters."
    raise Refused("invalid_field", detail, field="id")


def _topics(frame: Mapping[str, object], limits: Limits) -> Sequence[str]:
    topics = frame.get("topics")
    if not isinstance(topics, list) or not topics:
        raise Refused("invalid_field", "topics must be a list of topics.", field="topics")
    if len(topics) > limits.topics:
        detail = f"{len(topics)} topics are more than the {limits.topics} a socket may have."
        raise Refused("too_many_topics", detail, field="topics")
    if not all(map(_is_topic, topics)):
        detail = f"A topic is a string of at most {LONGEST_TOPIC} characters."
        raise Refused("invalid_field", detail, field="topics")
    return tuple(dict.fromkeys(topics))


def _is_topic(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and 0 < len(value) <= LONGEST_TOPIC


def _number(frame: Mapping[str, object], name: str, default: int, most: int) -> int:
    number = frame.get(name, default)
    if isinstance(number, int) and not isinstance(number, bool) and 0 <= number <= most:
        return number
    raise Refused("invalid_field", f"{name} must be an integer from 0 to {most}.", field=name)


def _speed(frame: Mapping[str, object]) -> float:
    speed = frame.get("speed", 1)
    if not isinstance(speed, bool) and isinstance(speed, int | float) and 1 <= speed <= FASTEST:
        return speed
    detail = f"speed must be a number from 1 to {FASTEST}."
    raise Refused("invalid_field", detail, field="speed")


def _positions(frame: Mapping[str, object]) -> Mapping[str, Position]:
    resume = frame.get("resume", {})
    if not isinstance(resume, dict):
        raise Refused("invalid_field", "resume must be an object by topic.", field="resume")
    return {topic: _position(value) for topic, value in resume.items()}


def _position(value: object) -> Position:
    if isinstance(value, dict):
        epoch, seq = value.get("epoch"), value.get("seq")
        if isinstance(epoch, str) and isinstance(seq, int) and not isinstance(seq, bool):
            return Position(epoch, seq)
    detail = 'resume gives each topic {"epoch": a string, "seq": an integer}.'
    raise Refused("invalid_field", detail, field="resume")
