"""What servers say on a socket: frames as text."""

from collections.abc import Mapping, Sequence

import orjson

from tradeapi.streams.limits import Limits
from tradeapi.streams.requests import MOST_HISTORY, MOST_THROTTLE, Id, Refused, Rejected
from tradeapi.web.principal import Principal, Scope

VERSION = 1
SUBPROTOCOL = "tradeapi.v1"


def encode(frame: Mapping[str, object]) -> str:
    return orjson.dumps(frame, option=orjson.OPT_SERIALIZE_NUMPY).decode()


def hello(connection: str, time: float, limits: Limits, auth: str) -> str:
    return encode(
        {
            "type": "hello",
            "version": VERSION,
            "connection": connection,
            "time": round(time, 3),
            "heartbeat": limits.heartbeat_seconds,
            "limits": {
                "topics": limits.topics,
                "frame_bytes": limits.frame_bytes,
                "messages_per_second": limits.messages_per_second,
                "burst": limits.burst,
                "history": MOST_HISTORY,
                "throttle_ms": MOST_THROTTLE,
            },
            "auth": auth,
        }
    )


def auth(id: Id, principal: Principal) -> str:
    scopes = [scope for scope in Scope if scope in principal.scopes]
    expires = None if principal.expires is None else int(principal.expires)
    frame = {"type": "auth", "id": id, "user": principal.user, "scopes": scopes}
    return encode(frame | {"expires": expires})


def auth_expiring(seconds: float) -> str:
    return encode({"type": "auth_expiring", "in": round(seconds)})


def ack(id: Id, topics: Sequence[str], rejected: Sequence[Rejected]) -> str:
    return encode({"type": "ack", "id": id, "topics": topics, "rejected": rejected})


def replay(id: Id, replay: str, state: str) -> str:
    return encode({"type": "replay", "id": id, "replay": replay, "state": state})


def pong(id: Id) -> str:
    return encode({"type": "pong", "id": id})


def error(code: str, detail: str, **more: object) -> str:
    return encode({"type": "error", **more, "code": code, "detail": detail})


def refusal(refused: Refused) -> str:
    field = {"field": refused.field} if refused.field is not None else {}
    return error(refused.code, str(refused), id=refused.id, **field)


def heartbeat(time: float) -> str:
    return encode({"type": "heartbeat", "time": round(time, 3)})


def bye(reason: str, reconnect_in: float) -> str:
    milliseconds = round(reconnect_in * 1000)
    return encode({"type": "bye", "reason": reason, "reconnect_in_ms": milliseconds})


def reset(topic: str, reason: str, rest: str) -> str:
    return encode({"type": "reset", "topic": topic, "reason": reason, "rest": rest})


def resumed(topic: str, epoch: str, first: int, last: int) -> str:
    return encode({"type": "resumed", "topic": topic, "epoch": epoch, "from": first, "to": last})
