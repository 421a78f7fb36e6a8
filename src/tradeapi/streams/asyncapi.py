"""The stream's AsyncAPI document: what goes over the socket, for programs and their makers."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response
from pydantic.json_schema import GenerateJsonSchema, models_json_schema
from pydantic_core import core_schema

from tradeapi import __version__
from tradeapi.settings import Settings
from tradeapi.streams.access import WARNING_SECONDS
from tradeapi.streams.codes import CLOSES, ERRORS
from tradeapi.streams.limits import FAULTS, FAULTS_SECONDS, Limits
from tradeapi.streams.messages import Error, Message, TopicName
from tradeapi.streams.operations import Operation
from tradeapi.streams.protocol import SUBPROTOCOL
from tradeapi.web.principal import FOR_EVERYBODY

Document = dict[str, Any]

DESCRIPTION = """\
One WebSocket carries many topics. Frames are text, one JSON object each. A server may add fields
and types of frames: ignore what you don't know.

**Who you are** you say in the handshake, by a header, a subprotocol or a ticket, or with `auth`
within {auth_seconds:g} seconds of `hello`, which says whether you have to. The socket lasts as long
as the credentials; `auth_expiring` comes {warning:g} seconds before their end.

**Rules for clients**

1. Apply a snapshot, and any other frame if its `seq` is above the last one of its topic; else
   ignore it. Gaps in `seq` are no loss: frames that newer ones replace are not sent to a client
   that is slow or throttled.
2. On `reset` forget what you hold of the topic and wait for the snapshot. On an `error` with a
   `topic` it is over.
3. When the socket closes, wait a random time between 0 and min(30 s, 0.5 s x 2^n) for the n-th
   attempt, or what `bye` says in `reconnect_in_ms`. Then subscribe with `resume`, giving the
   `epoch` of each topic's last snapshot and the last `seq` you applied. The answer is `resumed` and
   what you missed, or `reset` and a snapshot, or a snapshot alone where that is all there is.
4. Silence of twice `heartbeat` means a dead connection.

**Limits**: {topics} topics, frames of {frame_bytes} bytes, {messages_per_second} messages a second
after a burst of {burst}. Errors leave the socket open; {faults} faulty frames in a row within
{faults_seconds:g} seconds close it. So do {faults} `too_many_messages`, whatever comes between
them, unless you rest until a whole burst is allowed again.

| error | why |
|---|---|
{errors}

| closed with | why, and what then |
|---|---|
{closes}
"""


def asyncapi_router(settings: Settings, messages: Sequence[type[Message]]) -> APIRouter:
    """`messages` are all that there are: the protocol's and those of what is streamed."""
    router = APIRouter(include_in_schema=False, dependencies=[FOR_EVERYBODY])

    @cache
    def made() -> Document:
        return document(Limits.of(settings), messages, key_header=settings.api_key_header)

    @router.get("/asyncapi.json")
    async def get(request: Request) -> Response:
        servers = {"this": _server(request, made()["components"]["securitySchemes"])}
        return Response(orjson.dumps(made() | {"servers": servers}), media_type="application/json")

    return router


def document(limits: Limits, messages: Sequence[type[Message]], *, key_header: str) -> Document:
    """Without the server, which is where it is asked for."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "tradeapi",
            "version": __version__,
            "description": _description(limits),
            "license": {"name": "MIT"},
        },
        "defaultContentType": "application/json",
        "channels": {
            "stream": {
                "address": "/ws",
                "messages": {
                    message.__name__: {"$ref": f"#/components/messages/{message.__name__}"}
                    for message in messages
                },
                "bindings": {"ws": {"method": "GET", "bindingVersion": "0.1.0"}},
                "x-close-codes": {str(code): why for code, why in CLOSES.items()},
            }
        },
        "operations": {
            "tell": {
                "action": "send",
                "summary": "What the server says.",
                **_over_the_stream(one for one in messages if not issubclass(one, Operation)),
            },
            **{_op(one): _operation(one) for one in messages if issubclass(one, Operation)},
        },
        "components": {
            "messages": {message.__name__: _message(message) for message in messages},
            "schemas": _schemas(limits, messages),
            "securitySchemes": _security_schemes(key_header),
        },
    }


class _Draft7(GenerateJsonSchema):
    """Without the titles that only repeat names."""

    def field_title_should_be_set(self, _: core_schema.CoreSchema) -> bool:
        return False


def _server(request: Request, schemes: Iterable[str]) -> Document:
    """By the name that the caller has for it; unlike those of OpenAPI it can't be relative."""
    return {
        "host": request.headers.get("host", "localhost"),
        "protocol": "wss" if request.scope["scheme"] == "https" else "ws",
        "security": [{"$ref": f"#/components/securitySchemes/{name}"} for name in schemes],
    }


def _description(limits: Limits) -> str:
    return DESCRIPTION.format(
        auth_seconds=limits.auth_seconds,
        warning=WARNING_SECONDS,
        topics=limits.topics,
        frame_bytes=limits.frame_bytes,
        messages_per_second=limits.messages_per_second,
        burst=limits.burst,
        faults=FAULTS,
        faults_seconds=FAULTS_SECONDS,
        errors=_rows(ERRORS),
        closes=_rows(CLOSES),
    )


def _rows(meanings: Mapping[Any, str]) -> str:
    return "\n".join(f"| `{code}` | {meaning} |" for code, meaning in meanings.items())


def _security_schemes(key_header: str) -> Document:
    return {
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "description": "An access token or an API key in the handshake's `Authorization`.",
        },
        "key": {
            "type": "httpApiKey",
            "in": "header",
            "name": key_header,
            "description": "An API key.",
        },
        "subprotocol": {
            "type": "httpApiKey",
            "in": "header",
            "name": "Sec-WebSocket-Protocol",
            "description": f"`{SUBPROTOCOL}, bearer.` and an access token or an API key, for"
            f" browsers; only `{SUBPROTOCOL}` is echoed.",
        },
        "ticket": {
            "type": "httpApiKey",
            "in": "query",
            "name": "ticket",
            "description": "From `POST /api/v1/auth/ws-ticket`, good once.",
        },
    }


def _op(message: type[Operation]) -> str:
    op: str = orjson.loads(message.example)["op"]
    return op


def _operation(message: type[Operation]) -> Document:
    return {
        "action": "receive",
        "summary": _summary(message),
        **_over_the_stream([message]),
        "reply": _over_the_stream([message.answer, Error]),
    }


def _over_the_stream(messages: Iterable[type[Message]]) -> Document:
    return {
        "channel": {"$ref": "#/channels/stream"},
        "messages": [
            {"$ref": f"#/channels/stream/messages/{message.__name__}"} for message in messages
        ],
    }


def _message(message: type[Message]) -> Document:
    example = orjson.loads(message.example)
    return {
        "name": message.__name__,
        "title": example.get("op") or example["type"],
        "summary": _summary(message),
        "payload": {"$ref": f"#/components/schemas/{message.__name__}"},
        "examples": [{"payload": example}],
    }


def _summary(message: type[Message]) -> str:
    return (message.__doc__ or "").partition("\n")[0]


def _schemas(limits: Limits, messages: Sequence[type[Message]]) -> Document:
    _, made = models_json_schema(
        [(message, "validation") for message in messages],
        ref_template="#/components/schemas/{model}",
        schema_generator=_Draft7,
    )
    schemas: Document = made["$defs"]
    names = [{"$ref": f"#/components/schemas/{name}"} for name in _topic_names(messages)]
    schemas["Topics"] |= {"items": {"anyOf": names}, "maxItems": limits.topics}
    return schemas


def _topic_names(messages: Sequence[type[Message]]) -> Iterable[str]:
    """Of the kinds of topics that the messages are about."""
    fields = [one.model_fields["topic"] for one in messages if "topic" in one.model_fields]
    kinds = [field.annotation for field in fields]
    return dict.fromkeys(
        kind.__name__ for kind in kinds if isinstance(kind, type) and issubclass(kind, TopicName)
    )
