"""Client frames: what is understood, and how the rest is refused."""

import json
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradeapi.streams.limits import Conduct, Limits
from tradeapi.streams.protocol import auth, encode, refusal
from tradeapi.streams.requests import (
    Authenticate,
    Ping,
    Position,
    Refused,
    Replay,
    StopReplay,
    Subscribe,
    Unsubscribe,
    parse,
)
from tradeapi.web.principal import Principal, Scope

LIMITS = Limits()
TOPIC = "bars:US:AAPL:1m"


def refused(frame: object) -> Refused:
    text = frame if isinstance(frame, str) else orjson.dumps(frame).decode()
    with pytest.raises(Refused) as refusal:
        parse(text, LIMITS)
    return refusal.value


def test_a_subscribe_with_every_option() -> None:
    """All fields of the contract are read, the throttle as seconds."""
    frame = {
        "op": "subscribe",
        "id": 2,
        "topics": [TOPIC, "quotes:US:AAPL", TOPIC],
        "history": 10,
        "throttle_ms": 250,
        "resume": {TOPIC: {"epoch": "k3f9", "seq": 1041}},
        "a later version's field": True,
    }
    assert parse(encode(frame), LIMITS) == Subscribe(
        id=2,
        topics=(TOPIC, "quotes:US:AAPL"),
        history=10,
        throttle=0.25,
        resume={TOPIC: Position("k3f9", 1041)},
    )


def test_the_defaults_of_subscribe() -> None:
    """Three hundred bars, unthrottled, from a snapshot."""
    frame = {"op": "subscribe", "topics": [TOPIC]}
    assert parse(encode(frame), LIMITS) == Subscribe(None, (TOPIC,), 300, 0, {})


def test_the_other_ops() -> None:
    """A token is nothing to print; the times of a replay are for its topic to read."""
    request = parse('{"op":"auth","id":1,"token":"swordfish"}', LIMITS)
    assert request == Authenticate(1, "swordfish")
    assert "swordfish" not in repr(request)
    frame = {"op": "replay", "id": 5, "topic": TOPIC, "start": "2024-01-02", "speed": 1.5}
    assert parse(encode(frame), LIMITS) == Replay(5, TOPIC, "2024-01-02", None, 1.5)
    frame = {"op": "replay", "topic": TOPIC, "start": 0, "end": [1]}
    assert parse(encode(frame), LIMITS) == Replay(None, TOPIC, 0, [1], 1)
    assert parse('{"op":"stop_replay","id":6,"replay":"r1"}', LIMITS) == StopReplay(6, "r1")
    assert parse('{"op":"unsubscribe","id":"a","topics":["x"]}', LIMITS) == Unsubscribe("a", ("x",))
    assert parse('{"op":"ping","id":-4}', LIMITS) == Ping(-4)


@pytest.mark.parametrize("text", ["", "{", "[" * 2000, "\x00", '{"op":NaN}', "null", "[]", '"a"'])
def test_what_is_no_json_object_is_a_bad_frame(text: str) -> None:
    """Also what is nested too deep to read."""
    assert refused(text).code == "bad_frame"


def test_an_unknown_op_is_refused_by_name() -> None:
    """The answer carries the request's id and names the ops there are."""
    answer = refused({"op": "dance", "id": 9})
    assert (answer.code, answer.id) == ("unknown_op", 9)
    assert "subscribe" in str(answer)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("op", None),
        ("op", 1),
        ("id", 1.5),
        ("id", True),
        ("id", []),
        ("id", "x" * 65),
        ("topics", None),
        ("topics", []),
        ("topics", TOPIC),
        ("topics", [TOPIC, 1]),
        ("topics", ["x" * 201]),
        ("topics", [""]),
        ("history", -1),
        ("history", 5001),
        ("history", "300"),
        ("history", True),
        ("throttle_ms", 60001),
        ("throttle_ms", 1.5),
        ("resume", []),
        ("resume", {TOPIC: 1}),
        ("resume", {TOPIC: {"epoch": 1, "seq": 1}}),
        ("resume", {TOPIC: {"epoch": "a", "seq": True}}),
    ],
)
def test_a_field_of_the_wrong_kind_is_named(field: str, value: object) -> None:
    """The error says which field it was."""
    answer = refused({"op": "subscribe", "topics": [TOPIC], field: value})
    assert (answer.code, answer.field) == ("invalid_field", field)


@pytest.mark.parametrize("token", [None, 1, "", "x" * 4097, ["x"]])
def test_a_token_is_a_string_of_bounded_length(token: object) -> None:
    """What it was is not repeated."""
    answer = refused({"op": "auth", "id": 7, "token": token})
    assert (answer.code, answer.field, answer.id) == ("invalid_field", "token", 7)
    assert "xx" not in str(answer)


def test_who_a_socket_serves_is_told() -> None:
    """Scopes in their order, the end in whole seconds, or none."""
    user = UUID(int=1)
    scopes = frozenset({Scope.WRITE, Scope.READ})
    assert orjson.loads(auth("a", Principal(user=user, scopes=scopes, expires=1700001800.9))) == {
        "type": "auth",
        "id": "a",
        "user": str(user),
        "scopes": ["read", "write"],
        "expires": 1700001800,
    }
    assert orjson.loads(auth(None, Principal(user=user)))["expires"] is None


def test_too_many_topics_in_one_frame() -> None:
    """Refused before any of them is looked at."""
    answer = refused({"op": "subscribe", "id": 2, "topics": [f"t:{n}" for n in range(10_000)]})
    assert orjson.loads(refusal(answer)) == {
        "type": "error",
        "id": 2,
        "field": "topics",
        "code": "too_many_topics",
        "detail": "10000 topics are more than the 500 a socket may have.",
    }


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
frames = st.fixed_dictionaries(
    {},
    optional={
        "op": st.sampled_from(["auth", "subscribe", "unsubscribe", "ping", "replay", "stop_replay"])
        | json_values,
        "id": json_values,
        "token": st.text(max_size=5) | json_values,
        "topics": st.lists(st.text(max_size=5), max_size=3) | json_values,
        "history": json_values,
        "throttle_ms": json_values,
        "resume": json_values,
        "topic": st.text(max_size=5) | json_values,
        "start": json_values,
        "end": json_values,
        "speed": json_values,
        "replay": st.text(max_size=5) | json_values,
    },
)


@given(st.text() | frames.map(json.dumps))
def test_any_text_is_either_a_request_or_refused(text: str) -> None:
    """Nothing else comes out of the parser, and every refusal can be encoded."""
    try:
        request = parse(text, LIMITS)
    except Refused as answer:
        refused = answer
    else:
        refused = Refused("", "", id=request.id)
    assert orjson.loads(refusal(refused))["type"] == "error"


def test_the_rate_allows_a_burst_and_recovers() -> None:
    """Sixty at once, then twenty a second."""
    conduct = Conduct(LIMITS)
    assert [conduct.allows(100.0) for _ in range(61)] == [True] * 60 + [False]
    assert [conduct.allows(100.5) for _ in range(11)] == [True] * 10 + [False]


def test_topics_that_are_looked_up_for_nothing_count_like_messages() -> None:
    """Two like one; who has asked for hundreds waits for a while."""
    conduct = Conduct(LIMITS)
    assert conduct.allows(100.0)
    conduct.pay(400)
    assert not conduct.allows(100.0)
    assert not conduct.allows(107.0)
    assert conduct.allows(107.2)


def test_twenty_messages_too_many_without_a_rest_are_abuse() -> None:
    """Also when some in between are within the rate."""
    conduct = Conduct(LIMITS)
    times = [100 + number / 100 for number in range(60)]
    assert all(conduct.allows(time) for time in times)
    is_too_many = [not conduct.allows(101 + number / 30) for number in range(200)]
    assert 20 < sum(is_too_many) < 180
    conduct.behaves()
    assert conduct.is_abuse(110.0)
    assert conduct.allows(120.0)
    assert not conduct.is_abuse(120.0)


def test_twenty_faults_in_a_row_are_abuse() -> None:
    """A good message in between, or a minute, begins the count anew."""
    conduct = Conduct(LIMITS)
    assert not any(conduct.is_abuse(float(second)) for second in range(19))
    conduct.behaves()
    assert not any(conduct.is_abuse(float(second)) for second in range(20, 39))
    assert not conduct.is_abuse(100.0)
    assert [conduct.is_abuse(101.0) for _ in range(19)] == [False] * 18 + [True]
