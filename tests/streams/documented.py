"""Frames as the AsyncAPI document has them, to the letter: no other types, and no other fields."""

from collections.abc import Mapping
from typing import Any

import orjson
from jsonschema_rs import Draft7Validator

from tests.streams import boards
from tradeapi.app.application import MESSAGES
from tradeapi.streams.asyncapi import Document, document
from tradeapi.streams.limits import Limits

Frame = Mapping[str, Any]


def frame_of(text: str | bytes) -> Frame:
    """Raises for what the document does not have."""
    frame: Frame = orjson.loads(text)
    VALIDATORS[frame.get("type", frame.get("op"))].validate(frame)
    return frame


def validators_of(document: Document) -> Mapping[str, Draft7Validator]:
    """By the frames' types and ops; of several messages of one type one has to fit."""
    components = document["components"]
    payloads: dict[str, list[object]] = {}
    for message in components["messages"].values():
        payloads.setdefault(message["title"], []).append(message["payload"])
    closed = {"schemas": _closed(components["schemas"])}
    return {
        title: Draft7Validator({"anyOf": choice, "components": closed})
        for title, choice in payloads.items()
    }


def _closed(schema: Any) -> Any:
    """What a newer server may add this one does not say."""
    if isinstance(schema, list):
        return [_closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: _closed(value) for name, value in schema.items()}
    return {**closed, "additionalProperties": False} if "properties" in schema else closed


VALIDATORS = validators_of(
    document(Limits(), (*MESSAGES, *boards.MESSAGES), key_header="X-API-Key")
)
