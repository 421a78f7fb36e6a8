"""The AsyncAPI document against the code; that frames are as it says, every client here checks."""

import re
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from jsonschema_rs import Draft7Validator, ValidationError, meta

from tests.documents.examples import ROOT
from tests.streams.documented import frame_of, validators_of
from tradeapi.app.application import MESSAGES
from tradeapi.streams import requests
from tradeapi.streams.asyncapi import document
from tradeapi.streams.codes import CLOSES, ERRORS
from tradeapi.streams.limits import Limits

DOCUMENT = document(Limits(topics=7), MESSAGES, key_header="X-API-Key")
SCHEMAS = DOCUMENT["components"]["schemas"]
SOURCES = "".join(
    path.read_text()
    for folder in (
        "streams",
        "market/live",
        "charts/live",
        "watchlists/live",
        "indices/live",
        "notifications/live",
        "tracked/live",
    )
    for path in (ROOT / "src/tradeapi" / folder).glob("*.py")
    if path.name not in {"asyncapi.py", "messages.py", "operations.py"}
)


def titles(action: str) -> set[str]:
    """Of the messages that the server sends or receives."""
    return {
        follow(follow(message["$ref"])["$ref"])["title"]
        for operation in DOCUMENT["operations"].values()
        if operation["action"] == action
        for message in operation["messages"]
    }


def follow(reference: str) -> Any:
    part: Any = DOCUMENT
    for step in reference.split("/")[1:]:
        part = part[step]
    return part


def references(part: object) -> Iterator[str]:
    if isinstance(part, list):
        for one in part:
            yield from references(one)
    elif isinstance(part, dict):
        for key, value in part.items():
            if key == "$ref":
                yield value
            else:
                yield from references(value)


def test_it_has_every_op_and_no_other() -> None:
    """Of those that are understood."""
    assert titles("receive") == {*requests._OPS}  # noqa: SLF001  nobody else needs them
    assert {*DOCUMENT["operations"]} == titles("receive") | {"tell"}


def test_it_has_every_type_of_frame_and_no_other() -> None:
    """Of those that are made anywhere."""
    made = re.findall(r'(?:"type": |Change\(type=|Announcement\()"(\w+)"', SOURCES)
    # Of a schema, not of a frame.
    assert titles("send") == {*made} - {"string"}


def test_it_has_every_code() -> None:
    """Of those that a client frame is refused with."""
    refused = set(re.findall(r'Refused\(\s*"(\w+)"', SOURCES))
    assert len(refused) > 5
    assert refused <= ERRORS.keys()
    for schema, codes in (("Error", ERRORS), ("Rejected", ERRORS)):
        assert SCHEMAS[schema]["properties"]["code"]["enum"] == [*codes]
    assert DOCUMENT["channels"]["stream"]["x-close-codes"].keys() == {*map(str, CLOSES)}


def test_every_reference_leads_somewhere() -> None:
    """Also those of the replies, into the channel."""
    found = {*references(DOCUMENT)}
    assert len(found) > 40
    for reference in found:
        assert follow(reference)


def test_each_example_is_one() -> None:
    """Of the message that it stands with, without fields that this does not have."""
    validators = validators_of(DOCUMENT)
    for message in DOCUMENT["components"]["messages"].values():
        (example,) = message["examples"]
        validators[message["title"]].validate(example["payload"])
        own = {"$ref": message["payload"]["$ref"], "components": DOCUMENT["components"]}
        Draft7Validator(own).validate(example["payload"])


def test_schemas_are_such_as_asyncapi_takes() -> None:
    """JSON schema, draft 7; with the limits that are set."""
    dialect = {"$schema": "http://json-schema.org/draft-07/schema#"}
    for schema in SCHEMAS.values():
        meta.validate(dialect | schema)
    assert not {"$defs", "prefixItems"} & {*re.findall(r"[$\w]+", orjson.dumps(SCHEMAS).decode())}
    assert SCHEMAS["Topics"]["maxItems"] == 7


@pytest.mark.parametrize(
    ("topic", "is_one"),
    [
        ("bars:SIM:BTCUSD:1m", True),
        ("bars:US:BRK.B:1M:splits", True),
        ("quotes:US:^GSPC", False),
        ("quotes:US:_SPX", True),
        ("bars:US:AAPL", False),
        ("bars:US:AAPL:1m:more", False),
        ("bars:US:AAPL:1y", False),
        ("quotes:AAPL", False),
        ("trades:US:AAPL", False),
    ],
)
def test_topics_have_names(topic: str, *, is_one: bool) -> None:
    """Those that may exist."""
    frame = {"op": "subscribe", "topics": [topic]}
    assert validators_of(DOCUMENT)["subscribe"].is_valid(frame) == is_one


@pytest.mark.parametrize(
    "frame",
    [
        '{"type": "pong", "id": 3, "more": 1}',
        '{"type": "error", "code": "unheard_of", "detail": ""}',
        '{"type": "ack", "id": 1, "topics": [], "rejected": [{"topic": "a"}]}',
        '{"type": "song"}',
        '{"op": "ping", "id": 1.5}',
        '{"op": "subscribe", "topics": []}',
    ],
)
def test_a_frame_that_it_does_not_have_is_found(frame: str) -> None:
    """So a client of these tests fails that hears one."""
    with pytest.raises((ValidationError, KeyError)):
        frame_of(frame)
