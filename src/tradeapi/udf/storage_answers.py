"""How TradingView's clients are answered about what is saved, and how that is described."""

from typing import Any

import orjson
from fastapi import Response

from tradeapi.udf import examples

TYPES = ("application/x-www-form-urlencoded", "multipart/form-data", "application/json")


def takes(**example: str) -> dict[str, Any]:
    """For a route's `openapi_extra`: a form with such texts."""
    texts = {name: {"type": "string"} for name in example}
    schema = {"type": "object", "properties": texts, "required": [*texts], "example": example}
    return {
        "requestBody": {"required": True, "content": {type: {"schema": schema} for type in TYPES}}
    }


def with_data(data: object) -> Response:
    return in_json({**examples.DONE, "data": data})


def in_json(value: object) -> Response:
    # What is somebody's own is for no cache.
    return Response(
        orjson.dumps(value), headers={"cache-control": "no-store"}, media_type="application/json"
    )
